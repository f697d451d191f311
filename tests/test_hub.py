# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints on the Hub: pushed to a real HTTP server on the loopback interface, loaded from it by a stranger.

Every process has an empty Hugging Face folder of its own, so nothing can come from a cache.
"""

import pytest
import torch
from loopback_hub import USER, LoopbackHub
from tiny_checkpoint import export_tiny_checkpoint, make_model_and_processor, reference_of, run_steps, write_sample

from transformers_sr3d.hub import AUTO_MAP, CUSTOM_PIPELINES, export_checkpoint


NAME = f"{USER}/sr3d-tiny-v1.0"


@pytest.fixture(scope="module")
def hub():
    with LoopbackHub() as server:
        yield server


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    export_tiny_checkpoint(root / "export")
    logits = reference_of(root / "export", write_sample(root))["logits"]
    torch.save(logits, root / "logits.pt")
    return root


def run(root, *arguments, home, hub, blocked):
    options = ["--sample", str(root / "sample.json"), "--logits", str(root / "logits.pt")]
    environment = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_loopback", "HF_HUB_DISABLE_XET": "1"}
    return run_steps(*options, *arguments, home=root / home, blocked=blocked, **environment)


@pytest.fixture(scope="module")
def pushed(root, hub):
    run(root, "--push", NAME, str(root / "export"), home="home-push", hub=hub, blocked=False)
    return hub


@pytest.fixture(scope="module")
def loaded(root, pushed):
    names = (f"{NAME}-pipeline", NAME)  # the last one is saved again
    return run(
        root,
        *names,
        "--resave",
        str(root / "resaved"),
        "--ways",
        "by-hand",
        home="home-load",
        hub=pushed,
        blocked=True,
    )


def test_a_push_uploads_everything_that_an_export_holds(root, pushed):
    exported = {file.name for file in (root / "export").iterdir()}
    for name in (NAME, f"{NAME}-pipeline"):
        assert exported <= set(pushed.files(name))


@pytest.mark.parametrize("name", [NAME, f"{NAME}-pipeline"])
def test_a_repository_loads_without_the_package(loaded, name):
    report = loaded["reports"][name]
    assert report["logits_equal"]
    assert report["base_logits_equal"]
    assert report["chat_template"]
    assert report["inferred_task"] == "spatial-vqa"
    assert report["answer"]["provenance"]["geometry"] == "metric"
    code = {key: path for key, path in report["classes"].items() if key != "AutoTokenizer"}
    assert all(path.startswith("transformers_modules.") for path in code.values())


def test_a_repository_saved_to_a_folder_needs_the_hub_no_more(root, loaded):
    with LoopbackHub() as empty_hub:
        reports = run(root, *loaded["resaved"], home="home-again", hub=empty_hub, blocked=True)["reports"]
    assert [report["logits_equal"] for report in reports.values()] == [True]


def test_the_client_asks_for_nothing_that_the_server_does_not_know(loaded, hub):
    assert hub.unknown_requests == []


def test_an_export_leaves_the_list_of_classes_in_the_config(tmp_path):
    model, processor = make_model_and_processor()
    export_checkpoint(model, processor, tmp_path)
    assert model.config.auto_map == AUTO_MAP
    assert model.config.custom_pipelines == CUSTOM_PIPELINES


def test_only_the_whole_model_is_exported(tmp_path):
    model, processor = make_model_and_processor()
    with pytest.raises(ValueError, match=r"`model` must be an SR3DForConditionalGeneration, got SR3DModel"):
        export_checkpoint(model.model, processor, tmp_path)
