# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A vision tower and a language model -> a new SR-3D; small random ones of several families."""

import json
from pathlib import Path

import pytest
import torch
from nvila_files import make_bpe, saved_ids, write_tokenizer
from PIL import Image
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

from transformers_sr3d import SR3DForConditionalGeneration, SR3DProcessor
from transformers_sr3d.cli.main import main
from transformers_sr3d.conversion.assembly import assemble, write_assembly
from transformers_sr3d.conversion.card import joint_licence
from transformers_sr3d.conversion.parts import load_language_model, load_tower
from transformers_sr3d.estimators.licences import Licence


EMBEDDED = Path(__file__).resolve().parents[2] / "checkpoints" / "sr3d-tiny"
SMALL = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 2}
PICTURE = {"image_size": 70, "patch_size": 14}
TOWERS = {
    "siglip_vision_model": ({**SMALL, **PICTURE, "vision_use_head": False}, 0),
    "clip_vision_model": ({**SMALL, **PICTURE, "projection_dim": 8}, 1),
    "dinov2": ({**SMALL, **PICTURE}, 1),
    "dinov2_with_registers": ({**SMALL, **PICTURE, "num_register_tokens": 4}, 5),
}
TEXT = {"hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT |= {"num_key_value_heads": 2, "max_position_embeddings": 2048}
ROWS = make_bpe().get_vocab_size() + 5


def save_tower(folder, model_type="siglip_vision_model", mean=(0.4, 0.5, 0.6), **changes):
    settings = {**TOWERS[model_type][0], **changes} if model_type in TOWERS else changes
    torch.manual_seed(0)
    AutoModel.from_config(AutoConfig.for_model(model_type, **settings)).save_pretrained(folder)
    preprocessing = {"image_mean": list(mean), "image_std": [0.2, 0.3, 0.4], "rescale_factor": 1 / 255}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), encoding="utf-8")
    return folder


def save_language_model(folder, model_type="qwen2", **changes):
    torch.manual_seed(1)
    config = AutoConfig.for_model(model_type, **{**TEXT, "vocab_size": ROWS, "tie_word_embeddings": False, **changes})
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    write_tokenizer(folder)
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    return folder


def new_model(vision, text, out, **options):
    write_assembly(assemble(load_tower(str(vision)), load_language_model(str(text)), **options), out)
    return SR3DForConditionalGeneration.from_pretrained(out).eval(), SR3DProcessor.from_pretrained(out)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return save_language_model(tmp_path_factory.mktemp("text") / "text")


@pytest.fixture(scope="module")
def vision(tmp_path_factory):
    return save_tower(tmp_path_factory.mktemp("vision") / "vision")


@pytest.mark.parametrize("model_type", TOWERS)
def test_features_are_those_of_the_tower(model_type, text, tmp_path):
    folder = save_tower(tmp_path / "vision", model_type)
    model, processor = new_model(folder, text, tmp_path / "sr3d")
    prefix = TOWERS[model_type][1]
    assert model.config.num_prefix_tokens == prefix
    assert list(processor.image_processor.image_mean) == [0.4, 0.5, 0.6]
    pixels = torch.randn(2, 3, 70, 70, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder)(pixels, output_hidden_states=True).hidden_states[-2][:, prefix:]
        torch.testing.assert_close(model.get_image_features(pixels).last_hidden_state, expected)


@pytest.mark.parametrize("model_type", ["qwen2", "llama"])
@pytest.mark.parametrize("tied", [False, True], ids=["separate", "tied"])
def test_text_is_answered_as_by_the_language_model(model_type, tied, vision, tmp_path):
    folder = save_language_model(tmp_path / "text", model_type, tie_word_embeddings=tied)
    model, processor = new_model(vision, folder, tmp_path / "sr3d")
    ids = processor.tokenizer("How wide is it?", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        expected = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
        assert torch.equal(model(input_ids=ids).logits[..., :ROWS], expected)
    assert model.config.tie_word_embeddings == tied
    assert (model.lm_head.weight is model.get_input_embeddings().weight) == tied


def test_a_tower_inside_a_larger_model_is_found(text, tmp_path):
    parts = {"vision_config": TOWERS["siglip_vision_model"][0], "text_config": {**SMALL, "vocab_size": 100}}
    folder = save_tower(tmp_path / "siglip", "siglip", **parts)
    model, _ = new_model(folder, text, tmp_path / "sr3d")
    whole = AutoModel.from_pretrained(folder)
    pixels = torch.randn(1, 3, 70, 70, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = whole.vision_model(pixels, output_hidden_states=True).hidden_states[-2]
        torch.testing.assert_close(model.get_image_features(pixels).last_hidden_state, expected)


def test_the_tower_of_the_embedded_checkpoint_is_read_as_there(text, tmp_path):
    model, processor = new_model(EMBEDDED, text, tmp_path / "sr3d", max_tiles=4)
    there = SR3DForConditionalGeneration.from_pretrained(EMBEDDED, dtype=torch.float32).eval()
    pixels = torch.randn(1, 3, 192, 192, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = there.get_image_features(pixels).last_hidden_state
        torch.testing.assert_close(model.get_image_features(pixels).last_hidden_state, expected)
    assert processor.image_processor.max_tiles == 4


def test_depth_changes_nothing_before_training_and_the_model_answers(vision, text, tmp_path):
    model, processor = new_model(vision, text, tmp_path / "sr3d", projector="mlp_downsample", max_tiles=2)
    image = Image.new("RGB", (90, 64), (200, 90, 30))
    prompt = "<image>How wide is <region0>?"
    region = [{"box_xyxy": [5, 5, 40, 40]}]
    depth = torch.full((64, 90), 2.0)
    plain = processor(text="<image>What is it?", images=[image], return_tensors="pt")
    deep = processor(
        text="<image>What is it?", images=[image], depths=[depth], horizontal_fov_deg=60.0, return_tensors="pt"
    )
    with torch.no_grad():
        assert torch.equal(model(**plain).logits, model(**deep).logits)
    inputs = processor(
        text=prompt, images=[image], depths=[depth], horizontal_fov_deg=60.0, regions=region, return_tensors="pt"
    )
    assert model.generate(**inputs, max_new_tokens=3).shape[1] <= inputs["input_ids"].shape[1] + 3


def test_the_same_seed_gives_the_same_weights(vision, text, tmp_path):
    states = [
        new_model(vision, text, tmp_path / str(i), seed=seed)[0].state_dict() for i, seed in enumerate((3, 3, 4))
    ]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    differing = {key.split(".")[1] for key in states[0] if not torch.equal(states[0][key], states[2][key])}
    assert differing == {"multi_modal_projector", "position_encoding", "region_extractor"}


def test_chat_tokens_that_a_tokenizer_lacks_are_added(vision, tmp_path):
    folder = save_language_model(tmp_path / "text")
    config = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    kept = saved_ids()["<|endoftext|>"]
    config["added_tokens"] = [token for token in config["added_tokens"] if token["id"] <= kept]
    (folder / "tokenizer.json").write_text(json.dumps(config), encoding="utf-8")
    for name in ("vocab.json", "merges.txt", "added_tokens.json"):
        (folder / name).unlink(missing_ok=True)
    plain = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(plain), encoding="utf-8")
    assembly = assemble(load_tower(str(vision)), load_language_model(str(folder)))
    assert list(assembly.added_tokens) == ["<|im_start|>", "<|im_end|>", "<image>", "<region>"]
    assert assembly.model.generation_config.eos_token_id == [kept + 2, kept]


@pytest.mark.parametrize(
    ("model_type", "changes", "message"),
    [
        ("gemma2", {"head_dim": 8, "final_logit_softcapping": 1.0}, "must compute its logits as a matrix product"),
        ("phi", {"num_key_value_heads": 4}, "output layer without bias"),
        ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4}, "must keep its token embedding as `embed_tokens`"),
    ],
)
def test_a_language_model_that_computes_otherwise_is_refused(model_type, changes, message, vision, tmp_path):
    folder = save_language_model(tmp_path / "text", model_type, **changes)
    with pytest.raises(ValueError, match=message):
        assemble(load_tower(str(vision)), load_language_model(str(folder)))


def test_a_tower_without_a_square_grid_is_refused(tmp_path):
    folder = save_tower(tmp_path / "vision", "resnet", embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    with pytest.raises(ValueError, match="must have one square `image_size`"):
        load_tower(str(folder))


def test_a_hidden_state_that_is_not_there_is_refused(vision):
    with pytest.raises(ValueError, match="hidden states that have a number -9"):
        load_tower(str(vision), feature_layer=-9)


def test_a_tower_with_missing_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = save_tower(tmp_path / "vision")
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(next(key for key in tensors if key.endswith("fc1.bias")))
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"must hold every weight of its model, got .* without .*fc1\.bias"):
        load_tower(str(folder))


@pytest.mark.parametrize(
    ("names", "joint"),
    [
        (("apache-2.0", "apache-2.0"), "apache-2.0"),
        (("apache-2.0", "cc-by-nc-4.0"), "cc-by-nc-4.0"),
        (("mit", "apache-2.0"), "apache-2.0 and mit"),
        (("mit", None), None),
        (("cc-by-nc-4.0", None), None),
    ],
)
def test_a_restriction_of_one_part_holds_for_the_whole(names, joint):
    assert joint_licence([Licence("x", name, "") for name in names]) == joint


@pytest.mark.parametrize("argument", ["--vision", "--text"])
def test_a_part_that_is_not_there_is_named(argument, vision, text, tmp_path, capsys):
    parts = {"--vision": str(vision), "--text": str(text), argument: str(tmp_path / "nothing")}
    options = [word for pair in parts.items() for word in pair]
    assert main(["init", *options, "--out", str(tmp_path / "sr3d")]) == 2
    assert f"`{argument}` must be" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_a_checkpoint_with_a_card(vision, text, tmp_path, capsys):
    out = tmp_path / "sr3d"
    command = ["init", "--vision", str(vision), "--text", str(text), "--out", str(out), "--dtype", "bfloat16"]
    assert main(command) == 0
    assert "3x3 patches a token" in capsys.readouterr().out
    assert SR3DForConditionalGeneration.from_pretrained(out).dtype == torch.bfloat16
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "license: unknown" in card
    assert str(vision.parent) not in card
    assert str(text.parent) not in card
    assert "means nothing yet" in card
    assert (out / "pipeline_sr3d.py").is_file()
    assert main(command) == 2
    assert "must not exist yet" in capsys.readouterr().err
