# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Catalogue names and the words that people use: written pairs, and what a table must not contain."""

from collections import Counter

import pytest

from transformers_sr3d.rooms.furniture.classes import (
    CATEGORY_LABELS,
    KEY_LABELS,
    LABEL_NAMES,
    SYNONYMS,
    furniture_label,
    plural,
)


@pytest.mark.parametrize(
    ("name", "category", "label"),
    [
        ("Winchester armchair", "Living room", "armchair"),
        ("Couch", "Living room", "sofa"),
        ("Burlap sofa", "Living room", "sofa"),
        ("Corner sofa", "Living room", "corner sofa"),
        ("Wooden teak table", "Office", "table"),
        ("Little lamp", "Lights", "table lamp"),
        ("Hanging light", "Lights", "ceiling lamp"),
        ("Ficus", "Living room", "plant"),
        ("Fridge", "Kitchen", "refrigerator"),
        ("Toilets unit", "Bathroom", "toilet"),
        ("Upper cabinet", "Kitchen", "wall cabinet"),
        ("Lower cabinet", "Kitchen", "base cabinet"),
    ],
)
def test_catalogue_names_become_common_nouns(name, category, label):
    assert furniture_label(name, category) == label


def test_category_tells_like_names_apart():
    assert furniture_label("Chair", "Office") == "office chair"
    assert furniture_label("Chair", "Living room") == "chair"
    assert furniture_label("Box", "Office") == "cabinet"
    assert furniture_label("Box", "Miscellaneous") == "box"


def test_key_decides_where_name_and_category_do_not():
    assert furniture_label("Lamp", "Lights") == "table lamp"
    assert furniture_label("Lamp", "Lights", "Scopia#living_lamp") == "floor lamp"
    assert furniture_label("Lamp", "Lights", "Scopia#another") == "table lamp"


def test_unknown_name_is_its_own_class_in_lower_case():
    assert furniture_label("  Grandfather   Clock ", "Living room") == "grandfather clock"


def test_no_name_stands_in_two_classes():
    counts = Counter(name for names in LABEL_NAMES.values() for name in names)
    assert counts.most_common(1)[0][1] == 1


def test_class_is_never_renamed_by_the_table():
    classes = {*LABEL_NAMES, *CATEGORY_LABELS.values(), *KEY_LABELS.values()}
    assert {furniture_label(label, "") for label in classes} == classes


def test_synonyms_are_lower_case_and_leave_out_their_class():
    for label, words in SYNONYMS.items():
        assert label not in words
        assert len(set(words)) == len(words)
        assert all(word == word.lower() for word in (label, *words))


@pytest.mark.parametrize(
    ("label", "several"),
    [
        ("sofa", "sofas"),
        ("bench", "benches"),
        ("box", "boxes"),
        ("glass", "glasses"),
        ("toy", "toys"),
        ("battery", "batteries"),
        ("knife", "knives"),
        ("shoes", "shoes"),
        ("folded clothes", "folded clothes"),
        ("table lamp", "table lamps"),
    ],
)
def test_plurals_follow_english(label, several):
    assert plural(label) == several
