# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A tiny exported checkpoint, one RGB-D sample in files, and a process that loads the one and asks the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tiny import make_tiny_processor
from tiny_model import make_tiny_config, make_tiny_model, wake_zero_layers

from transformers_sr3d.hub import export_checkpoint


STEPS = Path(__file__).with_name("load_checkpoint.py")
INTRINSICS = {"fx": 60.0, "fy": 60.0, "cx": 31.5, "cy": 23.5}


def make_model_and_processor():
    """A tiny model with every branch awake, and the processor that fits it."""
    processor = make_tiny_processor()
    config = make_tiny_config(
        vocab_size=len(processor.tokenizer),
        image_token_id=processor.image_token_id,
        region_token_id=processor.region_token_id,
    )
    model = make_tiny_model(config)
    wake_zero_layers(model)
    return model, processor


def write_sample(folder: Path) -> dict:
    """A 64 x 48 picture with 16-bit depth in millimetres, a box 1 m away before a wall; as a pipeline sample."""
    folder.mkdir(parents=True, exist_ok=True)
    color = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    depth_mm = np.full((48, 64), 2000, dtype=np.uint16)
    depth_mm[12:36, 20:44] = 1000
    Image.fromarray(color).save(folder / "color.png")
    Image.fromarray(depth_mm).save(folder / "depth_mm.png")
    sample = {
        "text": "How far apart are <region0> and <region1>?",
        "images": [str(folder / "color.png")],
        "depths": [str(folder / "depth_mm.png")],
        "depth_unit": "mm",
        "intrinsics": INTRINSICS,
        "regions": [{"box_xyxy": [20, 12, 44, 36], "view": 0}, {"box_xyxy": [0, 0, 12, 48], "view": 0}],
    }
    (folder / "sample.json").write_text(json.dumps(sample), encoding="utf-8")
    return sample


def export_tiny_checkpoint(folder: Path) -> None:
    model, processor = make_model_and_processor()
    export_checkpoint(model, processor, folder)


def run_steps(*arguments: str, home: Path, blocked: bool, **environment: str) -> dict:
    """Run `load_checkpoint.py` in a fresh process and return what it reports.

    With `blocked` the package cannot be imported there. `home` takes the place of the user's Hugging Face folder.
    """
    settings = {
        "HF_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, str(STEPS), *(["--blocked"] if blocked else []), *arguments]
    done = subprocess.run(
        command, env={**os.environ, **settings, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-6000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def reference_of(folder: Path, sample: dict) -> dict[str, torch.Tensor]:
    """Logits of the installed code for the sample, computed as `load_checkpoint.py` computes them."""
    from load_checkpoint import logits_of

    from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
    from transformers_sr3d.processing_sr3d import SR3DProcessor

    model = SR3DForConditionalGeneration.from_pretrained(folder).eval()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logits = logits_of(model, SR3DProcessor.from_pretrained(folder), sample)
    torch.set_num_threads(threads)
    return {"logits": logits}
