# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d train --config FILE`: build the scene cache if needed, train, export. Goes on where it was stopped."""

import argparse


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb.

    Args:
        subparsers (`argparse._SubParsersAction`):
            Of the main parser.
    """
    parser = subparsers.add_parser(
        "train",
        help="train a model on generated rooms",
        description="Train a model as a settings file says. A second call resumes or, if all is done, does nothing.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="settings, for example configs/train/*.yaml")
    parser.add_argument("--cache-only", action="store_true", help="render the scenes and stop")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train.

    Args:
        args (`argparse.Namespace`):
            `config` and `cache_only`.

    Returns:
        `int`: 0.
    """
    from transformers_sr3d.training.settings import read_settings
    from transformers_sr3d.training.sft import prepare_data, run_training

    settings = read_settings(args.config)
    if args.cache_only:
        _, cache = prepare_data(settings)
        print(f"{len(cache)} scenes in {settings.scenes.cache_dir}")
        return 0
    print(f"checkpoint: {run_training(settings)}")
    return 0
