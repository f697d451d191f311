# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""How often `sr3d doctor` names a planted fault, and how often it sees one where there is none.

    python benchmarks/bench_doctor.py --furniture sweethome3d-furniture_1.8-1_all.deb [--scenes 200] [--json]

Renders rooms of one split (those of `--rooms` that are there are taken), plants every fault of `doctor.planted` in
each of them, and examines. A fault counts as named correctly if exactly its names are found and nothing else; as
mended if the corrected source is then found sound. What is done is kept in `--results`, so that a second call goes on.
`--sensor kinect` gives depth the steps, holes and ragged edges of a Kinect before faults are planted.

The limits of the examination were settled on rooms of the training split; figures are for those of another one.
"""

import argparse
import json
import math
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import torch
from common import metadata
from tqdm.auto import tqdm

from transformers_sr3d.doctor.examine import examine_source
from transformers_sr3d.doctor.mending import mend_source
from transformers_sr3d.doctor.planted import PLANTED
from transformers_sr3d.inputs.open_source import open_source
from transformers_sr3d.inputs.source import Source
from transformers_sr3d.rooms.degradations.depth_errors import draw_kinect, measure_like_kinect
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.rendering.job import RenderJob, run_job
from transformers_sr3d.rooms.rendering.scenes import SceneSettings


CONFIDENCE_95 = 1.959964
SOUND = ("nothing", "one view only")


def render_rooms(args: argparse.Namespace) -> None:
    """Render what is missing of the rooms."""
    settings = SceneSettings(image_size=args.size, num_views=(args.views, args.views), photo_share=0.0)
    job = RenderJob(args.rooms, args.scenes, args.split, args.seed, settings, args.workers)
    run_job(job, open_furniture(args.furniture, workers=args.workers))


def with_sensor(source: Source, sensor: str, rng: np.random.Generator) -> Source:
    """Replace exact depth by what a sensor would have given."""
    if sensor == "exact":
        return source
    settings = draw_kinect(rng)
    views = []
    for view in source.views:
        depth = measure_like_kinect(view.load_depth(), np.asarray(view.intrinsics), settings, rng)
        views.append(replace(view, load_depth=partial(np.array, depth)))
    return replace(source, views=tuple(views))


def examine_planted(source: Source, fault: str, rng: np.random.Generator) -> dict:
    """Plant one fault, examine, mend, and examine again.

    Args:
        source (`Source`):
            Sound.
        fault (`str`):
            A key of `PLANTED`.
        rng (`np.random.Generator`):
            Draws size and sign.

    Returns:
        `dict`: `found` (names, sorted), `is_correct`, `is_mended` (`None` where nothing is to be mended),
        `says_unchecked` (whether pose direction is said to be unchecked) and `cpu_seconds` of the first examination.
    """
    planted = PLANTED[fault]
    faulty = planted.plant(source, rng)
    start = process_time()
    report = examine_source(faulty)
    seconds = process_time() - start
    found = tuple(sorted({finding.name for finding in report.findings}))
    mended = None
    if found == planted.expected and report.mending.changes_anything:
        mended = examine_source(mend_source(faulty, report.mending)).is_sound
    return {
        "found": found,
        "is_correct": found == planted.expected,
        "is_mended": mended,
        "says_unchecked": "pose_direction" in report.not_checked,
        "cpu_seconds": seconds,
        "figures": report.figures,
    }


def examine_all(folders: list[Path], args: argparse.Namespace) -> Iterator[dict]:
    """Examine every scene under every fault, but for what the results file has already."""
    done = read_results(args.results)
    known = {(entry["scene"], entry["fault"], entry["sensor"]) for entry in done}
    yield from done
    args.results.parent.mkdir(parents=True, exist_ok=True)
    with args.results.open("a", encoding="utf-8") as file:
        for number, folder in enumerate(tqdm(folders, unit="scene", disable=None)):
            missing = [fault for fault in PLANTED if (folder.name, fault, args.sensor) not in known]
            if not missing:
                continue
            rng = np.random.default_rng([args.seed, number])
            source = with_sensor(open_source(folder), args.sensor, rng)
            for fault in missing:
                drawn = np.random.default_rng([args.seed, number, [*PLANTED].index(fault)])
                entry = {"scene": folder.name, "fault": fault, "sensor": args.sensor}
                entry |= examine_planted(source, fault, drawn)
                file.write(json.dumps(entry) + "\n")
                file.flush()
                yield entry


def read_results(path: Path) -> list[dict]:
    """Read what an earlier call found; a line that was cut off is removed from the file."""
    if not path.exists():
        return []
    whole, _, cut_off = path.read_text(encoding="utf-8").rpartition("\n")
    if cut_off:
        os.truncate(path, path.stat().st_size - len(cut_off.encode()))
    return [json.loads(line) for line in whole.splitlines()]


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Interval of 95 % for a share (Wilson, 1927)."""
    share, squared = successes / trials, CONFIDENCE_95**2
    middle = (share + squared / (2 * trials)) / (1 + squared / trials)
    spread = (
        math.sqrt(share * (1 - share) / trials + squared / (4 * trials**2)) * CONFIDENCE_95 / (1 + squared / trials)
    )
    return max(0.0, middle - spread), min(1.0, middle + spread)


def summarise(entries: Iterable[dict]) -> list[dict]:
    """Count per fault."""
    groups = defaultdict(list)
    for entry in entries:
        groups[entry["fault"]].append(entry)
    rows = []
    for fault in PLANTED:
        group = groups[fault]
        if not group:
            continue
        correct, mended = sum(entry["is_correct"] for entry in group), [entry["is_mended"] for entry in group]
        tried = [value for value in mended if value is not None]
        others: dict[str, int] = defaultdict(int)
        for entry in group:
            if not entry["is_correct"]:
                others[" + ".join(entry["found"]) or "nothing"] += 1
        rows.append(
            {
                "fault": fault,
                "least": PLANTED[fault].least,
                "scenes": len(group),
                "correct": correct,
                "interval": wilson_interval(correct, len(group)),
                "mended": sum(tried),
                "mendable": len(tried),
                "unchecked": sum(entry["says_unchecked"] for entry in group),
                "found_instead": dict(others),
                "cpu_seconds": float(np.mean([entry["cpu_seconds"] for entry in group])),
            }
        )
    return rows


def format_table(rows: list[dict]) -> str:
    """Write the counts as a Markdown table, planted faults first."""
    lines = [
        "| planted | least size | scenes | named correctly | 95 % interval | sound if mended | found else | CPU s |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for row in sorted(rows, key=lambda row: row["fault"] in SOUND):
        low, high = row["interval"]
        label = f"{row['fault']} (should find nothing)" if row["fault"] in SOUND else row["fault"]
        mended = f"{row['mended']} of {row['mendable']}" if row["mendable"] else "-"
        instead = ", ".join(f"{name} ({count})" for name, count in row["found_instead"].items()) or "-"
        lines.append(
            f"| {label} | {row['least']} | {row['scenes']} | {row['correct'] / row['scenes']:.1%} | {low:.1%} to "
            f"{high:.1%} | {mended} | {instead} | {row['cpu_seconds']:.2f} |"
        )
    faults = [row for row in rows if row["fault"] not in SOUND]
    if faults:
        correct, scenes = sum(row["correct"] for row in faults), sum(row["scenes"] for row in faults)
        low, high = wilson_interval(correct, scenes)
        lines.append(f"| all faults | | {scenes} | {correct / scenes:.1%} | {low:.1%} to {high:.1%} | | | |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure sr3d doctor on rooms with planted faults.")
    parser.add_argument(
        "--furniture", help="package sweethome3d-furniture, its folder, or a pack (default: small pack)"
    )
    parser.add_argument("--rooms", type=Path, default=Path("runs/doctor/rooms"), help="where rendered rooms are kept")
    parser.add_argument("--results", type=Path, default=Path("runs/doctor/results.jsonl"), help="what has been done")
    parser.add_argument("--scenes", type=int, default=200, help="number of rooms (default: 200)")
    parser.add_argument("--views", type=int, default=10, help="views of each room (default: 10)")
    parser.add_argument("--size", type=int, default=128, help="longer side of a view, pixels (default: 128)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="test", help="default: test")
    parser.add_argument("--seed", type=int, default=0, help="of rooms and faults (default: 0)")
    parser.add_argument("--sensor", choices=("exact", "kinect"), default="exact", help="default: exact depth")
    parser.add_argument("--workers", type=int, default=1, help="processes that render (default: 1)")
    parser.add_argument("--json", action="store_true", help="print counts and metadata as JSON")
    args = parser.parse_args()
    torch.set_num_threads(1)
    render_rooms(args)
    folders = sorted(args.rooms.glob("scene-*"))[: args.scenes]
    wanted = {folder.name for folder in folders}
    entries = [
        entry for entry in examine_all(folders, args) if entry["scene"] in wanted and entry["sensor"] == args.sensor
    ]
    rows, about = (
        summarise(entries),
        {**metadata("cpu"), "views": args.views, "split": args.split, "sensor": args.sensor},
    )
    if args.json:
        print(json.dumps({"metadata": about, "rows": rows}, indent=1))
    else:
        print(format_table(rows), ", ".join(f"{name} {value}" for name, value in about.items()), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
