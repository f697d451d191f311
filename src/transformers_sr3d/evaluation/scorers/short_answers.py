# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Short answers of ScanQA and SQA3D: exact match as published, raw or normalised, and the refined one.

Sources: the rules of Video-3D-LLM's and LLaVA-3D's evaluators, both after LEO's; published figures depend on which of
them was applied, so nothing is done here that they do not do.

May import: the standard library.
"""

import re
from collections.abc import Sequence


QUESTION_TYPES = ("what", "is", "how", "can", "which")
OTHER_TYPE = "others"
MISSPELLINGS = {
    "letf": "left",
    "let": "left",
    "tehre": "there",
    "rigth": "right",
    "rght": "right",
    "behine": "behind",
    "chai": "chair",
    "wasing": "washing",
    "waslked": "walked",
}
NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
NUMBER_WORDS = {str(number): word for number, word in enumerate(NUMBERS)} | {"23": "twenty-three", "none": "zero"}


def normalise_answer(text: str) -> str:
    """Write an answer as SQA3D's scorers compare it.

    Args:
        text (`str`):
            An answer.

    Returns:
        `str`: In lower case, without most punctuation and articles, with numbers as words and known slips mended.
    """
    text = re.sub(" {2,}", " ", text.lower().strip(" "))
    text = re.sub(r"[^a-z0-9,'\s\-:]+", "", text)
    text = _replace_words(text, MISSPELLINGS)
    text = re.sub(r"\btv\b", "TV", text)
    text = re.sub(r"\bo(?:clock|' +clock)\b", "o'clock", text)
    text = _replace_words(text, NUMBER_WORDS)
    text = re.sub(r"\b([a-zA-Z]+)[0-9]\b", r"\1", text)
    for article in ("a", "an", "the"):  # one after the other: "a the chair" loses both
        text = re.sub(rf"\b{article} ([a-zA-Z]+)", r"\1", text)
    return re.sub(r"\bbackwards\b", "backward", text)


def _replace_words(text: str, words: dict[str, str]) -> str:
    return re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[1]], text)


def is_exact(answer: str, truths: Sequence[str]) -> bool:
    """Tell whether an answer is one of the truths, letter by letter.

    Args:
        answer (`str`):
            What was written.
        truths (`Sequence[str]`):
            What is right.

    Returns:
        `bool`: Whether it is among them.
    """
    return answer in truths


def is_refined_match(answer: str, truths: Sequence[str]) -> bool:
    """Tell whether an answer and a truth hold each other, spaces aside.

    Args:
        answer (`str`):
            What was written, normalised. An empty one matches nothing.
        truths (`Sequence[str]`):
            What is right, normalised.

    Returns:
        `bool`: Whether one is a part of the other.
    """
    written = "".join(answer.split())
    packed = ["".join(truth.split()) for truth in truths]
    return bool(written) and any(truth and (written in truth or truth in written) for truth in packed)


def question_type(question: str) -> str:
    """Name the type of a question of SQA3D.

    Args:
        question (`str`):
            The question, without its situation.

    Returns:
        `str`: Its first word, if it is one of five; else `"others"`.
    """
    first = question.lower().split()[:1]
    return first[0] if first and first[0] in QUESTION_TYPES else OTHER_TYPE
