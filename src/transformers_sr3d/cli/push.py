# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d push DIR REPO`: publish a checkpoint on the Hub, as one commit."""

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "push",
        help="publish a checkpoint on the Hub",
        description="Check a checkpoint and publish it as one commit, with the token of `hf auth login` or HF_TOKEN.",
    )
    parser.add_argument("folder", metavar="DIR", help="folder of the checkpoint")
    parser.add_argument("repo", metavar="REPO", help="owner/name; made if it is not there")
    parser.add_argument("--dry-run", action="store_true", help="check, say what would be published, and stop")
    parser.add_argument("--public", action="store_true", help="make a new repository public (default: private)")
    parser.add_argument("--revision", metavar="BRANCH", help="branch; made if it is not there")
    parser.add_argument("--message", metavar="TEXT", help="of the commit")
    parser.add_argument("--report", metavar="FILE", help="of sr3d eval records --json, for the figures of the card")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Publish, or say what would be.

    Args:
        args (`argparse.Namespace`):
            Arguments of the verb.

    Returns:
        `int`: 0.

    Raises:
        ValueError: If the checkpoint is refused.
        OSError: If a file is missing, or the Hub refuses.
    """
    from transformers_sr3d.json_files import read_object
    from transformers_sr3d.publishing.card import card_to_push
    from transformers_sr3d.publishing.files import check_checkpoint, list_files
    from transformers_sr3d.publishing.push import check_repository, push_checkpoint

    folder = Path(args.folder)
    check_repository(args.repo)
    check_checkpoint(folder)
    report = read_object(Path(args.report)) if args.report else None
    card_to_push(folder, args.repo, report)  # refuses before anything is sent
    published, left = list_files(folder)
    for name in published:
        print(f"  {'would send' if args.dry_run else 'send':<12} {name}  {(folder / name).stat().st_size:,} bytes")
    for name, reason in left.items():
        print(f"  {'stays':<12} {name}  {reason}")
    if not args.dry_run:
        settings = {"private": not args.public, "revision": args.revision, "message": args.message}
        print(push_checkpoint(folder, args.repo, **settings, report=report))
    return 0
