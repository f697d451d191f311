# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d convert nvila SRC --out DST`: a published base model -> an SR-3D checkpoint to be trained."""

import argparse
from pathlib import Path
from typing import Any


DTYPES = ("auto", "bfloat16", "float16", "float32")
DEFAULT_SHARD_GB = 2.0


def add_parser(subparsers: Any) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser("convert", help="start from published weights")
    sources = parser.add_subparsers(dest="source", metavar="KIND", required=True)
    nvila = sources.add_parser(
        "nvila",
        help="an NVILA-Lite checkpoint",
        description="Convert an NVILA-Lite checkpoint (folders llm, vision_tower, mm_projector, or one folder of "
        "model type nvila_lite). Without depth and regions the result computes what the source computes.",
    )
    nvila.add_argument("src", metavar="SRC", help="folder of the source")
    nvila.add_argument("--out", required=True, metavar="DST", help="folder to write; it must not exist")
    nvila.add_argument("--dry-run", action="store_true", help="check everything, print the plan, write nothing")
    nvila.add_argument(
        "--dtype", choices=DTYPES, default=DTYPES[0], help="of the weights (default: auto, the source's)"
    )
    nvila.add_argument("--seed", type=int, default=0, metavar="N", help="of the weights that are new (default: 0)")
    nvila.add_argument("--licence", metavar="NAME", help="of the source, where its model card does not say")
    nvila.add_argument(
        "--max-shard-gb",
        type=float,
        default=DEFAULT_SHARD_GB,
        metavar="N",
        help=f"largest file of weights, and about the memory needed (default: {DEFAULT_SHARD_GB:g})",
    )
    nvila.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert a checkpoint.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If the source or an option is refused.
        OSError: If a file is missing or cannot be written.
    """
    if not args.max_shard_gb > 0:
        raise ValueError(f"`--max-shard-gb` must be above 0, got {args.max_shard_gb:g}. The default is 2.")

    from transformers_sr3d.conversion.nvila import describe_nvila, plan_nvila, write_nvila
    from transformers_sr3d.conversion.shards import check_out

    check_out(Path(args.out))
    conversion = plan_nvila(
        args.src,
        dtype=args.dtype,
        seed=args.seed,
        licence=args.licence,
        max_shard_bytes=int(args.max_shard_gb * 1e9),
    )
    print("\n".join(describe_nvila(conversion)))
    if args.dry_run:
        print("dry run: nothing was written")
        return 0
    write_nvila(conversion, args.out)
    print(args.out)
    return 0
