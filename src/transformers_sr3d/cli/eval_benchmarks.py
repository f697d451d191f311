# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d eval TASK [TASK ...] --model M --data DIR`: published benchmarks from their official files."""

import argparse
from pathlib import Path
from typing import Any


# Names and one line each, so that help is quick; a test holds them equal to those of `benchmarks.tasks`.
BENCHMARKS = {
    "scanqa": "questions about ScanNet scans, free answers (CIDEr, EM)",
    "sqa3d": "questions from where one stands in a ScanNet scan (EM by type)",
    "scan2cap": "describe objects of ScanNet scans in proposed 3D boxes (CIDEr at IoU 0.5)",
    "vsi-bench": "space in videos, eight tasks (accuracy, mean relative accuracy)",
    "sr3d-bench-rebuilt": "sizes, choices and distances of marked 3D boxes, after SR-3D-Bench",
    "spatialrgpt-bench": "relations, sizes and distances of marked regions (parser, and a judge by --judge-url)",
    "blink-depth": "BLINK Relative_Depth: which of two marked points is closer",
    "blink-spatial": "BLINK Spatial_Relation: yes or no about one picture",
    "coco-regions": "names of objects in boxes or masks, out of 80 (accuracy, mAP)",
    "realworldqa": "questions about street scenes and everyday pictures",
    "embspatial": "EmbSpatial-Bench: relations of things seen by a robot, six kinds",
    "sat": "SAT: static and dynamic spatial choices about one or two pictures",
}
BASELINES = ("blind", "majority", "no-depth", "oracle")
ROOMS_BENCH = "rooms-bench"


def add_benchmark_parsers(tasks: argparse._SubParsersAction) -> None:
    """Add a task for every benchmark.

    Args:
        tasks (`argparse._SubParsersAction`):
            Of the parser of `sr3d eval`.
    """
    for name, about in BENCHMARKS.items():
        _add_benchmark(tasks, name, about)


def _add_benchmark(tasks: argparse._SubParsersAction, name: str, about: str) -> None:
    parser = tasks.add_parser(
        name,
        help=about,
        description=f"{about}. Official files, switches and protocol: docs/evaluation.md. A killed run goes on if it "
        "is called again with the same --json. Several processes: accelerate launch -m transformers_sr3d.cli.main ...",
    )
    add = parser.add_argument
    add("more", nargs="*", metavar="TASK", help="further benchmarks with the same options")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--model", metavar="M", help="folder of the checkpoint, or its name on the Hub")
    who.add_argument("--predictions", metavar="FILE", help="score these answers instead: JSONL of id and answer")
    add("--data", nargs="+", metavar="DIR", help="folder of the official files; of several tasks TASK=DIR each")
    add("--scenes", metavar="DIR", help="folder with a scan, scene or video per scene (default: that of the files)")
    add("--limit", type=int, metavar="N", help="only the first N questions")
    add("--frames", type=int, default=32, metavar="N", help="most views of a scene (default: 32)")
    add("--geometry", choices=("official", "estimator", "none"), help="where depth and poses come from")
    add("--depth-model", metavar="MODEL", help="for --geometry estimator: depth estimation model of Transformers")
    add("--structure-from-motion", action="store_true", help="for --geometry estimator: poses by COLMAP")
    add("--horizontal-fov-deg", type=float, metavar="DEG", help="of pictures whose focal length nothing tells")
    add(
        "--switch",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="choices of the protocol; of several tasks TASK.NAME=VALUE; see sr3d eval --list",
    )
    add("--baselines", nargs="+", default=[], metavar="NAME", choices=BASELINES, help=f"out of {', '.join(BASELINES)}")
    add("--judge-url", metavar="URL", help="OpenAI-compatible endpoint; its key is read from SR3D_JUDGE_API_KEY")
    add("--judge-model", metavar="NAME", help="as the endpoint calls it")
    add("--batch-size", type=int, default=8, metavar="N", help="questions at a time (default: 8)")
    add("--bits", type=int, choices=(4, 8), help="of each weight of the language model (default: all)")
    add(
        "--dtype",
        default="float32",
        choices=("float32", "bfloat16", "float16"),
        help="of the weights (default: float32)",
    )
    add("--json", metavar="FILE", help="write every answer and a manifest, the table beside it as .md; or a folder")
    parser.set_defaults(run=run_benchmarks, first=name)


def run_benchmarks(args: argparse.Namespace) -> int:
    """Measure on benchmarks and print.

    Args:
        args (`argparse.Namespace`):
            Of a benchmark's task.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If a task is unknown, or options do not fit each other.
    """
    names = [args.first, *args.more]
    if len(set(names)) < len(names):
        raise ValueError(f"`TASK` must be named once, got {' '.join(names)}. Drop one.")
    if args.predictions and len(names) > 1:
        raise ValueError(f"`--predictions` must belong to one task, got {len(names)}. Score one after the other.")
    official = [name for name in names if name != ROOMS_BENCH]
    folders = dict(zip(official, folders_of(official, args.data), strict=True))
    if len(names) > 1:  # what is missing for the last one is said before the first one runs
        _check_all(args, folders, with_rooms=ROOMS_BENCH in names)
        if args.json and Path(args.json).is_file():
            raise FileExistsError(
                f"`--json` must be a folder for several tasks, got the file {args.json}. Give another."
            )
        if args.json:
            Path(args.json).mkdir(parents=True, exist_ok=True)
    for name in names:
        json_path = Path(args.json, f"{name}.json") if args.json and len(names) > 1 else args.json
        if name == ROOMS_BENCH:
            _run_rooms_bench(args, json_path)
        else:
            _run(name, folders[name], args, json_path)
    return 0


def _check_all(args: argparse.Namespace, folders: dict[str, str], *, with_rooms: bool) -> None:
    from transformers_sr3d.evaluation.benchmarks.run import check_task
    from transformers_sr3d.evaluation.benchmarks.tasks import find_task

    tasks = [find_task(name) for name in folders]
    for option in ("geometry", "judge_url"):
        if with_rooms and getattr(args, option) is not None:
            raise ValueError(f"`--{option.replace('_', '-')}` has no effect on {ROOMS_BENCH}. Run it apart.")
    if with_rooms and args.dtype != "float32":
        raise ValueError(f"`--dtype` must be float32 for {ROOMS_BENCH}, got {args.dtype}. Run it apart.")
    for task in tasks:
        check_task(task, _settings(task.name, folders[task.name], args))


def _run_rooms_bench(args: argparse.Namespace, json_path: str | Path | None) -> None:
    """Measure on furnished rooms with the options that it shares with the others."""
    from transformers_sr3d.evaluation.benchmarks.table import write_markdown
    from transformers_sr3d.evaluation.rooms.report import format_markdown, format_text
    from transformers_sr3d.evaluation.rooms.rooms_bench import BenchSettings
    from transformers_sr3d.evaluation.rooms.runner import run_benchmark

    settings = BenchSettings(max_views=args.frames, baselines=_baselines(args))
    limit = 400 if args.limit is None else args.limit
    report = run_benchmark(
        args.model, settings, limit=limit, batch_size=args.batch_size, json_path=json_path, bits=args.bits
    )
    print(format_text(report["summary"]))
    if json_path:
        write_markdown(format_markdown(report["summary"]), json_path)


def _baselines(args: argparse.Namespace) -> tuple[str, ...]:
    return tuple(name.replace("-", "_") for name in args.baselines)


def _run(name: str, data: str, args: argparse.Namespace, json_path: str | Path | None) -> None:
    from transformers_sr3d.evaluation.benchmarks.run import run_task, score_predictions
    from transformers_sr3d.evaluation.benchmarks.table import format_markdown, write_markdown
    from transformers_sr3d.evaluation.benchmarks.tasks import find_task

    settings = _settings(name, data, args)
    if args.predictions:
        report = score_predictions(find_task(name), args.predictions, settings, json_path)
    else:
        # A run of several tasks that was killed goes on with the one that was not finished.
        report = run_task(find_task(name), args.model, settings, json_path, keep_finished=bool(args.more))
    if report is not None:  # the first of several processes
        print(format_markdown(report))
        if json_path:
            write_markdown(format_markdown(report), json_path)


def _settings(name: str, data: str, args: argparse.Namespace) -> Any:
    """Read `RunSettings` from the command line."""
    from transformers_sr3d.evaluation.benchmarks.judge import Judge
    from transformers_sr3d.evaluation.benchmarks.run import RunSettings
    from transformers_sr3d.evaluation.benchmarks.shown import ShowSettings
    from transformers_sr3d.evaluation.benchmarks.tasks import find_task

    if (args.judge_url is None) != (args.judge_model is None):
        raise ValueError("`--judge-url` and `--judge-model` must come together, got one of them. Give both.")
    # Of several tasks, some may show scenes and others pictures.
    shows_scenes = not args.more or find_task(name).uses_scenes
    return RunSettings(
        data=data,
        switches=tuple(switches_of(name, [args.first, *args.more], args.switch)),
        show=ShowSettings(
            args.geometry,
            args.frames if shows_scenes else ShowSettings.frames,
            args.scenes if shows_scenes else None,
            args.depth_model,
            args.structure_from_motion,
            args.horizontal_fov_deg,
        ),
        limit=args.limit,
        batch_size=args.batch_size,
        baselines=_baselines(args),
        bits=args.bits,
        dtype=args.dtype,
        judge=None if args.judge_url is None else Judge(args.judge_url, args.judge_model),
    )


def folders_of(names: list[str], given: list[str] | None) -> list[str]:
    """Read which folder has which task's files.

    Args:
        names (`list[str]`):
            Of the tasks.
        given (`list[str]`, *optional*):
            One folder for one task, else `TASK=DIR`.

    Returns:
        `list[str]`: A folder for each task; `data/TASK` by default.

    Raises:
        ValueError: If a task has none, or a folder is for none of them.
    """
    if not names:
        return []
    if given is None:
        return [f"data/{name}" for name in names]
    if len(names) == 1 and len(given) == 1 and not given[0].startswith(f"{names[0]}="):
        return given
    folders = dict(text.partition("=")[::2] for text in given)
    if set(folders) != set(names) or not all(folders.values()):
        raise ValueError(
            f"`--data` must be TASK=DIR for each of {', '.join(names)}, got {' '.join(given)}. Name each task once."
        )
    return [folders[name] for name in names]


def switches_of(task: str, tasks: list[str], given: list[str]) -> list[str]:
    """Read which switches are for a task.

    Args:
        task (`str`):
            The task.
        tasks (`list[str]`):
            All tasks that are run.
        given (`list[str]`):
            `NAME=VALUE`; of several tasks `TASK.NAME=VALUE`.

    Returns:
        `list[str]`: `NAME=VALUE`.

    Raises:
        ValueError: If a switch is for none of several tasks.
    """
    if len(tasks) == 1:
        return [text.removeprefix(f"{task}.") for text in given]
    homeless = [text for text in given if text.split(".")[0] not in tasks]
    if homeless:
        raise ValueError(f"`--switch` must be TASK.NAME=VALUE with several tasks, got {homeless[0]!r}. Name its task.")
    return [text.removeprefix(f"{task}.") for text in given if text.startswith(f"{task}.")]


def list_tasks() -> str:
    """Describe all benchmarks.

    Returns:
        `str`: For each its name, what it is, its files and their source, and its switches, the default first.
    """
    from transformers_sr3d.evaluation.benchmarks.tasks import TASKS

    lines = []
    for task in TASKS.values():
        switches = [f"{name}={'|'.join(values)}" for name, values in task.switches.items()]
        lines += [f"{task.name}", f"    {task.about}", f"    files: {task.layout}", f"    source: {task.source}"]
        lines += [f"    switches: {' '.join(switches)}"] if switches else []
    lines += ["rooms-bench", "    questions about furnished rooms, made here (docs/rooms_bench.md)"]
    lines += [
        "kinect",
        "    questions about one real RGB-D photo",
        "records",
        "    own questions (docs/data_format.md)",
    ]
    return "\n".join(lines)
