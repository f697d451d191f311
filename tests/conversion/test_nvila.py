# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""NVILA-Lite -> SR-3D: small random checkpoints of an independent writer, against a reference in plain torch."""

import pytest
import torch
from nvila_files import TEXT, VISION, random_weights, write_nvila_lite, write_vila
from PIL import Image
from plain_nvila import nvila, project, tower
from safetensors.torch import load_file

from transformers_sr3d import SR3DForConditionalGeneration, SR3DProcessor
from transformers_sr3d.cli.main import main
from transformers_sr3d.conversion.nvila import plan_nvila, write_nvila


PROJECTORS = ("mlp_downsample_3x3_fix", "mlp_downsample_2x2_fix", "mlp_downsample")
# Float32 on one core: the largest differences of eight seeds were 3e-6 (features) and 6e-6 (logits, of size 0.9).
TOLERANCE = {"rtol": 1e-4, "atol": 3e-5}
QUESTION = "How wide is the table?"


def convert(source, out, **options):
    write_nvila(plan_nvila(source, **options), out)
    return SR3DForConditionalGeneration.from_pretrained(out).eval(), SR3DProcessor.from_pretrained(out)


def pictures(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    arrays = torch.randint(0, 255, (count, 64, 90, 3), generator=generator, dtype=torch.uint8).numpy()
    return [Image.fromarray(array) for array in arrays]


@pytest.fixture(scope="module")
def weights():
    return random_weights()


@pytest.fixture(scope="module")
def source(weights, tmp_path_factory):
    return write_vila(tmp_path_factory.mktemp("source") / "vila", weights)


@pytest.fixture(scope="module")
def converted(source, tmp_path_factory):
    return convert(source, tmp_path_factory.mktemp("converted") / "sr3d")


@pytest.fixture(scope="module")
def sources(weights, source, tmp_path_factory):
    lite = write_nvila_lite(tmp_path_factory.mktemp("lite") / "lite", weights)
    return {"vila": source, "nvila_lite": lite}


def chat(processor, images, question=QUESTION):
    content = [*({"type": "image", "image": image} for image in images), {"type": "text", "text": question}]
    return processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )


def ids_of(processor, text):
    return processor.tokenizer(text, add_special_tokens=False)["input_ids"]


def prompt_of(processor, tiles, after_tile, question=QUESTION):
    """NVILA's prompt, as pieces for the reference: after the features of each tile come `after_tile` line ends."""
    line_end = ids_of(processor, "\n")
    head = "<|im_start|>system\nYou are a helpful assistant<|im_end|>\n<|im_start|>user\n"
    tail = "<|im_end|>\n<|im_start|>assistant\n"
    return [
        ids_of(processor, head),
        *[piece for _ in range(tiles) for piece in (None, line_end * after_tile)],
        ids_of(processor, question + tail),
    ]


@pytest.mark.parametrize("projector", PROJECTORS)
def test_features_equal_the_reference_after_tower_and_projector(projector, tmp_path):
    weights = random_weights(projector=projector, seed=3)
    model, _ = convert(write_vila(tmp_path / "source", weights, projector=projector), tmp_path / "sr3d")
    pixels = torch.randn(2, 3, 70, 70, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        outputs = model.get_image_features(pixels)
        features = tower(weights["vision_tower"], VISION, pixels)
        torch.testing.assert_close(outputs.last_hidden_state, features, **TOLERANCE)
        torch.testing.assert_close(outputs.pooler_output, project(weights["mm_projector"], features), **TOLERANCE)
    assert outputs.pooler_output.shape[1] == (4 if "3x3" in projector else 9)  # 5 x 5 patches, padded


@pytest.mark.parametrize("tied", [False, True], ids=["separate", "tied"])
def test_logits_of_several_images_equal_the_reference(tied, tmp_path):
    text = {**TEXT, "tie_word_embeddings": tied}
    weights = random_weights(text=text, seed=4)
    model, processor = convert(write_vila(tmp_path / "source", weights, text=text), tmp_path / "sr3d")
    inputs = chat(processor, pictures(3))
    assert inputs["pixel_values"].shape[0] == 3
    rows = len(weights["llm"]["model.embed_tokens.weight"])
    with torch.no_grad():
        logits = model(**inputs).logits[0]
        expected = nvila(weights, VISION, text, inputs["pixel_values"], prompt_of(processor, 3, 1))
    torch.testing.assert_close(logits[:, :rows], expected, **TOLERANCE)


def test_a_tiled_image_has_one_line_end_per_tile_less_than_nvila_writes(converted, weights):
    model, processor = converted
    inputs = chat(processor, pictures(1))
    tiles = inputs["pixel_values"].shape[0]
    ours, theirs = prompt_of(processor, tiles, 1), prompt_of(processor, tiles, 2)
    length = sum(4 if piece is None else len(piece) for piece in ours)
    assert tiles == 13
    assert inputs["input_ids"].shape[1] == length == sum(4 if p is None else len(p) for p in theirs) - tiles
    image = [processor.image_token_id] * 4
    ids = torch.tensor([[one for piece in theirs for one in (image if piece is None else piece)]])
    with torch.no_grad():  # the model itself takes either layout
        for layout, input_ids in ((ours, inputs["input_ids"]), (theirs, ids)):
            logits = model(input_ids=input_ids, pixel_values=inputs["pixel_values"]).logits[0]
            expected = nvila(weights, VISION, TEXT, inputs["pixel_values"], layout)
            torch.testing.assert_close(logits[:, : expected.shape[1]], expected, **TOLERANCE)


def test_text_alone_equals_the_reference(converted, weights):
    model, processor = converted
    ids = ids_of(processor, "How wide is it?\n")
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        expected = nvila(weights, VISION, TEXT, torch.zeros(0, 3, 70, 70), [ids])
    torch.testing.assert_close(logits[:, : expected.shape[1]], expected, **TOLERANCE)


def test_depth_changes_nothing_before_training(converted):
    model, processor = converted
    image = pictures(1)[0]
    plain = processor(text=f"<image>{QUESTION}", images=[image], return_tensors="pt")
    depth = torch.rand(64, 90, generator=torch.Generator().manual_seed(0)) + 1.0
    deep = processor(
        text=f"<image>{QUESTION}", images=[image], depths=[depth], horizontal_fov_deg=60.0, return_tensors="pt"
    )
    assert deep["patch_valid"].all()
    with torch.no_grad():
        assert torch.equal(model(**plain).logits, model(**deep).logits)


def test_a_region_is_answered_with_finite_numbers(converted):
    model, processor = converted
    inputs = processor(
        text="<image>How wide is <region0>?",
        images=pictures(1),
        regions=[{"box_xyxy": [5, 5, 40, 40]}],
        return_tensors="pt",
    )
    answer = model.generate(**inputs, max_new_tokens=4)
    assert answer.shape[1] <= inputs["input_ids"].shape[1] + 4
    assert model(**inputs).logits.isfinite().all()


def test_both_layouts_give_the_same_tensors(sources, tmp_path):
    loaded = {}
    for layout, folder in sources.items():
        convert(folder, tmp_path / layout)
        loaded[layout] = load_file(tmp_path / layout / "model.safetensors")
        assert plan_nvila(folder).source.layout == layout
    one, other = loaded.values()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    first, second = ((tmp_path / layout / "config.json").read_text() for layout in sources)
    assert first == second


def test_names_are_those_of_the_code_and_values_those_of_the_source(converted, weights):
    state = converted[0].state_dict()
    for part, prefix in (("vision_tower", "model.vision_tower."), ("mm_projector", "model.multi_modal_projector.")):
        for key, value in weights[part].items():
            assert torch.equal(state[prefix + key.removeprefix("vision_model.")], value), key
    rows = len(weights["llm"]["lm_head.weight"])
    for key, value in weights["llm"].items():
        name = key if key == "lm_head.weight" else "model.language_model." + key.removeprefix("model.")
        assert torch.equal(state[name][:rows] if rows == len(value) else state[name], value), key


def test_a_saved_and_loaded_checkpoint_is_the_same(converted, tmp_path):
    from transformers_sr3d.hub import export_checkpoint

    model, processor = converted
    export_checkpoint(model, processor, tmp_path / "again")
    again = SR3DForConditionalGeneration.from_pretrained(tmp_path / "again").eval()
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in model.state_dict().items())
    inputs = chat(processor, pictures(2))
    inputs_again = chat(SR3DProcessor.from_pretrained(tmp_path / "again"), pictures(2))
    assert torch.equal(inputs["input_ids"], inputs_again["input_ids"])
    with torch.no_grad():
        assert torch.equal(model(**inputs).logits, again(**inputs_again).logits)


def test_tokens_are_added_in_vilas_order_and_never_answered(converted, weights):
    model, processor = converted
    rows = len(weights["llm"]["lm_head.weight"])
    names = ["<vila/sentinel>", "<image>", "<vila/video>", "<region>"]
    assert processor.tokenizer.convert_tokens_to_ids(names) == [rows, rows + 1, rows + 2, rows + 3]
    assert model.generation_config.suppress_tokens == [rows, rows + 1, rows + 2, rows + 3]
    ends = processor.tokenizer.convert_tokens_to_ids(["<|im_end|>"])
    assert model.generation_config.eos_token_id == ends
    assert processor.tokenizer.padding_side == "left"
    head = model.lm_head.weight
    torch.testing.assert_close(head[rows:], head[:rows].mean(0).expand(4, -1))
    hidden = torch.randn(200, head.shape[1], generator=torch.Generator().manual_seed(0))
    assert int((hidden @ head.T).argmax(-1).max()) < rows


@pytest.mark.parametrize(
    ("wanted", "stored", "written"),
    [("auto", torch.bfloat16, torch.bfloat16), ("float32", torch.bfloat16, torch.float32)],
)
def test_weights_have_the_dtype_that_was_asked_for(wanted, stored, written, tmp_path):
    weights = random_weights(dtype=stored)
    weights["mm_projector"] = {key: value.float() for key, value in weights["mm_projector"].items()}
    model, _ = convert(write_vila(tmp_path / "source", weights), tmp_path / "sr3d", dtype=wanted)
    assert {value.dtype for value in load_file(tmp_path / "sr3d" / "model.safetensors").values()} == {written}
    assert model.dtype == written


def test_shards_hold_what_one_file_holds(source, tmp_path):
    one, _ = convert(source, tmp_path / "one")
    many, _ = convert(source, tmp_path / "many", max_shard_bytes=20_000)
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 4
    assert all(torch.equal(value, many.state_dict()[key]) for key, value in one.state_dict().items())


def test_the_command_prints_the_plan_and_a_dry_run_writes_nothing(source, tmp_path, capsys):
    out = tmp_path / "sr3d"
    assert main(["convert", "nvila", str(source), "--out", str(out), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "dry run: nothing was written" in printed
    assert "3x3 patches a token" in printed
    assert "cc-by-nc-4.0, which excludes commercial use" in printed
    assert list(tmp_path.iterdir()) == []
    assert main(["convert", "nvila", str(source), "--out", str(out)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sr3d"]
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-nc-4.0" in card
    assert "excludes commercial use" in card
    assert str(source.parent) not in card
    assert (out / "modeling_sr3d.py").is_file()
    assert not (out / "conversion.json").exists()


def test_the_licence_of_the_sources_card_counts(weights, tmp_path):
    source = write_vila(tmp_path / "source", weights)
    (source / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    assert plan_nvila(source).licence.name == "apache-2.0"
    assert plan_nvila(source, licence="my-licence").licence.name == "my-licence"
    write_nvila(plan_nvila(source, licence="my-licence"), tmp_path / "sr3d")
    assert "license_name: my-licence" in (tmp_path / "sr3d" / "README.md").read_text(encoding="utf-8")
