# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d init --vision NAME --text NAME --out DST`: a new SR-3D from a vision tower and a language model."""

import argparse
from pathlib import Path
from typing import Any

from transformers_sr3d.configuration_sr3d import PROJECTOR_DOWNSAMPLE


DTYPES = ("float32", "bfloat16", "float16")
DEFAULT_PROJECTOR = "mlp_downsample_3x3_fix"
DEFAULT_MAX_TILES = 12


def add_parser(subparsers: Any) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "init",
        help="a new SR-3D from a vision tower and a language model",
        description="Put a vision tower and a causal language model together. Projector, 3D position encoding and "
        "region branch are new, so the result has to be trained. Parts may be folders or names on the Hub.",
    )
    parser.add_argument("--vision", required=True, metavar="NAME", help="SigLIP, SigLIP 2, CLIP, DINO, or an SR-3D")
    parser.add_argument("--text", required=True, metavar="NAME", help="any causal language model, or a GGUF file")
    parser.add_argument("--out", required=True, metavar="DST", help="folder to write; it must not exist")
    parser.add_argument("--vision-layer", type=int, metavar="N", help="hidden state to read (default: -2)")
    parser.add_argument(
        "--projector",
        choices=sorted(PROJECTOR_DOWNSAMPLE),
        default=DEFAULT_PROJECTOR,
        help=f"2x2 or 3x3 patches a token (default: {DEFAULT_PROJECTOR})",
    )
    parser.add_argument(
        "--max-tiles",
        type=int,
        default=DEFAULT_MAX_TILES,
        metavar="N",
        help=f"that a single image is cut into (default: {DEFAULT_MAX_TILES})",
    )
    parser.add_argument("--dtype", choices=DTYPES, default=DTYPES[0], help=f"of the weights (default: {DTYPES[0]})")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the weights that are new (default: 0)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make a new SR-3D.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If a part or an option is refused.
        OSError: If a file is missing or cannot be written.
    """
    from transformers_sr3d.conversion.assembly import assemble, describe_assembly, write_assembly
    from transformers_sr3d.conversion.parts import load_language_model, load_tower
    from transformers_sr3d.conversion.shards import check_out

    check_out(Path(args.out))
    tower = load_tower(args.vision, feature_layer=args.vision_layer)
    assembly = assemble(
        tower,
        load_language_model(args.text),
        projector=args.projector,
        max_tiles=args.max_tiles,
        seed=args.seed,
        dtype=args.dtype,
    )
    print("\n".join(describe_assembly(assembly)))
    write_assembly(assembly, args.out)
    print(args.out)
    return 0
