# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Furnished rooms, names in questions: facts -> which names are clear, how often they occur, and their articles.

An armchair is a chair to many, and nobody can say whether a room with one armchair holds a chair. Two names are
therefore taken as confusable where one is a synonym of the other or ends with it, and questions that count, deny or
point out things by name stay away from confusable ones.

May import: `rooms.furniture.classes`, `quantities`, `rooms.world`.
"""

import numpy as np

from transformers_sr3d.rooms.furniture.classes import SYNONYMS, plural
from transformers_sr3d.rooms.questions.quantities import is_visible
from transformers_sr3d.rooms.world import RoomFacts


# What a room may lack: names of things that many rooms have.
COMMON_NAMES = (
    "armchair", "base cabinet", "bathtub", "bed", "bedside table", "bench", "bookcase", "bottle", "bowl", "box",
    "ceiling lamp", "chair", "clock", "coffee maker", "coffee table", "computer", "cooktop", "cup", "desk", "dresser",
    "fan", "floor lamp", "kettle", "laptop", "microwave", "office chair", "oven", "piano", "picture frame", "plant",
    "printer", "radiator", "range hood", "refrigerator", "rug", "shower", "sofa", "speaker", "stool", "stove", "table",
    "table lamp", "telephone", "toilet", "trash can", "tv", "tv stand", "vase", "wall cabinet", "wall lamp",
    "wardrobe", "washbasin", "washing machine",
)  # fmt: skip
MASS_NOUNS = ("bread", "butter", "milk", "tape", "tatami")
CONSONANT_STARTS = ("uni", "uri", "use", "ute", "uti", "eu")  # written as vowels, spoken as "you"


def with_article(name: str) -> str:
    """Put the indefinite article before a name.

    Args:
        name (`str`): For example `"armchair"`.

    Returns:
        `str`: For example `"an armchair"`; a name that is not counted stays as it is.
    """
    if not is_countable(name):
        return name
    return f"an {name}" if name[:1] in tuple("aeiou") and not name.startswith(CONSONANT_STARTS) else f"a {name}"


def is_countable(name: str) -> bool:
    """Tell whether a name has a singular with an article.

    Args:
        name (`str`): A class of furniture.

    Returns:
        `bool`: False for "shoes" and "bread".
    """
    return plural(name) != name and name not in MASS_NOUNS


def are_confusable(first: str, second: str) -> bool:
    """Tell whether one name may be said of what the other names.

    Args:
        first (`str`): A class of furniture.
        second (`str`): Another.

    Returns:
        `bool`: True for "chair" and "armchair", and for equal names.
    """
    if first.endswith(second) or second.endswith(first):
        return True
    return first in SYNONYMS.get(second, ()) or second in SYNONYMS.get(first, ())


def is_clear_name(facts: RoomFacts, name: str) -> bool:
    """Tell whether nothing that a view shows goes by a name that is confusable with, but not, the given one.

    Args:
        facts (`RoomFacts`): The room.
        name (`str`): A class of furniture.

    Returns:
        `bool`: Whether the name means what it says.
    """
    seen = {thing.name for thing in facts.objects if (thing.visible_pixels > 0).any()}
    return not any(are_confusable(name, other) for other in seen - {name})


def count_visible(facts: RoomFacts) -> dict[str, int]:
    """Count the visible objects of each name.

    Args:
        facts (`RoomFacts`): The room.

    Returns:
        `dict[str, int]`: In alphabetical order, without names of which some view shows an object, but none shows
        enough of it.
    """
    counts: dict[str, int] = {}
    for index, thing in enumerate(facts.objects):
        counts[thing.name] = counts.get(thing.name, 0) + is_visible(facts, index)
    hidden = {
        thing.name
        for index, thing in enumerate(facts.objects)
        if not is_visible(facts, index) and (thing.visible_pixels > 0).any()
    }
    return {name: counts[name] for name in sorted(counts) if counts[name] and name not in hidden}


def all_visible(facts: RoomFacts, name: str) -> bool:
    """Tell whether the views show every object of a name, and no object goes by a confusable one.

    Args:
        facts (`RoomFacts`): The room.
        name (`str`): A class of furniture.

    Returns:
        `bool`: Whether the number of visible ones is that in the room.
    """
    alike = [index for index, thing in enumerate(facts.objects) if are_confusable(name, thing.name)]
    return all(facts.objects[index].name == name and is_visible(facts, index) for index in alike)


def absent_names(facts: RoomFacts) -> list[str]:
    """List common names that nothing in the room goes by.

    Args:
        facts (`RoomFacts`): The room.

    Returns:
        `list[str]`: Those of `COMMON_NAMES` that are not confusable with any object's, hidden ones included.
    """
    present = {thing.name for thing in facts.objects}
    return [name for name in COMMON_NAMES if not any(are_confusable(name, other) for other in present)]


def objects_by_unique_name(facts: RoomFacts) -> dict[str, int]:
    """Find the objects that their name alone points out.

    Args:
        facts (`RoomFacts`): The room.

    Returns:
        `dict[str, int]`: From name, alphabetical, to the position of the only object of that name that the views
        show; it is visible, and no name that they show is confusable with its.
    """
    shown: dict[str, list[int]] = {}
    for index, thing in enumerate(facts.objects):
        if np.any(thing.visible_pixels > 0):
            shown.setdefault(thing.name, []).append(index)
    return {
        name: shown[name][0]
        for name in sorted(shown)
        if len(shown[name]) == 1 and is_countable(name) and is_visible(facts, shown[name][0])
        if not any(are_confusable(name, other) for other in shown if other != name)
    }
