# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a conversion refuses, and that a stopped one goes on; nothing half-written is ever called a checkpoint."""

import json
import shutil

import pytest
import torch
from nvila_files import random_weights, rows_of, write_json, write_nvila_lite, write_sharded, write_vila
from safetensors.torch import load_file, save_file

from transformers_sr3d.cli.main import main
from transformers_sr3d.conversion import shards
from transformers_sr3d.conversion.conversion_plan import TIED
from transformers_sr3d.conversion.nvila import plan_nvila, write_nvila


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_vila(tmp_path_factory.mktemp("source") / "vila", random_weights())


@pytest.fixture
def source(original, tmp_path):
    return shutil.copytree(original, tmp_path / "vila")


def change_json(path, **changes):
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **changes})


def change_tensors(path, change):
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "image_aspect_ratio",
            "dynamic_s2",
            r"`image_aspect_ratio` of .*config.json must be 'dynamic' or 'resize', got",
        ),
        ("mm_vision_select_feature", "patch", "must be 'cls_patch', got 'patch'"),
        ("s2", True, "`s2` of .* must be False, got True"),
        ("num_time_tokens", 100, "must be 0, got 100"),
        ("vision_resolution", 896, "must be -1, got 896"),
        ("enable_depth", True, "depth tower of RoboRefer"),
        ("depth_tower_cfg", {"x": 1}, "got depth_tower_cfg as well"),
    ],
)
def test_settings_that_would_compute_something_else_are_refused(source, key, value, message):
    change_json(source / "config.json", **{key: value})
    with pytest.raises(ValueError, match=message):
        plan_nvila(source)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("mm_projector", {"mm_projector_type": "linear"}, "`mm_projector_type` of .*got 'linear'"),
        ("llm", {"model_type": "llama"}, "`model_type` in .*llm must be 'qwen2'.*got 'llama'"),
        ("vision_tower", {"model_type": "intern_vit_6b"}, "must be 'siglip_vision_model'"),
        (
            "vision_tower",
            {"image_size": 84},
            r"position_embedding.weight.* must have shape \(36, 24\), got \(25, 24\)",
        ),
        ("llm", {"vocab_size": 7}, r"(embed_tokens|lm_head).weight.* must have shape \(7, 32\), got"),
        ("llm", {"num_hidden_layers": 4}, r"layers\.3\..* and \d+ others"),
        ("mm_projector", {"mm_projector_type": "mlp_downsample"}, "layers.5.bias.* has no place in SR-3D"),
    ],
)
def test_a_config_that_does_not_fit_the_weights_is_refused(source, file, changes, message):
    change_json(source / file / "config.json", **changes)
    with pytest.raises(ValueError, match=message):
        plan_nvila(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("layers.5.bias"), "without the one for model.multi_modal_projector.layers.5.bias"),
        (lambda w: w.update({"layers.9.weight": torch.zeros(2)}), "`layers.9.weight` of .* has no place"),
        (lambda w: w.update({"layers.5.bias": torch.zeros(31)}), r"must have shape \(32,\), got \(31,\)"),
        (lambda w: w.update({"layers.5.bias": torch.zeros(32, dtype=torch.int8)}), "must be one of .*got I8"),
    ],
    ids=["missing", "unknown", "shape", "quantised"],
)
def test_every_tensor_is_accounted_for(source, change, message):
    change_tensors(source / "mm_projector" / "model.safetensors", change)
    with pytest.raises(ValueError, match=message):
        plan_nvila(source)


def test_what_is_not_needed_is_left_behind_with_a_reason(source):
    def add(tensors):
        tensors["vision_model.embeddings.position_ids"] = torch.arange(25)[None]
        tensors["vision_model.head.probe"] = torch.zeros(1, 1, 24)

    change_tensors(source / "vision_tower" / "model.safetensors", add)
    unused = dict(plan_nvila(source).plan.unused)
    assert sorted(unused) == [
        "vision_tower/vision_model.embeddings.position_ids",
        "vision_tower/vision_model.head.probe",
    ]
    assert "reads its hidden states" in unused["vision_tower/vision_model.head.probe"]


def test_a_tied_output_layer_must_equal_the_embedding(source):
    change_json(source / "llm" / "config.json", tie_word_embeddings=True)
    with pytest.raises(ValueError, match="must equal the token embedding"):
        plan_nvila(source)
    for file in (source / "llm").glob("*.safetensors"):
        change_tensors(file, lambda w: w.pop("lm_head.weight", None))
    tensors = {
        key: value for file in sorted((source / "llm").glob("*.safetensors")) for key, value in load_file(file).items()
    }
    write_sharded(source / "llm", {**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"].clone()}, 3)
    assert plan_nvila(source).plan.unused == [("llm/lm_head.weight", TIED)]


def test_pickled_weights_are_refused_with_advice(source):
    file = source / "mm_projector" / "model.safetensors"
    file.rename(file.with_name("pytorch_model.bin"))
    with pytest.raises(ValueError, match=r"got pickled weights \(pytorch_model.bin\), which can run code"):
        plan_nvila(source)


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_a_damaged_file_is_named(source, keep):
    file = source / "mm_projector" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=rf"model.safetensors` must be a whole safetensors file, got {keep} bytes"):
        plan_nvila(source)


def test_a_missing_shard_is_named(source):
    (source / "llm" / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"of which 1 are missing: model-00002-of-00003"):
        plan_nvila(source)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", 3])
def test_an_index_that_names_files_elsewhere_is_refused(source, name):
    index = source / "llm" / "model.safetensors.index.json"
    content = json.loads(index.read_text(encoding="utf-8"))
    content["weight_map"]["model.norm.weight"] = name
    write_json(index, content)
    with pytest.raises(ValueError, match="must name files beside it"):
        plan_nvila(source)


def test_a_leftover_of_another_download_is_refused(source):
    tensors = load_file(source / "mm_projector" / "model.safetensors")
    save_file(tensors, source / "mm_projector" / "model-00001.safetensors")
    with pytest.raises(ValueError, match="must be in one file"):
        plan_nvila(source)


@pytest.mark.parametrize(("part", "error"), [("llm", FileNotFoundError), ("config.json", FileNotFoundError)])
def test_a_source_without_a_part_is_refused(source, part, error):
    path = source / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(error, match=r"must hold the folders llm|must be a file"):
        plan_nvila(source)


def test_a_tokenizer_without_chat_tokens_is_refused(source):
    change_json(source / "llm" / "tokenizer_config.json", added_tokens_decoder={}, additional_special_tokens=[])
    (source / "llm" / "added_tokens.json").unlink()
    change_json(source / "llm" / "tokenizer_config.json", bos_token=None, eos_token=None, pad_token=None)
    with pytest.raises(ValueError, match=r"must hold a tokenizer with <\|im_start\|>"):
        plan_nvila(source)


def test_an_image_token_of_another_tokenizer_is_refused(tmp_path):
    source = write_nvila_lite(tmp_path / "lite", random_weights())
    change_json(source / "config.json", image_token_id=5)
    with pytest.raises(ValueError, match=r"`image_token_id` of .* must be the tokenizer's id of <image>"):
        plan_nvila(source)


def test_a_tensor_of_an_unknown_part_is_refused(tmp_path):
    weights = random_weights()
    source = write_nvila_lite(tmp_path / "lite", {**weights, "depth_tower": {"x": torch.zeros(2)}})
    with pytest.raises(ValueError, match=r"`depth_tower.x` of .* must belong to llm"):
        plan_nvila(source)


def test_spare_rows_of_the_source_are_kept(tmp_path):
    few = rows_of(random_weights())
    source = write_vila(tmp_path / "vila", random_weights(rows=few + 64))
    conversion = plan_nvila(source)
    assert conversion.plan.rows == few + 64
    assert conversion.model.config.region_token_id == few + 3


def test_an_existing_folder_is_not_written_over(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    assert main(["convert", "nvila", str(source), "--out", str(tmp_path / "out")]) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_stopped_conversion_leaves_no_checkpoint_and_goes_on(source, tmp_path, monkeypatch):
    out, written = tmp_path / "sr3d", []
    save = shards.save_file

    def stop_at_the_fourth(values, path, metadata):
        if len(written) == 3:
            path.write_bytes(b"half")
            raise OSError("disk full")
        written.append(path.name)
        save(values, path, metadata=metadata)

    conversion = plan_nvila(source, max_shard_bytes=20_000)
    assert len(conversion.shards) > 5
    monkeypatch.setattr(shards, "save_file", stop_at_the_fourth)
    with pytest.raises(OSError, match="disk full"):
        write_nvila(conversion, out)
    assert not out.exists()
    left = tmp_path / ".sr3d.partial"
    assert len(list(left.glob("model-*.safetensors"))) == 3
    written.clear()
    monkeypatch.setattr(
        shards, "save_file", lambda values, path, metadata: (written.append(path.name), save(values, path, metadata))
    )
    write_nvila(plan_nvila(source, max_shard_bytes=20_000), out)
    assert len(written) == len(conversion.shards) - 3
    assert not left.exists()
    write_nvila(plan_nvila(source, max_shard_bytes=20_000), tmp_path / "whole")
    for file in (tmp_path / "whole").iterdir():
        if file.name != "README.md":
            assert file.read_bytes() == (out / file.name).read_bytes(), file.name


def test_leftovers_of_another_conversion_are_not_used(source, tmp_path):
    out = tmp_path / "sr3d"
    other = plan_nvila(source, dtype="bfloat16")
    with shards.working_folder(tmp_path / "other", {"of": "another"}):
        pass
    left = tmp_path / ".sr3d.partial"
    left.mkdir()
    (left / "conversion.json").write_text('{"of": "another"}', encoding="utf-8")
    (left / "model.safetensors").write_bytes(b"not mine")
    write_nvila(other, out)
    assert load_file(out / "model.safetensors")["lm_head.weight"].dtype == torch.bfloat16


@pytest.mark.parametrize("size", ["0", "-1", "nan"])
def test_a_shard_size_must_be_positive(source, tmp_path, size, capsys):
    assert main(["convert", "nvila", str(source), "--out", str(tmp_path / "x"), f"--max-shard-gb={size}"]) == 2
    assert "`--max-shard-gb` must be above 0" in capsys.readouterr().err
