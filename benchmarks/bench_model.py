# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Prefill, decoding and peak memory of random SR-3D models, beside Transformers' InternVL of equal shapes.

    python benchmarks/bench_model.py [--repetitions 15] [--shapes small|8b|tiny] [--device cpu|cuda]

Three arms get the same photo in the same tiles and equally long texts: SR-3D with 3D encoding and eight regions, the
same SR-3D model with neither, and InternVL. A turn is one greedy `generate` per arm: prefill is the time until the
first token is there, decoding the mean time of a further token. Peak memory is taken in a process per arm, which loads
its inputs from a file, builds its model and generates two tokens.
"""

import json
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import torch
from common import (
    NUM_REGIONS,
    Comparison,
    Samples,
    common_arguments,
    make_report,
    make_tokenizer,
    measure,
    publish,
    questions,
    read_photo,
    use_threads,
)
from transformers import InternVLConfig, InternVLForConditionalGeneration, PreTrainedModel
from transformers.generation import BaseStreamer

from transformers_sr3d.configuration_sr3d import SR3DConfig
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor


WITH_3D, PLAIN, PEER = "SR-3D, 3D and eight regions", "SR-3D, neither", "InternVL"
ARMS = (WITH_3D, PLAIN, PEER)
SPEED = [
    Comparison("prefill, 3D and eight regions / neither", "prefill", WITH_3D, PLAIN, 1.05),
    Comparison("prefill, 3D and eight regions / InternVL", "prefill", WITH_3D, PEER, None),
    Comparison("time per decoded token, 3D and eight regions / neither", "decode", WITH_3D, PLAIN, 1.0),
    Comparison("time per decoded token, 3D and eight regions / InternVL", "decode", WITH_3D, PEER, 1.0),
]
MEMORY = [
    Comparison("peak memory, 3D and eight regions / neither", "bytes_peak", WITH_3D, PLAIN, 1.05),
    Comparison("memory above weights, 3D and eight regions / neither", "bytes_above_weights", WITH_3D, PLAIN, None),
    Comparison("peak memory, 3D and eight regions / InternVL", "bytes_peak", WITH_3D, PEER, None),
]


@dataclass(frozen=True)
class Shapes:
    """Sizes that all arms share."""

    vision: dict
    text: dict
    num_tiles: int  # without the thumbnail
    num_tokens: int  # to decode
    dtype: torch.dtype


def _vision(hidden: int, intermediate: int, layers: int, heads: int, image_size: int = 448) -> dict:
    sizes = {"hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers}
    return {**sizes, "num_attention_heads": heads, "image_size": image_size, "patch_size": 14}


def _text(hidden: int, intermediate: int, layers: int, heads: int, vocab_size: int) -> dict:
    sizes = {"hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers}
    heads_of_keys = max(1, heads // 7 if heads == 28 else heads // 2)
    return {**sizes, "num_attention_heads": heads, "num_key_value_heads": heads_of_keys, "vocab_size": vocab_size}


SHAPES = {
    "tiny": Shapes(_vision(24, 32, 2, 2, image_size=56), _text(32, 48, 2, 4, 100), 2, 4, torch.float32),
    "small": Shapes(_vision(512, 1536, 8, 8), _text(512, 1536, 8, 8, 32000), 2, 32, torch.float32),
    # SigLIP so400m and Qwen2-7B
    "8b": Shapes(_vision(1152, 4304, 27, 16), _text(3584, 18944, 28, 28, 152064), 12, 128, torch.bfloat16),
}


class TokenClock(BaseStreamer):
    """Note when each new token arrives; `generate` hands tokens over on the host, so the device has finished them."""

    def __init__(self):
        self.times: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        """Note the time; the first call brings the prompt."""
        self.times.append(perf_counter())

    def end(self) -> None:
        """Do nothing."""


def sr3d_config(shapes: Shapes) -> SR3DConfig:
    """Make our config: SigLIP tower, Qwen2, the 2 x 2 projector, a fixed number of tiles."""
    tokenizer = make_tokenizer()
    return SR3DConfig(
        vision_config={"model_type": "siglip_vision_model", "vision_use_head": False, **shapes.vision},
        text_config={"model_type": "qwen2", **shapes.text},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        region_token_id=tokenizer.convert_tokens_to_ids("<region>"),
        projector_type="mlp_downsample",
        min_tiles=shapes.num_tiles,
        max_tiles=shapes.num_tiles,
    )


def internvl_config(shapes: Shapes) -> InternVLConfig:
    """Make InternVL's config with the same shapes, attention biases and activation."""
    vision = {**shapes.vision, "attention_bias": True, "hidden_act": "gelu_pytorch_tanh"}
    return InternVLConfig(
        vision_config={"model_type": "internvl_vision", **vision},
        text_config={"model_type": "qwen2", **shapes.text},
        image_token_id=make_tokenizer().convert_tokens_to_ids("<image>"),
        image_seq_length=(shapes.vision["image_size"] // shapes.vision["patch_size"] // 2) ** 2,
        tie_word_embeddings=False,
    )


def make_model(arm: str, shapes: Shapes, device: str) -> PreTrainedModel:
    """Build the model of an arm with random weights, on its device and in its dtype from the start."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(shapes.dtype)
    torch.manual_seed(0)
    with torch.device(device):
        if arm == PEER:
            model = InternVLForConditionalGeneration(internvl_config(shapes))
        else:
            model = SR3DForConditionalGeneration(sr3d_config(shapes))
    torch.set_default_dtype(before)
    model.generation_config.eos_token_id = None  # random weights must not stop early
    model.generation_config.pad_token_id = 0
    return model.eval()


def make_inputs(shapes: Shapes) -> dict[str, dict[str, torch.Tensor]]:
    """Make the inputs of every arm with our processor.

    Returns:
        `dict`: arm -> named tensors. All arms have the same pixels and equally many tokens, image and text.

    Raises:
        ValueError: If the texts differ in length.
    """
    processor = SR3DProcessor.from_config(sr3d_config(shapes), make_tokenizer())
    photo, text = read_photo(), questions()
    with_3d = dict(processor(text=text["regions"], **photo, return_tensors="pt"))
    plain = dict(processor(text=text["words"], images=photo["images"], return_tensors="pt"))
    lengths = [inputs["input_ids"].shape[1] for inputs in (with_3d, plain)]
    if lengths[0] != lengths[1]:
        raise ValueError(
            f"The texts of all arms must have equally many tokens, got {lengths}. Name things in words by as many "
            "words as a mention of a region has tokens."
        )
    shared = ("input_ids", "attention_mask", "pixel_values")
    return {WITH_3D: with_3d, PLAIN: plain, PEER: {name: plain[name] for name in shared}}


def generate(model: PreTrainedModel, inputs: dict[str, torch.Tensor], num_tokens: int) -> dict[str, float]:
    """Generate greedily and measure.

    Args:
        model (`PreTrainedModel`):
            In evaluation mode.
        inputs (`dict[str, torch.Tensor]`):
            On the model's device.
        num_tokens (`int`):
            New tokens, at least 2.

    Returns:
        `dict`: `prefill`, seconds until the first token, and `decode`, mean seconds of each further token.
    """
    clock = TokenClock()
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
    start = perf_counter()
    model.generate(**inputs, max_new_tokens=num_tokens, min_new_tokens=num_tokens, do_sample=False, streamer=clock)
    first, last = clock.times[1], clock.times[-1]
    return {"prefill": first - start, "decode": (last - first) / (num_tokens - 1)}


def to_device(inputs: dict[str, torch.Tensor], device: str) -> dict[str, torch.Tensor]:
    """Move inputs to a device; their dtypes stay as the processor made them."""
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def peak_of_this_process(arm: str, options: Namespace) -> dict[str, float]:
    """Build a model, generate two tokens and read the peak memory of this process."""
    inputs = to_device(torch.load(options.inputs), options.device)
    model = make_model(arm, SHAPES[options.shapes], options.device)
    before = _memory_bytes("VmRSS", options.device)
    generate(model, inputs, num_tokens=2)
    peak = _memory_bytes("VmHWM", options.device)
    return {"bytes_peak": peak, "bytes_above_weights": peak - before}


def _memory_bytes(field: str, device: str) -> float:
    """Read memory on the host (Linux) or on the GPU; `VmHWM` is the peak, `VmRSS` what is held now."""
    if device != "cpu":
        torch.cuda.synchronize(device)
        read = torch.cuda.max_memory_allocated if field == "VmHWM" else torch.cuda.memory_allocated
        return float(read(device))
    # Not `ru_maxrss`: a child inherits there the peak of the process that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(field))) * 1024


def memory_arm(arm: str, inputs: Path, options: Namespace) -> Callable[[], dict[str, float]]:
    """Make the function that measures the memory of one arm in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", arm, "--inputs", str(inputs), "--shapes", options.shapes]
    command += ["--device", options.device, "--threads", str(options.threads)]

    def run() -> dict[str, float]:
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode != 0:
            raise RuntimeError(f"The process that measures `{arm}` failed:\n{finished.stderr}")
        return json.loads(finished.stdout.splitlines()[-1])

    return run


def measure_memory(inputs: dict[str, dict[str, torch.Tensor]], options: Namespace) -> Samples:
    """Measure the peak memory of all arms, in turns, one process at a time."""
    with tempfile.TemporaryDirectory() as folder:
        arms = {}
        for index, arm in enumerate(ARMS):
            path = Path(folder) / f"{index}.pt"
            torch.save(inputs[arm], path)
            arms[arm] = memory_arm(arm, path, options)
        return measure(arms, repetitions=options.memory_repetitions, warmup=0)


def measure_speed(inputs: dict[str, dict[str, torch.Tensor]], options: Namespace) -> Samples:
    """Measure prefill and decoding of all arms, in turns, in this process; both SR-3D arms run the same model."""
    shapes = SHAPES[options.shapes]
    sr3d, peer = (make_model(arm, shapes, options.device) for arm in (WITH_3D, PEER))
    models = {WITH_3D: sr3d, PLAIN: sr3d, PEER: peer}
    on_device = {arm: to_device(inputs[arm], options.device) for arm in ARMS}
    arms = {arm: partial(generate, models[arm], on_device[arm], shapes.num_tokens) for arm in ARMS}
    return measure(arms, repetitions=options.repetitions, warmup=options.warmup)


def parse_options(arguments: list[str] | None) -> Namespace:
    """Read the command line."""
    parser = common_arguments(__doc__.splitlines()[0], repetitions=15, warmup=2, threads=0)
    parser.add_argument("--shapes", choices=tuple(SHAPES), default="small")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--memory-repetitions", type=int, default=3, help="processes per arm, 0 leaves memory out")
    parser.add_argument("--memory-of", choices=ARMS, help="print the peak memory of one arm and stop")
    parser.add_argument("--inputs", type=Path, help="with --memory-of: file with the inputs of the arm")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark.

    Args:
        arguments (`list[str]`, *optional*):
            Command line; defaults to that of the process.

    Returns:
        `int`: Exit status 0. A missed target is published, not raised.
    """
    options = parse_options(arguments)
    use_threads(options.threads)
    if options.memory_of is not None:
        print(json.dumps(peak_of_this_process(options.memory_of, options)))
        return 0

    shapes = SHAPES[options.shapes]
    inputs = make_inputs(shapes)
    # Memory first: on a GPU the models of the speed part would leave less room.
    memory = measure_memory(inputs, options) if options.memory_repetitions else {}
    speed = measure_speed(inputs, options)
    samples = {arm: {**speed[arm], **memory.get(arm, {})} for arm in ARMS}
    settings = {
        "shapes": options.shapes,
        "repetitions": options.repetitions,
        "warmup": options.warmup,
        "memory_repetitions": options.memory_repetitions,
        "regions": NUM_REGIONS,
        "tiles": len(inputs[PLAIN]["pixel_values"]),
        "prompt_tokens": inputs[PLAIN]["input_ids"].shape[1],
        "decoded_tokens": shapes.num_tokens - 1,
        "dtype": str(shapes.dtype),
        "vision": shapes.vision,
        "text": shapes.text,
    }
    comparisons = SPEED + (MEMORY if memory else [])
    publish(make_report("model", settings, samples, comparisons, options.device), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
