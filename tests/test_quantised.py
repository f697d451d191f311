# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Loading with few bits: the language model's layers only, and answers that stay near."""

import importlib.util
from pathlib import Path

import pytest
import torch
from closed_form_rooms import write_rooms

from transformers_sr3d.evaluation.checkpoint import open_checkpoint
from transformers_sr3d.evaluation.own_records import evaluate_records
from transformers_sr3d.quantised import quantisation
from transformers_sr3d.records.making.run import MakeSettings, make_records


CHECKPOINT = Path(__file__).parents[1] / "checkpoints" / "sr3d-tiny"


@pytest.mark.parametrize("bits", [4, 8])
def test_only_layers_of_the_language_model_lose_bits(bits):
    network, _ = open_checkpoint(CHECKPOINT, bits=bits)
    kinds = {name: type(module).__name__ for name, module in network.named_modules()}
    small = {name for name, kind in kinds.items() if kind in ("Linear4bit", "Linear8bitLt")}
    assert len(small) == 7 * network.config.get_text_config().num_hidden_layers
    assert all(name.startswith("model.language_model.layers.") for name in small)
    rest = [weight for name, weight in network.named_parameters() if name.rpartition(".")[0] not in small]
    assert {weight.dtype for weight in rest} == {torch.float32}


def test_report_says_how_many_bits_and_most_answers_stay(tmp_path):
    write_rooms(tmp_path, (1,))
    scenes = [path.parent for path in tmp_path.rglob("scene.json")]
    make_records(scenes, tmp_path / "own.jsonl", MakeSettings(questions=8))
    whole, small = (evaluate_records(CHECKPOINT, [tmp_path / "own.jsonl"], bits=bits) for bits in (None, 8))
    assert "language_model_bits" not in whole["manifest"]["decoding"]
    assert small["manifest"]["decoding"]["language_model_bits"] == 8
    same = sum(a["answer"] == b["answer"] for a, b in zip(whole["samples"], small["samples"], strict=True))
    assert same >= len(whole["samples"]) / 2


def test_other_bits_and_a_missing_library_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="`bits` must be 4 or 8, got 3"):
        quantisation(3)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"transformers-sr3d\[quantized\]"):
        quantisation(4)
