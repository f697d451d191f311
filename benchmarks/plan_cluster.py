# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Time and memory of training on many GPUs, computed from the sizes of the model and an MFU.

    python benchmarks/plan_cluster.py --gpus 8 64 --samples 7e6 --mfu 0.2 0.4 --peak-tflops 989

Prints the tables of `docs/scaling.md`. The MFU is yours to give: `bench_train.py` measures it on a GPU of yours.
Operations are those of `training_flops.py`; memory is weights, gradients and moments in bytes per weight, plus what
activation checkpointing keeps: one vector per token and layer, and the logits.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from bench_model import SHAPES
from bench_train import prepare, scene_config
from training_flops import sizes_of, step_flops

from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration


TEXT_TOKENS = 200
TILES = {"a photo of 4:3, 12 tiles and a thumbnail": 13, "a walk of 32 views": 32}
GIB = 2.0**30


@dataclass(frozen=True)
class Kind:
    """A way to train: bytes per trained and per frozen weight, and whether weights are shared out over the GPUs."""

    name: str
    method: str
    bytes_trained: int
    bytes_frozen: int
    is_sharded: bool


KINDS = (
    # bfloat16 weight and gradient, float32 master and two moments
    Kind("full, FSDP2, float32 masters", "full", 2 + 2 + 4 + 8, 2, True),
    # bfloat16 weight, gradient and two moments
    Kind("full, FSDP2, bfloat16 only", "full", 2 + 2 + 4, 2, True),
    Kind("LoRA of rank 16, DDP", "lora", 2 + 2 + 4 + 8, 2, False),
)


def make_model(method: str) -> torch.nn.Module:
    """Make a model of the sizes of NVILA-Lite-8B, without memory."""
    with torch.device("meta"):
        return prepare(SR3DForConditionalGeneration(scene_config(SHAPES["8b"])), method)


def memory_bytes(model: torch.nn.Module, kind: Kind, *, num_gpus: int, tokens: int) -> float:
    """Compute the memory of one GPU at one sample a step, with activation checkpointing.

    Args:
        model (`nn.Module`):
            Of `make_model`.
        kind (`Kind`):
            How it is trained.
        num_gpus (`int`):
            That share weights, gradients and moments, if the kind shares them.
        tokens (`int`):
            Of a sample.

    Returns:
        `float`: Bytes.
    """
    text = model.config.get_text_config()
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    frozen = sum(weight.numel() for weight in model.parameters() if not weight.requires_grad)
    weights = (trained * kind.bytes_trained + frozen * kind.bytes_frozen) / (num_gpus if kind.is_sharded else 1)
    kept = 2 * tokens * text.hidden_size * text.num_hidden_layers
    logits = (2 + 4 + 4) * tokens * text.vocab_size  # bfloat16, float32 and its gradient
    return weights + kept + logits


def rows_of(options: argparse.Namespace) -> Iterator[list[str]]:
    """Compute the cells of every row."""
    for kind in KINDS:
        model = make_model(kind.method)
        sizes = sizes_of(model)
        for sample, tiles in TILES.items():
            tokens = tiles * (sizes.tokens + 1) + TEXT_TOKENS  # a line break after each tile
            flops = step_flops(sizes, tokens=tokens, tiles=tiles, method=kind.method)
            for gpus in options.gpus:
                rate = gpus * options.peak_tflops * 1e12
                days = [options.samples * flops / (rate * mfu) / 86400 for mfu in options.mfu]
                memory = memory_bytes(model, kind, num_gpus=gpus, tokens=tokens) / GIB
                yield [kind.name, sample, str(tokens), f"{flops / 1e12:.0f}", str(gpus),
                       *(f"{day:.1f}" for day in days), f"{memory:.0f}"]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Print the table.

    Args:
        arguments (`list[str]`, *optional*):
            Command line; defaults to that of the process.

    Returns:
        `int`: Exit status 0.

    Raises:
        ValueError: If a number is not above 0, or an MFU above 1.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpus", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--samples", type=float, default=7e6)
    parser.add_argument("--mfu", type=float, nargs="+", default=[0.2, 0.4], help="share of the peak that is reached")
    parser.add_argument(
        "--peak-tflops", type=float, default=989.0, help="of a GPU; 989 is bfloat16 of an H100 or H200"
    )
    options = parser.parse_args(arguments)
    if min(*options.gpus, options.samples, *options.mfu, options.peak_tflops) <= 0 or max(options.mfu) > 1:
        raise ValueError(f"All numbers must be above 0 and each MFU at most 1, got {vars(options)}. Change them.")
    heads = ["training", "sample", "tokens", "TFLOP per sample", "GPUs"]
    heads += [f"days at {mfu:.0%} MFU" for mfu in options.mfu] + ["GiB per GPU"]
    for cells in (heads, ["---"] * len(heads), *rows_of(options)):
        print(f"| {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
