# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Do readers refuse damaged sources by name? python tools/fuzz_readers.py --minutes 10

In: a small valid source of every kind in `READERS`, from the writers of the tests. Each trial damages a copy of it
(see `damage_files.py`), opens it and loads all its views. Out: a table on standard output, and every fault with a seed
that repeats it. A reader fails where it

    raises      anything but a plain ValueError, an ImportError, or an OSError that has the name of a file
    is vague    its message names neither the source, nor a file of it, nor an option that was given
    is wrong    a view that it loads has an image that is not RGB, or depth, cameras or times out of their contract
    hangs       after `LIMIT_S` seconds of computing

A trial is repeated by its kind and seed: --kind tum --seed 123 --trials 1. The exit status is 1 after any failure.

This script may import NumPy, tqdm, `transformers_sr3d`, and the helpers of its tests.
"""

import argparse
import math
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from damage_files import Files, damage
from tqdm.auto import tqdm

from transformers_sr3d.inputs.open_source import READERS, open_source
from transformers_sr3d.inputs.source import SourceView


ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 20
EXTRA_MEMORY_BYTES = 4 << 30
REFUSALS = (ValueError, ImportError, FileNotFoundError, NotADirectoryError, IsADirectoryError)


class WrongViewError(Exception):
    """A view that was loaded without an error and breaks the contract of `SourceView`."""


@dataclass
class Failure:
    """A trial that went wrong: how to repeat it, what was damaged, and what came."""

    name: str
    seed: int
    damages: list[str]
    reason: str
    place: str
    report: str

    @property
    def what(self) -> tuple[str, str, str]:
        """Failures with the same one are taken for one fault."""
        return self.name, self.reason.split(":")[0], self.place


@dataclass
class Tally:
    """What came of the trials of one source."""

    opened: int = 0
    refused: int = 0
    failures: list[Failure] = field(default_factory=list)


class Target:
    """One valid source, to be damaged again and again.

    Args:
        name (`str`):
            A key of `reader_samples.SAMPLES`.
        sample (`reader_samples.Sample`):
            Kind, writer and options.
        folder (`Path`):
            Empty; belongs to this object from now on.

    Raises:
        ImportError: If the writer needs a package that is not installed.
        ValueError: If the source is refused before it is damaged.
    """

    def __init__(self, name: str, sample: Any, folder: Path):
        self.name, self.kind, self.options, self.folder = name, sample.kind, sample.options, folder
        self.path = Path(sample.write(folder))
        self.files: Files = {
            str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
        }
        self._load()

    def try_seed(self, seed: int) -> Failure | bool:
        """Damage the source as a seed says, and open it.

        Args:
            seed (`int`):
                Of the damage.

        Returns:
            `Failure` or `bool`: What went wrong; otherwise whether the source was opened (else refused by name).
        """
        files, damages = damage(self.files, random.Random(f"{self.name} {seed}"))
        self._write(files)
        options = [f"`{name}`" for name in self.options]
        names = [str(self.path), *files, *(Path(name).name for name in files), *options]
        try:
            with limited_time():
                self._load()
        except Exception as error:
            if is_refusal(error, names):
                return False
            reason = f"{type(error).__name__}: {str(error)[:500]}"
            return Failure(self.name, seed, damages, reason, _place(error), traceback.format_exc())
        return True

    def _write(self, files: Files) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                path.mkdir()
            else:
                path.write_bytes(data)

    def _load(self) -> None:
        if self.path.exists():
            for reader in READERS.values():
                reader.recognises(self.path)
        for view in open_source(self.path, self.kind, **self.options).views:
            check_view(view)


def check_view(view: SourceView) -> None:
    """Load a view and compare it with its contract.

    Args:
        view (`SourceView`):
            Of a source that was opened.

    Raises:
        WrongViewError: If what it loads is out of the contract.
    """
    image = view.load_image()
    if image.mode != "RGB" or not all(image.size):
        raise WrongViewError(f"{view.name}: the image is {image.mode}, {image.size}")
    if view.load_depth is not None:
        depth = np.asarray(view.load_depth())
        if depth.ndim != 2 or depth.dtype != np.float32 or not (np.isfinite(depth) & (depth >= 0)).all():
            raise WrongViewError(
                f"{view.name}: depth is {depth.dtype} of shape {depth.shape}, or not finite, or negative"
            )
    for name in ("intrinsics", "depth_intrinsics"):
        matrix = getattr(view, name)
        if matrix is not None and not (np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0):
            raise WrongViewError(f"{view.name}: {name} are {np.asarray(matrix).tolist()}")
    if view.time_s is not None and not (isinstance(view.time_s, float | int) and abs(view.time_s) < math.inf):
        raise WrongViewError(f"{view.name}: time_s is {view.time_s}")


def is_refusal(error: BaseException, names: Sequence[str]) -> bool:
    """Tell an error that a user can act on from a crash.

    Args:
        error (`BaseException`):
            What a reader raised.
        names (`Sequence[str]`):
            Of the source, its files and the options given.

    Returns:
        `bool`: Whether it is of a kind that readers may raise, and has one of the names.
    """
    is_expected = type(error) in REFUSALS or (isinstance(error, OSError) and error.filename is not None)
    return is_expected and any(name in str(error) for name in names)


@contextmanager
def limited_time(limit_s: float = LIMIT_S) -> Iterator[None]:
    """Raise a `TimeoutError` after some seconds of computing.

    Args:
        limit_s (`float`, defaults to 20):
            Seconds of this process on a processor; waiting does not count.
    """

    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {limit_s} s of computing")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _place(error: BaseException) -> str:
    """The last line of the package that was being executed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "transformers_sr3d" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}"


def fuzz(target: Target, seeds: Iterator[int], *, until: float, progress: Any = None) -> Tally:
    """Try one seed after the other.

    Args:
        target (`Target`):
            What is damaged.
        seeds (`Iterator[int]`):
            Of the trials.
        until (`float`):
            When to stop, by `time.monotonic`.
        progress (`tqdm`, *optional*):
            A bar that counts seconds.

    Returns:
        `Tally`: What came of it.
    """
    tally, last = Tally(), time.monotonic()
    for seed in seeds:
        result = target.try_seed(seed)
        if isinstance(result, Failure):
            tally.failures.append(result)
        elif result:
            tally.opened += 1
        else:
            tally.refused += 1
        now = time.monotonic()
        if progress is not None:
            progress.update(min(now, until) - min(last, until))
        last = now
        if now >= until:
            break
    return tally


def make_targets(folder: Path, kinds: Sequence[str] | None = None) -> tuple[list[Target], dict[str, str]]:
    """Write a source for every reader.

    Args:
        folder (`Path`):
            Where to.
        kinds (`Sequence[str]`, *optional*):
            Which kinds or names of samples; all that are registered if not given.

    Returns:
        `tuple[list[Target], dict[str, str]]`: The sources, and what is left out and why.
    """
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "inputs")]
    from reader_samples import SAMPLES

    targets = []
    left_out = dict.fromkeys(READERS.keys() - {sample.kind for sample in SAMPLES.values()}, "no sample is written")
    for name, sample in SAMPLES.items():
        if sample.kind not in READERS or (kinds and not {name, sample.kind} & set(kinds)):
            continue
        (folder / name).mkdir()
        try:
            targets.append(Target(name, sample, folder / name))
        except ImportError as error:
            left_out[name] = str(error)
    return targets, left_out


def report(tallies: dict[str, Tally]) -> None:
    """Print a table, and the first failure of each fault.

    Args:
        tallies (`dict[str, Tally]`):
            By name of the source.
    """
    print(f"{'source':<17}{'opened':>8}{'refused':>8}{'failed':>8}")
    for name, tally in tallies.items():
        print(f"{name:<17}{tally.opened:>8}{tally.refused:>8}{len(tally.failures):>8}")
    faults: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in (failure for tally in tallies.values() for failure in tally.failures):
        faults.setdefault(failure.what, []).append(failure)
    for failures in faults.values():
        first = failures[0]
        print(f"\n{first.name} seed {first.seed}, and {len(failures) - 1} more at {first.place}")
        print("\n".join(f"  damaged: {text}" for text in first.damages))
        print(f"  {first.reason}")
        print("".join(f"    {line}\n" for line in first.report.splitlines()[-8:]), end="")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv (`Sequence[str]`, *optional*):
            Arguments; those of the process by default.

    Returns:
        `int`: 1 after any failure, else 0.
    """
    parser = argparse.ArgumentParser(description="Damage sources of all kinds, and see whether readers refuse them.")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all kinds together (default: 10)")
    parser.add_argument("--kind", action="append", help="only this kind or sample (repeatable)")
    parser.add_argument("--seed", type=int, default=0, help="of the first trial of each kind (default: 0)")
    parser.add_argument("--trials", type=int, default=sys.maxsize - (1 << 32), help="most trials of each kind")
    args = parser.parse_args(argv)
    _limit_memory()
    with tempfile.TemporaryDirectory() as folder:
        targets, left_out = make_targets(Path(folder), args.kind)
        for name, reason in left_out.items():
            print(f"left out: {name}: {reason}")
        if not targets:
            parser.error(f"--kind must be one of {', '.join(READERS)}, with its packages installed, got {args.kind}")
        seconds = 60 * args.minutes
        tallies = {}
        with tqdm(total=round(seconds), unit="s", bar_format="{l_bar}{bar}| {n:.0f}/{total} s") as progress:
            for target in targets:
                progress.set_description(target.name)
                seeds = iter(range(args.seed, args.seed + args.trials))
                until = time.monotonic() + seconds / len(targets)
                tallies[target.name] = fuzz(target, seeds, until=until, progress=progress)
    report(tallies)
    return int(any(tally.failures for tally in tallies.values()))


def _limit_memory() -> None:
    """Let a size from a damaged head be a `MemoryError`, and not the end of the machine."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + EXTRA_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    sys.exit(main())
