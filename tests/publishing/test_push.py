# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d push` against a real HTTP server on the loopback interface: what goes, what stays, and who can load it."""

import json
import shutil

import pytest
import torch
from loopback_hub import USER, LoopbackHub
from safetensors.torch import load_file, save_file
from tiny_checkpoint import export_tiny_checkpoint, reference_of, run_steps, write_sample
from transformers import TrainingArguments
from transformers.utils.hub import hf_api

from transformers_sr3d.cli.main import main
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.publishing.card import figures_of, write_finetuned_card
from transformers_sr3d.publishing.files import card_facts, list_files
from transformers_sr3d.publishing.push import push_checkpoint
from transformers_sr3d.publishing.trainer import PublishingTrainer


NAME, TOKEN = f"{USER}/my-sr3d", "hf_secretsecretsecret"
CARD = "---\nlicense: apache-2.0\n---\n\n# Mine\n"


@pytest.fixture
def hub(monkeypatch):
    hf_api()  # a client made before is not the one that is asked
    with LoopbackHub() as server:
        server.be_the_hub(monkeypatch)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("push") / "checkpoint"
    export_tiny_checkpoint(folder)
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture
def folder(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "checkpoint")


def test_dry_run_names_everything_and_sends_nothing(folder, hub, capsys):
    for name in ("training_args.bin", "optimizer.pt", "old.pkl", "notes.txt", ".env", "trainer_state.json"):
        (folder / name).write_text("{}")
    (folder / "checkpoint-5").mkdir()
    assert main(["push", str(folder), NAME, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "would send   model.safetensors" in printed
    assert "stays        training_args.bin  belongs to a training run" in printed
    assert "stays        old.pkl  is pickled" in printed
    assert "stays        notes.txt  is not known" in printed
    assert "stays        checkpoint-5/  is a folder" in printed
    assert not hub.requests


def test_push_publishes_the_export_and_nothing_else(folder, exported, hub, capsys):
    for name in ("training_args.bin", "optimizer.pt", "notes.txt"):
        (folder / name).write_text("mine")
    assert main(["push", str(folder), NAME]) == 0
    assert set(hub.files(NAME)) == {path.name for path in exported.iterdir() if path.is_file()}
    assert "/commit/" in capsys.readouterr().out
    assert len(hub.repositories[NAME]) == 2  # the empty one, and one commit
    assert hub.private[NAME]


def test_pushed_checkpoint_loads_without_the_package(folder, hub, tmp_path):
    push_checkpoint(folder, NAME)
    logits = reference_of(folder, write_sample(tmp_path))["logits"]
    torch.save(logits, tmp_path / "logits.pt")
    options = ["--sample", str(tmp_path / "sample.json"), "--logits", str(tmp_path / "logits.pt"), NAME]
    environment = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    report = run_steps(*options, home=tmp_path / "home", blocked=True, **environment)["reports"][NAME]
    assert report["logits_equal"]


def test_second_push_replaces_weights_and_drops_what_is_gone(folder, hub):
    (folder / "LICENSE.txt").write_text("of the first")
    push_checkpoint(folder, NAME)
    weights = load_file(folder / "model.safetensors")
    name = "model.region_extractor.projector.weight"
    name = name if name in weights else next(key for key in weights if "region_extractor" in key)
    weights[name] = weights[name] + 1.0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "LICENSE.txt").unlink()
    push_checkpoint(folder, NAME, message="Better")
    first, second = hub.repositories[NAME][1:]
    assert first["model.safetensors"] != second["model.safetensors"]
    assert set(first) - set(second) == {"LICENSE.txt"}


def test_refused_push_changes_nothing_and_shows_no_token(folder, hub, capsys):
    push_checkpoint(folder, NAME)
    hub.refuse = f"the token {TOKEN} may not write"
    assert main(["push", str(folder), NAME]) == 2
    printed = capsys.readouterr()
    assert TOKEN not in printed.err + printed.out
    assert "the Hub refused" in printed.err
    assert len(hub.repositories[NAME]) == 2
    hub.refuse = None
    push_checkpoint(folder, NAME)
    assert len(hub.repositories[NAME]) == 3


def test_interrupted_push_sends_no_weights_twice(folder, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    hub.lfs, hub.refuse = True, "not now"
    with pytest.raises(OSError, match="the Hub refused"):
        push_checkpoint(folder, NAME)
    assert len(hub.objects) == 1
    hub.refuse = None
    push_checkpoint(folder, NAME)
    assert hub.files(NAME)["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert sum(line.startswith("PUT /lfs/") for line in hub.requests) == 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 100), "must be whole"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda folder: (folder / "README.md").unlink(), "README.md"),
        (lambda folder: (folder / "README.md").write_text("# Mine\n"), "licence"),
        (lambda folder: (folder / "modeling_sr3d.py").write_text("print()"), "code of this version"),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), "adapters"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "must be an SR-3D"),
        (
            lambda folder: (folder / "model.safetensors.index.json").write_text(
                json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}})
            ),
            "model-00001-of-00002",
        ),
    ],
)
def test_checkpoint_that_would_not_load_is_refused_before_anything_is_sent(folder, hub, capsys, spoil, words):
    spoil(folder)
    assert main(["push", str(folder), NAME]) == 2
    assert words in capsys.readouterr().err
    assert not hub.requests


def test_link_that_leaves_the_folder_stays(folder, tmp_path):
    (tmp_path / "secret").write_text("mine")
    (folder / "LICENSE").symlink_to(tmp_path / "secret")
    published, left = list_files(folder)
    assert "LICENSE" not in published
    assert "leaves the folder" in left["LICENSE"]


def test_trainer_publishes_an_export_without_its_arguments(exported, hub, tmp_path):
    model = SR3DForConditionalGeneration.from_pretrained(exported)
    arguments = TrainingArguments(
        str(tmp_path / "out"), push_to_hub=True, hub_model_id=NAME, use_cpu=True, report_to="none"
    )
    trainer = PublishingTrainer(model=model, args=arguments, processing_class=SR3DProcessor.from_pretrained(exported))
    trainer.save_model()  # writes training_args.bin beside the weights
    assert "/commit/" in trainer.push_to_hub()
    published = set(hub.files(NAME))
    assert {"modeling_sr3d.py", "pipeline_sr3d.py", "processor_config.json", "README.md"} <= published
    assert not any(name.endswith(".bin") for name in published)
    assert "AutoProcessor" in json.loads(hub.files(NAME)["config.json"])["auto_map"]
    with pytest.raises(ValueError, match="`token` must be left out"):
        trainer.push_to_hub(token=TOKEN)


def test_card_has_licence_of_the_base_and_figures_of_a_report(exported, tmp_path):
    rows = [{"category": "all", "right": 3, "total": 4, "percent": 75.0, "interval": [30.1, 95.4]}]
    manifest = {"benchmark": "records", "records": 4, "files": ["a/held.jsonl"], "date": "2026-11-23", "commit": None}
    write_finetuned_card(
        tmp_path, base=str(exported), records=50, steps=12, report={"manifest": manifest, "rows": rows}
    )
    text = (tmp_path / "README.md").read_text()
    assert card_facts(tmp_path)["license"] == "apache-2.0"
    assert "| all | 3 | 4 | 75.0 | 30.1 to 95.4 |" in text
    assert "50 own records, 12 steps" in text
    assert str(exported) not in text
    with pytest.raises(ValueError, match="--report"):
        figures_of({"rows": rows})


def test_push_writes_name_and_figures_into_the_card(folder, hub, tmp_path, capsys):
    write_finetuned_card(folder, base=None, records=50, steps=12, licence="mit")
    rows = [{"category": "all", "right": 3, "total": 4, "percent": 75.0, "interval": [30.1, 95.4]}]
    manifest = {"benchmark": "records", "records": 4, "files": ["held.jsonl"], "date": "2026-11-23", "commit": None}
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"manifest": manifest, "rows": rows}))
    assert main(["push", str(folder), NAME, "--report", str(report)]) == 0
    card = hub.files(NAME)["README.md"].decode()
    assert f'model="{NAME}"' in card
    assert "| all | 3 | 4 | 75.0 | 30.1 to 95.4 |" in card
    assert "None were measured" in (folder / "README.md").read_text()  # the folder stays as it is
    (folder / "README.md").write_text(CARD)
    requests = len(hub.requests)
    assert main(["push", str(folder), NAME, "--report", str(report)]) == 2
    assert "`--report` must go with a card that fine-tuning wrote" in capsys.readouterr().err
    assert len(hub.requests) == requests


@pytest.mark.parametrize("name", ["bad name/x", "no-owner", "a/b/c", "me/x--y", "me/.."])
def test_names_that_no_repository_can_have_are_refused_in_a_dry_run(exported, name, capsys):
    assert main(["push", str(exported), name, "--dry-run"]) == 2
    printed = capsys.readouterr()
    assert "`REPO` must be owner/name" in printed.err
    assert "would send" not in printed.out
