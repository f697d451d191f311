# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d render --scenes N --out DIR`: furnished rooms -> scene folders. `sr3d render pack`: furniture -> one file."""

import argparse


PACK_WORKERS = 2  # processes that convert furniture; a command line may start some, a library call may not
MAX_PACK_MIB = 2**20


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "render",
        help="render furnished rooms with exact geometry",
        description="Render furnished rooms. A second call goes on where it was stopped, or adds scenes.",
    )
    parser.add_argument("--scenes", type=int, metavar="N", help="number of scenes")
    parser.add_argument("--out", metavar="DIR", help="where scene-000000, scene-000001, ... go")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed, other rooms (default: 0)")
    parser.add_argument(
        "--furniture",
        metavar="PATH",
        help="package sweethome3d-furniture (.deb), its unpacked folder, or a pack (default: a small pack)",
    )
    parser.add_argument("--split", default="train", choices=("train", "val", "test"), help="default: train")
    parser.add_argument(
        "--views",
        type=int,
        nargs=2,
        default=(2, 8),
        metavar=("MIN", "MAX"),
        help="of a walk; 1 1 for photos only (default: 2 8)",
    )
    parser.add_argument(
        "--photo-share", type=float, default=0.5, metavar="P", help="share of scenes that are one photo (default: 0.5)"
    )
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="longer side of a view (default: 256)")
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="processes (default: 2)")
    parser.set_defaults(run=run)
    _add_pack(parser)


def _add_pack(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="pack")
    pack = actions.add_parser(
        "pack", help="write the furniture into one file", description="Write furniture into one small file."
    )
    pack.add_argument("--furniture", required=True, metavar="PATH", help="package (.deb) or its unpacked folder")
    pack.add_argument("--out", required=True, metavar="PACK", help="file to write")
    pack.add_argument("--max-mib", type=float, default=12.0, metavar="MIB", help="largest size (default: 12)")
    pack.set_defaults(run=run_pack)


def run(args: argparse.Namespace) -> int:
    """Render and print what was rendered.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If an option is missing or refused.
    """
    from pathlib import Path

    for name, value in (("--scenes", args.scenes), ("--out", args.out or None)):
        if value is None:
            raise ValueError(f"`{name}` is missing. Write for example: sr3d render --scenes 100 --out rooms")
    _check_render(args)

    from transformers_sr3d.rooms.furniture.pack import open_furniture
    from transformers_sr3d.rooms.rendering.job import RenderJob, run_job
    from transformers_sr3d.rooms.rendering.scenes import SceneSettings

    settings = SceneSettings(image_size=args.size, num_views=tuple(args.views), photo_share=args.photo_share)
    job = RenderJob(Path(args.out), args.scenes, args.split, args.seed, settings, args.workers)
    report = run_job(job, open_furniture(args.furniture, workers=PACK_WORKERS))
    rate = report.new_frames / report.seconds
    print(
        f"{report.num_scenes} scenes, {report.num_frames} frames in {args.out}; "
        f"{report.new_frames} new frames at {rate:.1f} frames/s"
    )
    return 0


def run_pack(args: argparse.Namespace) -> int:
    """Write a furniture pack and print its size.

    Args:
        args (`argparse.Namespace`):
            `furniture`, `out` and `max_mib`.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If an option is refused.
    """
    from pathlib import Path

    if not args.out.endswith(".safetensors") or Path(args.out).is_dir():
        raise ValueError(f"`--out` must be a file that ends in .safetensors, got {args.out!r}. Give another name.")
    _check_range("--max-mib", args.max_mib, 1 / 1024, MAX_PACK_MIB)

    from transformers_sr3d.rooms.furniture.pack import open_furniture
    from transformers_sr3d.rooms.furniture.pack_writer import write_pack

    furniture = open_furniture(args.furniture, workers=PACK_WORKERS)
    size = write_pack(furniture, Path(args.out), max_bytes=round(args.max_mib * 2**20), workers=PACK_WORKERS)
    print(f"{args.out}: {size / 2**20:.1f} MiB")
    return 0


def _check_render(args: argparse.Namespace) -> None:
    """Refuse options by their names before furniture is read or a folder made."""
    from pathlib import Path

    from transformers_sr3d.rooms.rendering.job import MAX_WORKERS
    from transformers_sr3d.rooms.rendering.scenes import (
        MAX_IMAGE_SIZE,
        MAX_SEED,
        MAX_VIEWS,
        MIN_IMAGE_SIZE,
        SCENES_PER_SEED,
    )

    _check_range("--scenes", args.scenes, 1, SCENES_PER_SEED)
    _check_range("--seed", args.seed, 0, MAX_SEED)
    _check_range("--views", args.views[0], 1, MAX_VIEWS)
    _check_range("--views", args.views[1], args.views[0], MAX_VIEWS)
    _check_range("--photo-share", args.photo_share, 0, 1)
    _check_range("--size", args.size, MIN_IMAGE_SIZE, MAX_IMAGE_SIZE)
    _check_range("--workers", args.workers, 1, MAX_WORKERS)
    if Path(args.out).exists() and not Path(args.out).is_dir():
        raise ValueError(f"`--out` must be a folder or new, got the file {args.out!r}. Give another name.")


def _check_range(option: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # NaN is never in between
        raise ValueError(
            f"`{option}` must be from {least:.15g} to {most:.15g}, got {value}. Choose a number in between."
        )
