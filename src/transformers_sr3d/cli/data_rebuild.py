# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d data rebuild-bench INFO --out DIR`: SR-3D-Bench's categories and counts from EmbodiedScan's boxes."""

import argparse
import json


def add_rebuild_parser(actions: argparse._SubParsersAction) -> None:
    """Add the action.

    Args:
        actions (`argparse._SubParsersAction`):
            Of the parser of `sr3d data`.
    """
    parser = actions.add_parser(
        "rebuild-bench",
        help="build sr3d-bench-rebuilt from EmbodiedScan's annotations",
        description="Ask 2500 questions in SR-3D-Bench's categories and counts about scans with EmbodiedScan's boxes. "
        "A killed run goes on where it stopped.",
    )
    add = parser.add_argument
    add("info", metavar="INFO", help="embodiedscan_infos_val.pkl")
    add("--out", required=True, metavar="DIR", help="folder to write: questions, their structure, manifest, scenes")
    add("--data-root", metavar="DIR", help="folder with scannet/, 3rscan/, matterport3d/ (default: that of INFO)")
    add("--seed", type=int, default=0, metavar="N", help="of scenes, questions and regions (default: 0)")
    add("--views", type=int, default=32, metavar="N", help="most views of a scene (default: 32)")
    add("--share", type=float, default=1.0, metavar="S", help="of the official number of questions (default: 1)")
    parser.set_defaults(run=run_rebuild)


def run_rebuild(args: argparse.Namespace) -> int:
    """Build and print what was built.

    Args:
        args (`argparse.Namespace`):
            Of the action `rebuild-bench`.

    Returns:
        `int`: 0, or 1 if there are fewer questions than wanted.
    """
    from transformers_sr3d.evaluation.benchmarks.sr3d_bench_builder import build_sr3d_bench

    manifest = build_sr3d_bench(
        args.info, args.out, data_root=args.data_root, seed=args.seed, views=args.views, share=args.share
    )
    print(json.dumps(manifest, indent=1))
    return int(bool(manifest["short"]))
