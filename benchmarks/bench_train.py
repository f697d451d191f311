# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A training step of random SR-3D models: time beside InternVL, tokens per second, MFU, peak memory, longest scene.

    python benchmarks/bench_train.py [--method lora|full] [--shapes small|8b|tiny] [--device cpu|cuda]

The arms are those of `bench_model.py`: the same photo in the same tiles, equally long texts. A step is forward,
backward and AdamW on a batch of one, the tower frozen, weights, gradients and moments in the dtype of the shapes (so
`--method full --shapes 8b` is full tuning in bfloat16 without fp32 master weights). Scenes of 1, 2, 4 ... views come
first, each in a process of its own, until one does not fit; a single view is cut into tiles.

MFU is operations (`training_flops.py`) over time, divided by what the device could do: `--peak-tflops`, or else the
fastest product of two large matrices in the same dtype, measured here.
"""

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from time import perf_counter

import bench_model
import numpy as np
import torch
from bench_model import ARMS, PEER, PLAIN, SHAPES, WITH_3D, make_inputs, make_model, sr3d_config, to_device
from common import Comparison, common_arguments, make_report, make_tokenizer, measure, publish, read_photo, use_threads
from torch import nn
from training_flops import sizes_of, step_flops

from transformers_sr3d.finetuning.settings import TuningSettings
from transformers_sr3d.finetuning.tuning import add_adapters, prepare_tuning
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor


VIEWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MEDIA_TOKENS = ("<image>", "<region>")


def comparisons(arms: tuple[str, ...]) -> list[Comparison]:
    """Name the ratios; no target was set for training."""
    rows = [Comparison("training step, 3D and eight regions / neither", "step", WITH_3D, PLAIN, None)]
    if PEER in arms:
        rows.append(Comparison("training step, 3D and eight regions / InternVL", "step", WITH_3D, PEER, None))
    return rows


def prepare(model: nn.Module, method: str) -> nn.Module:
    """Choose what is trained: language model or adapters, and our 3D parts or, in full tuning, every projector."""
    tuning = TuningSettings(method=method, projector_learning_rate=2e-4 if method == "full" else 0.0)
    if isinstance(model, SR3DForConditionalGeneration):
        return prepare_tuning(model, tuning)
    model.requires_grad_(False)
    if method == "lora":
        return add_adapters(model, tuning, [])
    for part in (model.model.multi_modal_projector, model.model.language_model, model.lm_head):
        part.requires_grad_(True)
    return model


def make_step(model: nn.Module, inputs: dict[str, torch.Tensor]) -> Callable[[], dict[str, float]]:
    """Make the function that trains one step and measures how long it takes."""
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-6)
    labels = inputs["input_ids"].clone()
    for token in make_tokenizer().convert_tokens_to_ids(list(MEDIA_TOKENS)):
        labels[labels == token] = -100
    model.train()

    def step() -> dict[str, float]:
        _wait(labels.device)
        start = perf_counter()
        model(**inputs, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        _wait(labels.device)
        return {"step": perf_counter() - start}

    return step


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_peak(dtype: torch.dtype, device: str, size: int = 4096) -> float:
    """Measure the operations per second of the fastest of five products of two square matrices."""
    size = size if device != "cpu" else size // 2
    left, right = torch.randn(size, size, device=device).to(dtype), torch.randn(size, size, device=device).to(dtype)
    seconds = []
    for _ in range(6):
        _wait(left.device)
        start = perf_counter()
        left @ right
        _wait(left.device)
        seconds.append(perf_counter() - start)
    return 2.0 * size**3 / min(seconds[1:])


def scene_inputs(num_views: int, shapes: bench_model.Shapes) -> dict[str, torch.Tensor]:
    """Make a scene: the photo from cameras that stand in a row, one region, a question.

    Args:
        num_views (`int`):
            Views, one tile each.
        shapes (`Shapes`):
            Of the model.

    Returns:
        `dict`: Named tensors.
    """
    photo = read_photo(1)
    poses = np.tile(np.eye(4), (num_views, 1, 1))
    poses[:, 0, 3] = 0.05 * np.arange(num_views)
    processor = SR3DProcessor.from_config(scene_config(shapes), make_tokenizer())
    return dict(
        processor(
            text="<image>" * num_views + " Which of these is the widest: <region0> ?",
            images=[photo["images"]] * num_views,
            depths=[photo["depths"]] * num_views,
            depth_unit="mm",
            intrinsics=photo["intrinsics"],
            camera_to_world=poses,
            world_up="-y",
            regions=[{**photo["regions"][0], "view": 0}],
            return_tensors="pt",
        )
    )


def scene_config(shapes: bench_model.Shapes):
    """Give the config of `bench_model`, with the 3 x 3 projector of the paper."""
    config = sr3d_config(shapes)
    return type(config)(**{**config.to_dict(), "projector_type": "mlp_downsample_3x3_fix"})


def train_on_scene(options: Namespace) -> dict[str, float]:
    """Train some steps on a scene in this process, and read its peak memory.

    Args:
        options (`Namespace`):
            Of the command line.

    Returns:
        `dict`: `tokens`, `tiles`, `seconds` of the fastest step after the first, `flops` and `bytes_peak`.
    """
    shapes = SHAPES[options.shapes]
    inputs = to_device(scene_inputs(options.views_of, shapes), options.device)
    before = torch.get_default_dtype()
    torch.set_default_dtype(shapes.dtype)
    with torch.device(options.device):
        model = SR3DForConditionalGeneration(scene_config(shapes))
    torch.set_default_dtype(before)
    model = prepare(model, options.method)
    if options.activation_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    step = make_step(model, inputs)
    seconds = [step()["step"] for _ in range(3)]
    tokens, tiles = inputs["input_ids"].shape[1], len(inputs["pixel_values"])
    return {
        "tokens": tokens,
        "tiles": tiles,
        "seconds": min(seconds[1:]),
        "flops": step_flops(sizes_of(model), tokens=tokens, tiles=tiles, method=options.method),
        "bytes_peak": bench_model._memory_bytes("VmHWM", options.device),
    }


def measure_scenes(options: Namespace, peak: float) -> list[dict[str, str]]:
    """Train on longer and longer scenes, each in a process of its own, until one fails or needs too much memory."""
    rows = []
    for views in (count for count in VIEWS if count <= options.max_views):
        found = _run_scene(views, options)
        if isinstance(found, str):
            rows.append(
                {"views": str(views), **dict.fromkeys(("tokens", "step", "tokens/s", "MFU"), ""), "peak": found}
            )
            break
        mfu = found["flops"] / found["seconds"] / peak
        rows.append(
            {
                "views": str(views),
                "tokens": str(found["tokens"]),
                "step": f"{found['seconds']:.2f} s",
                "tokens/s": f"{found['tokens'] / found['seconds']:.0f}",
                "MFU": f"{100 * mfu:.0f} %",
                "peak": f"{found['bytes_peak'] / 2**30:.2f} GiB",
            }
        )
    return rows


def _run_scene(views: int, options: Namespace) -> dict[str, float] | str:
    """Give what a process measured, or why it did not fit.

    Raises:
        RuntimeError: If the process failed for another reason than memory.
    """
    command = [sys.executable, __file__, "--views-of", str(views), "--method", options.method]
    command += ["--shapes", options.shapes, "--device", options.device, "--threads", str(options.threads)]
    command += ["--activation-checkpointing"] if options.activation_checkpointing else []
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode == 0:
        found = json.loads(finished.stdout.splitlines()[-1])
        limit = options.memory_gib * 2**30
        return found if found["bytes_peak"] <= limit else f"more than {options.memory_gib:g} GiB"
    if finished.returncode == -9 or "out of memory" in finished.stderr.lower():
        return "does not fit"
    raise RuntimeError(f"The process that trains on {views} views failed:\n{finished.stderr}")


def measure_arms(options: Namespace, peak: float) -> tuple[dict, list[dict[str, str]]]:
    """Measure steps of all arms in turns; both SR-3D arms train the same model.

    Args:
        options (`Namespace`):
            Of the command line.
        peak (`float`):
            Operations per second that the device can do.

    Returns:
        `tuple`: Samples by arm, and rows with tokens per second and MFU.
    """
    shapes, inputs = SHAPES[options.shapes], make_inputs(SHAPES[options.shapes])
    models = {WITH_3D: prepare(make_model(WITH_3D, shapes, options.device), options.method)}
    models[PLAIN] = models[WITH_3D]
    if not options.without_peer:
        models[PEER] = prepare(make_model(PEER, shapes, options.device), options.method)
    arms = {arm: make_step(model, to_device(inputs[arm], options.device)) for arm, model in models.items()}
    samples = measure(arms, repetitions=options.repetitions, warmup=options.warmup)
    rows = []
    for arm, model in models.items():
        tokens, tiles = inputs[arm]["input_ids"].shape[1], len(inputs[arm]["pixel_values"])
        seconds = float(np.median(samples[arm]["step"]))
        mfu = step_flops(sizes_of(model), tokens=tokens, tiles=tiles, method=options.method) / seconds / peak
        rows.append({"arm": arm, "tokens": str(tokens), "tokens/s": f"{tokens / seconds:.0f}", "MFU": f"{mfu:.0%}"})
    return samples, rows


def parse_options(arguments: list[str] | None) -> Namespace:
    """Read the command line."""
    parser = common_arguments(__doc__.splitlines()[0], repetitions=15, warmup=2, threads=0)
    parser.add_argument("--shapes", choices=tuple(SHAPES), default="small")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--method", choices=("lora", "full"), default="lora")
    parser.add_argument("--activation-checkpointing", action="store_true", help="for the scenes")
    parser.add_argument("--without-peer", action="store_true", help="leave InternVL out, where two models do not fit")
    parser.add_argument("--max-views", type=int, default=32, help="longest scene to try")
    parser.add_argument("--memory-gib", type=float, default=float("inf"), help="a scene that needs more does not fit")
    parser.add_argument("--peak-tflops", type=float, help="what the device can do; measured if not given")
    parser.add_argument("--views-of", type=int, help="train on one scene, print what it took, and stop")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark.

    Args:
        arguments (`list[str]`, *optional*):
            Command line; defaults to that of the process.

    Returns:
        `int`: Exit status 0.
    """
    options = parse_options(arguments)
    use_threads(options.threads)
    if options.views_of is not None:
        print(json.dumps(train_on_scene(options)))
        return 0
    shapes = SHAPES[options.shapes]
    peak = options.peak_tflops * 1e12 if options.peak_tflops else measure_peak(shapes.dtype, options.device)
    scenes = measure_scenes(options, peak)  # first: the models of the arms would leave less room on a GPU
    samples, rates = measure_arms(options, peak)
    settings = {
        "shapes": options.shapes,
        "method": options.method,
        "repetitions": options.repetitions,
        "warmup": options.warmup,
        "dtype": str(shapes.dtype),
        "activation_checkpointing": options.activation_checkpointing,
        "peak_tflops": peak / 1e12,
        "peak_is": "given" if options.peak_tflops else "the fastest matrix product of this run",
        "vision": shapes.vision,
        "text": shapes.text,
    }
    arms = tuple(arm for arm in ARMS if arm in samples)
    report = make_report(f"train_{options.method}", settings, samples, comparisons(arms), options.device)
    publish({**report, "tables": {"rates": rates, "scenes": scenes}}, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
