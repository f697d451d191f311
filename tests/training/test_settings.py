# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a run: defaults, unknown names, wrong types, and the way back to YAML."""

from pathlib import Path

import pytest

from transformers_sr3d.training.settings import read_settings, write_settings


CONFIGS = Path(__file__).parents[2] / "configs" / "train"


def read(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return read_settings(path)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_settings_are_readable(path):
    assert read_settings(path).optimisation.max_steps > 0


def test_missing_settings_take_their_defaults(tmp_path):
    settings = read(tmp_path, "{output_dir: a, run_dir: b, optimisation: {learning_rate: 1e-4}}")
    assert settings.optimisation.learning_rate == 1e-4
    assert settings.optimisation.batch_size == 32


def test_written_settings_read_back_equal(tmp_path):
    settings = read(tmp_path, "{output_dir: a, run_dir: b, model: {max_tiles: 4}, samples: {num_samples: 3}}")
    write_settings(settings, tmp_path / "again.yaml")
    assert read_settings(tmp_path / "again.yaml") == settings


def test_a_file_says_only_what_differs_from_its_base(tmp_path):
    (tmp_path / "base.yaml").write_text("{output_dir: a, run_dir: b, optimisation: {max_steps: 5, batch_size: 3}}")
    settings = read(tmp_path, "{base: base.yaml, run_dir: c, optimisation: {max_steps: 7}}")
    assert (settings.output_dir, settings.run_dir) == ("a", "c")
    assert (settings.optimisation.max_steps, settings.optimisation.batch_size) == (7, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{output_dir: a, run_dir: b, seed: 1, seed: 2}", r"settings\.yaml` must be YAML, got 'seed' twice"),
        ("output_dir: a\nrun_dir: b\nmodel: {a: 1, a: 2}", r"must be YAML, got 'a' twice .* line 3"),
        ("output_dir: a\nseed: 1: 2", r"settings\.yaml` must be YAML, got mapping values are not allowed .* line 2"),
        ("{output_dir: a, run_dir: b, 1: 2}", r"must be YAML, got 1 as a key, which is no text"),
        ("{base: 5, output_dir: a}", r"`base` must be the name of a file, got 5"),
        ("{output_dir: a, run_dir: b, lr: 1}", "`lr` is no setting"),
        ("{output_dir: a, run_dir: b, samples: {scenes: 1}}", "`samples.scenes` is no setting. Known here: cache_dir"),
        ("{output_dir: a}", "`run_dir` is required"),
        ("{output_dir: a, run_dir: b, seed: one}", "`seed` must be int, got 'one'"),
        (
            "{output_dir: a, run_dir: b, optimisation: {max_steps: 1.5}}",
            r"`optimisation.max_steps` must be int, got 1.5",
        ),
        ("{output_dir: a, run_dir: b, optimisation: {max_steps: true}}", "must be int, got True"),
        ("{output_dir: a, run_dir: b, optimisation: {learning_rate: fast}}", "must be a number, got 'fast'"),
        ("{base: settings.yaml, output_dir: a}", "`base` must not lead back to its own file"),
        ("[output_dir]", "must hold a mapping of settings, got list"),
    ],
    ids=[
        "twice",
        "twice in a section",
        "no YAML",
        "number as a key",
        "number as a base",
        "unknown",
        "unknown in a section",
        "missing",
        "type",
        "fraction",
        "boolean",
        "no number",
        "own base",
        "list",
    ],
)
def test_wrong_settings_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)
