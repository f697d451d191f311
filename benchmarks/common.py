# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What all benchmarks share: inputs, interleaved measuring, medians, ratios pair by pair, metadata, table and file.

    arms (name -> function that returns measurements) -> samples per arm and metric
    samples + comparisons                             -> table on standard output, JSON in `benchmarks/results`

The contract is written down in `benchmarks/README.md`; this file is where it is kept. Every measurement is a cost
(seconds or bytes), so a ratio below 1 is a win everywhere.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import PIL
import torch
import transformers
from PIL import Image
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast


ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PHOTO = ROOT / "demo" / "data" / "kinect_bookcase"
NUM_REGIONS = 8

Samples = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Comparison:
    """A ratio of two arms, and the largest value that the project accepts (`None`: shown for information)."""

    claim: str
    metric: str
    arm: str
    baseline: str
    target: float | None


def read_photo(num_regions: int = NUM_REGIONS) -> dict:
    """Read the Kinect photo and mark regions in it.

    Args:
        num_regions (`int`, *optional*, defaults to 8):
            Number of elliptic masks, spread over the photo in two rows.

    Returns:
        `dict`: `images` (PIL, 640 x 480), `depths` (uint16 millimetres), `depth_unit`, `intrinsics` and `regions`:
        keyword arguments of the processor, decoded, so that no measurement reads a file.
    """
    image = Image.open(PHOTO / "color.png").convert("RGB")
    depth = np.array(Image.open(PHOTO / "depth_mm.png"), dtype=np.uint16)
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
    per_row = -(-num_regions // 2)
    masks = []
    for index in range(num_regions):
        center_row = (index // per_row + 0.5) * depth.shape[0] / 2
        center_column = (index % per_row + 0.5) * depth.shape[1] / per_row
        masks.append(((rows - center_row) / 60) ** 2 + ((columns - center_column) / 45) ** 2 <= 1)
    return {
        "images": image,
        "depths": depth,
        "depth_unit": "mm",
        "intrinsics": json.loads((PHOTO / "cameras.json").read_text())["intrinsics"],
        "regions": [{"mask": mask} for mask in masks],
    }


def questions(num_regions: int = NUM_REGIONS) -> dict[str, str]:
    """Write one question twice, in equally many tokens: about marked regions and about things named in words.

    Args:
        num_regions (`int`, *optional*, defaults to 8):
            Number of things that the question names.

    Returns:
        `dict`: `regions`, where each thing is `<regionK>` (which becomes three tokens), and `words`, where each is
        three words.
    """
    frame = "<image> Which of these is the widest: {} ?"
    regions = " , ".join(f"<region{index}>" for index in range(num_regions))
    words = " , ".join(["the red chair"] * num_regions)
    return {"regions": frame.format(regions), "words": frame.format(words)}


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer with one token per word, per line break and per placeholder."""
    words = ["Which", "of", "these", "is", "the", "widest:", ",", "?", "red", "chair", "Region"]
    names = ["<unk>", "<pad>", "<image>", "<region>", "\n", *words, *map(str, range(10))]
    tokenizer = Tokenizer(models.WordLevel({name: index for index, name in enumerate(names)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(" +"), "removed"), pre_tokenizers.Split("\n", "isolated")]
    )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")
    wrapped.add_special_tokens({"additional_special_tokens": ["<image>", "<region>"]})
    return wrapped


def stopwatch(function: Callable[[], object], metric: str = "seconds") -> Callable[[], dict[str, float]]:
    """Turn a function into an arm that measures how long a call takes."""

    def run() -> dict[str, float]:
        start = perf_counter()
        function()
        return {metric: perf_counter() - start}

    return run


def measure(arms: dict[str, Callable[[], dict[str, float]]], *, repetitions: int, warmup: int) -> Samples:
    """Run arms in turns, A B A B, and collect what they measure.

    Args:
        arms (`dict[str, Callable]`):
            Functions that return measurements by metric.
        repetitions (`int`):
            Turns that count.
        warmup (`int`):
            Turns before, whose measurements are dropped.

    Returns:
        `dict`: arm -> metric -> one value per turn; equal positions belong to one turn.
    """
    samples: Samples = {}
    for turn in range(warmup + repetitions):
        for name, run in arms.items():
            measured = run()
            for metric, value in measured.items() if turn >= warmup else ():
                samples.setdefault(name, {}).setdefault(metric, []).append(value)
    return samples


def summarise(values: list[float]) -> dict[str, float]:
    """Return median and quartiles."""
    q1, median, q3 = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "q1": float(q1), "q3": float(q3)}


def compare(samples: Samples, comparison: Comparison) -> dict:
    """Divide two arms turn by turn and judge the ratio.

    Returns:
        `dict`: the comparison with median and quartiles of the ratio and a verdict: `met` if the median keeps the
        target, `within spread` if only the lower quartile does, else `missed`.
    """
    values = (samples[arm][comparison.metric] for arm in (comparison.arm, comparison.baseline))
    ratio = summarise([ours / other for ours, other in zip(*values, strict=True)])
    verdict = "information"
    if comparison.target is not None:
        kept = [ratio[name] <= comparison.target for name in ("median", "q1")]
        verdict = "met" if kept[0] else "within spread" if kept[1] else "missed"
    return {**vars(comparison), **ratio, "verdict": verdict}


def metadata(device: str) -> dict:
    """Describe machine, software and moment.

    Args:
        device (`str`):
            `"cpu"` or a CUDA device.

    Returns:
        `dict`: commit (with `+changes` where files differ from it), versions, processor, cores, threads, load of the
        machine when the measurements ended, and date.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD") + ("+changes" if _git("status", "--porcelain", "--", "src") else ""),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 2),
        "device": device if device == "cpu" else torch.cuda.get_device_name(device),
    }


def make_report(benchmark: str, settings: dict, samples: Samples, comparisons: list[Comparison], device: str) -> dict:
    """Gather everything that a result file holds."""
    arms = {
        arm: {metric: {**summarise(values), "samples": values} for metric, values in metrics.items()}
        for arm, metrics in samples.items()
    }
    return {
        "benchmark": benchmark,
        "metadata": metadata(device),
        "settings": settings,
        "arms": arms,
        "comparisons": [compare(samples, comparison) for comparison in comparisons],
    }


def format_tables(report: dict) -> str:
    """Write a report as Markdown tables: what was measured, the ratios with their verdicts, tables of its own."""
    lines = ["| arm | metric | median | interquartile range |", "|---|---|---|---|"]
    for arm, metrics in report["arms"].items():
        for metric, summary in metrics.items():
            low, high = (_with_unit(metric, summary[name]) for name in ("q1", "q3"))
            lines.append(f"| {arm} | {metric} | {_with_unit(metric, summary['median'])} | {low} to {high} |")
    lines += ["", "| claim | ratio | interquartile range | target | verdict |", "|---|---|---|---|---|"]
    for entry in report["comparisons"]:
        target = "-" if entry["target"] is None else f"<= {entry['target']:.2f}"
        spread = f"{entry['q1']:.3f} to {entry['q3']:.3f}"
        lines.append(f"| {entry['claim']} | {entry['median']:.3f} | {spread} | {target} | {entry['verdict']} |")
    for rows in report.get("tables", {}).values():
        lines += ["", *_table_of(rows)]
    return "\n".join(lines)


def _table_of(rows: list[dict[str, str]]) -> list[str]:
    """Write rows with equal keys as a Markdown table."""
    cells = [list(rows[0]), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return [f"| {' | '.join(line)} |" for line in cells]


def describe(report: dict) -> str:
    """Write metadata and settings of a report as one line."""
    entries = {**report["metadata"], **report["settings"]}
    return ", ".join(f"{name} {value}" for name, value in entries.items() if not isinstance(value, dict))


def publish(report: dict, folder: Path) -> Path:
    """Print the tables and write the result file.

    Args:
        report (`dict`):
            What `make_report` returned.
        folder (`Path`):
            Where the file goes; made if absent.

    Returns:
        `Path`: The file.
    """
    kind = "cpu" if report["metadata"]["device"] == "cpu" else "cuda"
    path = folder / f"{report['benchmark']}_{report['settings']['shapes']}_{kind}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(report), indent=1) + "\n")
    print(f"{report['benchmark']}: {describe(report)}\n\n{format_tables(report)}\n\nwritten to {path}")
    return path


def common_arguments(description: str, *, repetitions: int, warmup: int, threads: int) -> argparse.ArgumentParser:
    """Make a parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repetitions", type=int, default=repetitions, help="turns that count")
    parser.add_argument("--warmup", type=int, default=warmup, help="turns before, dropped")
    parser.add_argument("--threads", type=int, default=threads, help="threads of torch, 0 for one per core")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the result file")
    return parser


def use_threads(threads: int) -> None:
    """Set the threads of torch; 0 stands for one per core that this process may use."""
    torch.set_num_threads(threads or len(os.sched_getaffinity(0)))


def _with_unit(metric: str, value: float) -> str:
    return f"{value / 2**20:.1f} MiB" if metric.startswith("bytes") else f"{1e3 * value:.2f} ms"


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list) else value


def _git(*arguments: str) -> str:
    finished = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return finished.stdout.strip() if finished.returncode == 0 else "unknown"


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
