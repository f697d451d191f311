# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints carry their code: the import rule of the travelling files, and loading in fresh processes.

The expected logits are those of the installed code, and equality is to the last bit: same code, same thread count.
"""

import ast
import importlib.util
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from tiny_checkpoint import export_tiny_checkpoint, reference_of, run_steps, write_sample


PACKAGE = Path(importlib.util.find_spec("transformers_sr3d").origin).parent
TRAVELLING = sorted(PACKAGE.glob("*_sr3d.py"))
ALLOWED = {"torch", "numpy", "PIL", "transformers", "huggingface_hub"} | sys.stdlib_module_names
RELATIVE_LINE = re.compile(r"^[ \t]*(?:from|import)[ \t]+\.", re.MULTILINE)
AUTO_CLASSES = {
    "AutoConfig",
    "AutoImageProcessor",
    "AutoModel",
    "AutoModelForImageTextToText",
    "AutoModelForMultimodalLM",
    "AutoProcessor",
}
CODE_CLASSES = AUTO_CLASSES | {"pipeline"}


def import_problems(source: str, siblings: set[str]) -> list[str]:
    """Every import of a travelling file that the loader would not copy, would refuse, or would misread."""
    problems, relative_lines = [], set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            foreign = [alias.name for alias in node.names if alias.name.split(".")[0] not in ALLOWED]
            problems += [f"line {node.lineno}: imports {name}" for name in foreign]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if node.module.split(".")[0] not in ALLOWED or node.module == "__future__":
                problems.append(f"line {node.lineno}: imports from {node.module}")
        elif isinstance(node, ast.ImportFrom):
            relative_lines.add(node.lineno)
            if node.level != 1 or node.module not in siblings:
                problems.append(f"line {node.lineno}: {'.' * node.level}{node.module or ''} is no file beside it")
    for match in RELATIVE_LINE.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        if line not in relative_lines:
            problems.append(f"line {line}: text that the loader takes for an import")
    return problems


def relative_imports(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 1}


@pytest.mark.parametrize("file", TRAVELLING, ids=lambda file: file.stem)
def test_a_travelling_file_imports_only_what_the_loader_follows(file):
    assert import_problems(file.read_text(encoding="utf-8"), {other.stem for other in TRAVELLING}) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("from . import geometry_sr3d", r"line 1: \. is no file"),
        ("from .rooms.layout import Room", r"\.rooms\.layout is no file"),
        ("from ..package import thing", r"\.\.package is no file"),
        ("from .hub import export_checkpoint", r"\.hub is no file"),
        ("import transformers_sr3d", "imports transformers_sr3d"),
        ("def late():\n    import scipy", "line 2: imports scipy"),
        ("from torchvision.ops import nms", r"imports from torchvision\.ops"),
        ("from __future__ import annotations", "imports from __future__"),
        ('"""Points come\nfrom .geometry_sr3d in metres.\n"""', "line 2: text that the loader takes"),
    ],
)
def test_the_import_rule_catches_what_breaks_loading(source, problem):
    (found,) = import_problems(source, {"geometry_sr3d"})
    assert re.search(problem, found)


def test_the_model_file_reaches_every_travelling_file():
    reached, waiting = set(), {"modeling_sr3d"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= relative_imports(PACKAGE / f"{name}.py") - reached
    assert reached == {file.stem for file in TRAVELLING}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An exported checkpoint whose folder name has a minus sign and a point in it, a sample, and the right logits."""
    home = tmp_path_factory.mktemp("remote")
    folder = home / "sr3d-tiny-v1.0"
    export_tiny_checkpoint(folder)
    sample = write_sample(home / "sample")
    torch.save(reference_of(folder, sample)["logits"], home / "logits.pt")
    return folder


@pytest.fixture(scope="module")
def loaded(checkpoint):
    """Reports of two fresh processes, one that cannot import the package and one that has it installed."""
    ways = {"blocked": True, "installed": False}
    with ThreadPoolExecutor(len(ways)) as pool:
        running = {
            name: pool.submit(
                _load, checkpoint, [checkpoint], f"home-{name}", blocked=blocked, resave=f"resaved-{name}"
            )
            for name, blocked in ways.items()
        }
        return {name: process.result() for name, process in running.items()}


@pytest.fixture(scope="module")
def reloaded(checkpoint, loaded):
    """Reports on every checkpoint that those two saved again, from processes that cannot import the package."""
    with ThreadPoolExecutor(len(loaded)) as pool:
        running = [
            pool.submit(_load, checkpoint, report["resaved"], f"home-again-{name}", blocked=True)
            for name, report in loaded.items()
        ]
        return {folder: report for process in running for folder, report in process.result()["reports"].items()}


def _load(checkpoint, folders, home, *, blocked, resave=None):
    root = checkpoint.parent
    options = ["--sample", str(root / "sample" / "sample.json"), "--logits", str(root / "logits.pt")]
    options += ["--resave", str(root / resave)] if resave else []
    return run_steps(*options, *map(str, folders), home=root / home, blocked=blocked)


def _check_report(report):
    assert report["logits_equal"]
    assert report["base_logits_equal"]
    assert report["chat_template"]
    assert report["inferred_task"] == "spatial-vqa"
    assert set(report["auto_map"]) == AUTO_CLASSES
    assert report["answer"]["provenance"]["geometry"] == "metric"


def test_an_export_holds_the_code_and_names_every_class(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    assert set(config["auto_map"]) == AUTO_CLASSES
    assert config["custom_pipelines"]["spatial-vqa"]["impl"] == "pipeline_sr3d.SpatialVQAPipeline"
    assert {file.name for file in checkpoint.glob("*.py")} == {file.name for file in TRAVELLING}


def test_a_folder_loads_without_the_package(checkpoint, loaded):
    report = loaded["blocked"]["reports"][str(checkpoint)]
    _check_report(report)
    assert {
        name for name, path in report["classes"].items() if path.startswith("transformers_modules.")
    } == CODE_CLASSES


def test_a_folder_loads_with_the_package_installed(checkpoint, loaded):
    report = loaded["installed"]["reports"][str(checkpoint)]
    _check_report(report)
    installed = {name for name, path in report["classes"].items() if path.startswith("transformers_sr3d.")}
    assert installed == AUTO_CLASSES  # the pipeline of a folder is always the folder's own


def test_both_ways_of_loading_give_one_answer(checkpoint, loaded):
    answers = {name: process["reports"][str(checkpoint)]["answer"] for name, process in loaded.items()}
    assert answers["blocked"] == answers["installed"]


@pytest.mark.parametrize("way", ["by-hand", "by-pipeline", "by-trainer"])
@pytest.mark.parametrize("origin", ["resaved-blocked", "resaved-installed"])
def test_a_saved_again_checkpoint_loads_without_the_package(checkpoint, reloaded, origin, way):
    folder = checkpoint.parent / origin / way
    _check_report(reloaded[str(folder)])
    assert {file.name for file in folder.glob("*.py")} == {file.name for file in TRAVELLING}
    assert (folder / "chat_template.jinja").read_text() == (checkpoint / "chat_template.jinja").read_text()
