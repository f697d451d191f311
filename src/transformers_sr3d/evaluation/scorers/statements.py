# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Statements about two regions: "Yes.", "Actually, Region [0] is below Region [1]." -> agreement, denial or a choice.

A statement is read by how it begins, else by its relation: "Region 1 is below Region 0" agrees with the question
whether Region 0 is above Region 1. What says neither is None, and never a guess.

May import: the standard library and siblings.
"""

import re
from typing import NamedTuple

from transformers_sr3d.answers_sr3d import parse_regions


# Pairs of opposites, as questions and answers of SpatialRGPT-Bench word them; the first that occurs counts.
OPPOSITES = (
    (r"taller|tallest|tall|(?:greater|larger|more) height", r"shorter|shortest|short|(?:lesser|smaller|less) height"),
    (
        r"wider|widest|wide|(?:greater|larger|more) width",
        r"thinner|thin|narrower|narrow|(?:lesser|smaller|less) width",
    ),
    (r"bigger|biggest|big|larger|largest|large", r"smaller|smallest|small|less space"),
    (r"behind|back|backward|further|farther|more distant", r"front|before|forward|closer|nearer|less distant"),
    (r"above|over|higher|on top of", r"below|under|underneath|beneath|lower"),
    (r"left", r"right"),
)
AGREES = re.compile(r"\W*(?:that(?:'s| is) )?(?:yes|indeed|correct|true)\b", re.IGNORECASE)
DENIES = re.compile(r"\W*(?:that(?:'s| is) )?(?:no|not|incorrect|false|wrong)\b", re.IGNORECASE)
NEGATION = re.compile(r"\b(?:not|isn't|doesn't)\b", re.IGNORECASE)
BRACKETS = re.compile(r"(Region)\s*\[(\d+)\]", re.IGNORECASE)


class Relation(NamedTuple):
    """What a text says of two things.

    Attributes:
        pair (`int`): Which pair of opposites.
        is_second (`bool`): Whether the second of them, or the first one denied.
    """

    pair: int
    is_second: bool


def agrees(question: str, text: str) -> bool | None:
    """Tell whether an answer agrees.

    Args:
        question (`str`):
            Yes or no, with regions as `<region0>`.
        text (`str`):
            The answer, with regions as "Region 0" or "Region [0]".

    Returns:
        `bool` or `None`: None if it says neither.
    """
    if AGREES.match(text):
        return True
    if DENIES.match(text):
        return False
    asked, said = relation_of(question), relation_of(text)
    if asked is None or said is None or asked.pair != said.pair:
        return None
    order, stated = regions_of(question)[:2], regions_of(text)[:2]
    is_turned = len(order) == 2 and stated == order[::-1]
    return (asked.is_second == said.is_second) != is_turned


def chosen_region(question: str, text: str) -> int | None:
    """Tell which region an answer chooses.

    Args:
        question (`str`):
            A choice between regions.
        text (`str`):
            The answer.

    Returns:
        `int` or `None`: The region that it names, or the other one of the question where the answer says the opposite
        of the first one: "Region 0 is shorter" chooses Region 1 as the taller one. None if it names none.
    """
    named = regions_of(text)
    if not named:
        return None
    asked, said = relation_of(question), relation_of(text)
    if asked is None or said is None or asked.pair != said.pair or asked.is_second == said.is_second:
        return named[0]
    others = [region for region in regions_of(question) if region != named[0]]
    return others[0] if len(others) == 1 else None


def relation_of(text: str) -> Relation | None:
    """Find the relation in a text.

    Args:
        text (`str`):
            A question or an answer.

    Returns:
        `Relation` or `None`: Of the first pair of which one word occurs and not the other.
    """
    for pair, words in enumerate(OPPOSITES):
        occurs = [re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE) is not None for pattern in words]
        if occurs[0] != occurs[1]:
            return Relation(pair, occurs[1] != (NEGATION.search(text) is not None))
    return None


def regions_of(text: str) -> list[int]:
    """List the regions of a text.

    Args:
        text (`str`):
            With regions as `<region0>`, "Region 0" or "Region [0]".

    Returns:
        `list[int]`: In the order of their first mention.
    """
    return parse_regions(BRACKETS.sub(r"\1 \2", text))
