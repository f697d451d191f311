# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""METEOR and the PTB tokeniser: the Java programs in the package `pycocoevalcap`, or an error where they cannot run.

There is no other implementation behind them: figures of another METEOR cannot be compared with published ones.

May import: the standard library and, when it is called, pycocoevalcap.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec

from transformers_sr3d.evaluation.scorers.captions import Scores, check_counts


class NotComputedError(RuntimeError):
    """A figure that cannot be had here; the message is a sentence for a report."""


# What the package raises where its program ends early, writes less than it should, or may not write its files.
FAILURES = (OSError, ValueError, AssertionError, LookupError)


def missing_java() -> str | None:
    """Tell what is missing to run the Java programs.

    Returns:
        `str` or `None`: A sentence for a report; None if nothing is missing.
    """
    if shutil.which("java") is None:
        return "not computed: no `java` on the path. Install a Java runtime."
    if find_spec("pycocoevalcap") is None:
        return "not computed: the package pycocoevalcap is missing. pip install 'transformers-sr3d[eval]'."
    return None


def _check_java() -> None:
    missing = missing_java()
    if missing is not None:
        raise NotComputedError(missing)


def meteor(texts: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Compute METEOR 1.5.

    Args:
        texts (`Sequence[str]`):
            What was written, at least one.
        references (`Sequence[Sequence[str]]`):
            Of each text, at least one.

    Returns:
        `Scores`: From 0 to 1.

    Raises:
        ValueError: If there is no text, or not as many references, or a text has none.
        NotComputedError: If Java is missing, or its program gave no figure.

    Source: Denkowski and Lavie, Meteor universal: language specific translation evaluation for any target language,
    2014.
    """
    check_counts(texts, references)
    _check_java()
    from pycocoevalcap.meteor.meteor import Meteor

    scorer = Meteor()
    # Line ends and bars part the fields that the program reads.
    lines = {place: [_one_line(text)] for place, text in enumerate(texts)}
    truths = {place: [_one_line(text) for text in texts] for place, texts in enumerate(references)}
    try:
        corpus, each = scorer.compute_score(truths, lines)
    except FAILURES as error:
        raise NotComputedError(f"not computed: Java gave no METEOR, {error!r:.100}. Try `java -version`.") from error
    finally:
        if scorer.lock.locked():  # after an error; its destructor would wait for it for ever
            scorer.lock.release()
        with suppress(BrokenPipeError):
            scorer.meteor_p.stdin.close()
        scorer.meteor_p.wait(timeout=60)
    return Scores(float(corpus), [float(score) for score in each])


def _one_line(text: str) -> str:
    return " ".join(text.replace("|||", " ").split())


def ptb_tokenise(texts: Sequence[str]) -> list[str]:
    """Part texts into words as the Penn Treebank does, in lower case and without punctuation.

    Args:
        texts (`Sequence[str]`):
            Any texts.

    Returns:
        `list[str]`: Words with single spaces between them.

    Raises:
        NotComputedError: If Java is missing, or its program gave no words.
    """
    _check_java()
    if not texts:
        return []
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    entries = {place: [{"caption": " ".join(text.split())}] for place, text in enumerate(texts)}
    try:
        tokenised = PTBTokenizer().tokenize(entries)
        return [tokenised[place][0] for place in range(len(texts))]
    except FAILURES as error:
        raise NotComputedError(f"not computed: Java gave no words, {error!r:.100}. Try `java -version`.") from error
