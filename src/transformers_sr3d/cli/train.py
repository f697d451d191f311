# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d train --config FILE`: build the sample cache if needed, train, export. Goes on where it was stopped."""

import argparse
import subprocess
import sys


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
    parser.add_argument(
        "--cache-only", action="store_true", help="render and encode the samples that the run needs, and stop"
    )
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="data-parallel processes (default: 1)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train.

    Args:
        args (`argparse.Namespace`):
            `config`, `cache_only` and `processes`.

    Returns:
        `int`: 0, or the status of the processes that were started.

    Raises:
        ValueError: If there are no processes, or if a setting cannot be.
    """
    from transformers_sr3d.finetuning.settings import is_finetuning
    from transformers_sr3d.training.checks import check_settings
    from transformers_sr3d.training.settings import read_settings
    from transformers_sr3d.training.sft import claim_run_dir, is_finished, make_inputs, run_training

    if args.processes < 1:
        raise ValueError(f"`--processes` must be at least 1, got {args.processes}. Leave it out for one.")
    if is_finetuning(args.config):
        return _finetune(args)
    settings = read_settings(args.config)
    check_settings(settings, processes=args.processes)
    if args.cache_only:
        for split, cache in make_inputs(settings).items():
            print(f"{split}: {len(cache)} samples in {settings.samples.cache_dir}")
        return 0
    if args.processes > 1 and not is_finished(settings):
        claim_run_dir(settings)
        make_inputs(settings)  # once, not in every process
        return _launch(args)
    print(f"checkpoint: {run_training(settings)}")
    return 0


def _finetune(args: argparse.Namespace) -> int:
    from transformers_sr3d.finetuning.run import run_finetuning
    from transformers_sr3d.finetuning.settings import read_finetune_settings

    settings = read_finetune_settings(args.config)
    if args.cache_only:
        raise ValueError("`--cache-only` is for rooms, got it with a recipe of fine-tuning. Leave it out.")
    if args.processes > 1:
        return _launch(args)
    print(f"checkpoint: {run_finetuning(settings)}")
    return 0


def _launch(args: argparse.Namespace) -> int:
    """Start this verb again in several processes that find each other."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={args.processes}"]
    return subprocess.run([*launcher, "-m", "transformers_sr3d.cli.main", "train", "--config", args.config]).returncode
