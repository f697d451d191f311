# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""`sr3d VERB ...`: read the command line, run one verb, return its exit status.

A verb is a module with `add_parser(subparsers)`, which adds its parser and sets `run(args) -> int` as a default. Heavy
imports belong inside `run`. What a user can cause (a wrong value, a missing file or extra) is one line on standard
error and exit status 2; `--traceback` shows where it came from.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from transformers_sr3d.cli import ask, convert, data, doctor, eval, init, push, render, scene, train, view


VERBS = (ask, scene, doctor, view, data, render, convert, init, train, eval, push)
USER_ERROR = 2
CLOSED_PIPE = 141  # as a shell reports a program that ended by SIGPIPE


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of all verbs.

    Returns:
        `argparse.ArgumentParser`: The parser; parsed arguments hold `verb` and `run`.
    """
    parser = argparse.ArgumentParser(prog="sr3d", description="Ask about regions of images, RGB-D images and scenes.")
    parser.add_argument("--traceback", action="store_true", help="show the Python traceback of an error")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        verb.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv (`Sequence[str]`, *optional*):
            Arguments without the program's name; those of the process by default.

    Returns:
        `int`: Exit status: 0 for success, 2 for an error of the user, else what the verb returns.
    """
    args = build_parser().parse_args(argv)
    try:
        status = args.run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # what reads our output has read enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except (ValueError, TypeError, OSError, ImportError) as error:
        if args.traceback:
            raise
        print(f"sr3d {args.verb}:", *str(error).splitlines(), file=sys.stderr)  # libraries write several lines
        return USER_ERROR
    except KeyboardInterrupt:
        print(f"sr3d {args.verb}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
