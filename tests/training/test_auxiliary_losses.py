# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Auxiliary losses: targets where they belong, errors of known targets only, heads that leave no trace."""

import math
import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from training_settings import tiny_settings

from transformers_sr3d.rooms.questions.conversations import RoomQuestion
from transformers_sr3d.rooms.questions.relations import MOST_CANDIDATES
from transformers_sr3d.rooms.world import RoomFacts
from transformers_sr3d.training.auxiliary_losses import (
    NUM_SINGLE_TARGETS,
    NUM_TARGETS,
    name_loss,
    number_loss,
)
from transformers_sr3d.training.collator import SR3DDataCollator, spread_targets
from transformers_sr3d.training.room_scenes import NAMES, RoomConversations, number_targets
from transformers_sr3d.training.sft import build_trainer, run_training
from transformers_sr3d.training.starting_model import build_model


NAN = math.nan


def test_targets_are_log_quantities_margins_and_bearings():
    base = {"category": "width", "kind": "", "form": "", "text": "", "answer": "", "scoring": "", "regions": ()}
    question = RoomQuestion(**base, held_out=False)
    length = number_targets(replace(question, value=2.0))
    assert length[0] == pytest.approx(2 * math.log(2.0))
    assert all(math.isnan(number) for number in length[1:])
    assert len(length) == NUM_TARGETS
    assert number_targets(replace(question, margin=math.log(1.5)))[1] == pytest.approx(2 * math.log(1.5))
    assert number_targets(replace(question, category="left_right", margin=-0.25))[1] == pytest.approx(-0.75)
    assert number_targets(replace(question, margin=-9.0))[1] == -2.0
    assert number_targets(replace(question, bearing=(0.6, 0.8)))[2:4] == (0.6, 0.8)


def test_candidates_have_what_they_fall_behind_the_best():
    base = {"category": "multi_simple", "kind": "", "form": "", "text": "", "answer": "", "scoring": "", "regions": ()}
    question = RoomQuestion(**base, held_out=False, falls=(0.3, 0.0, 4.0))
    falls = number_targets(question)[NUM_SINGLE_TARGETS:]
    assert falls[:3] == pytest.approx((0.6, 0.0, 2.0))
    assert len(falls) == MOST_CANDIDATES
    assert all(math.isnan(fall) for fall in falls[3:])


def test_every_mention_of_a_region_has_its_name(data):
    _, cache = data
    ask = RoomConversations(8, 8, {})
    named = 0
    for index in range(len(cache)):
        truth = cache[index]["truth"]
        facts, numbers = RoomFacts.from_json(truth["facts"]), truth["objects"]
        for turn in ask(truth, index):
            mentioned = re.findall(r"<region(\d+)>", turn.question)
            assert [list(NAMES)[name] for name in turn.names] == [facts.objects[numbers[n]].name for n in mentioned]
            named += len(turn.names)
    assert named > 50


def test_every_token_of_an_answer_has_the_target_of_its_answer():
    labels = torch.tensor([[-100, 5, 6, -100, 7, -100], [-100, -100, 8, 9, -100, -100]])
    spread = spread_targets([[(1.0, NAN), (2.0, NAN)], [(NAN, 3.0)]], labels)
    expected = torch.full((2, 6, 2), NAN)
    expected[0, 1:3, 0], expected[0, 4, 0], expected[1, 2:4, 1] = 1.0, 2.0, 3.0
    torch.testing.assert_close(spread, expected, equal_nan=True)


def test_loss_counts_known_targets_only():
    targets = torch.full((2, 2, NUM_TARGETS), NAN)
    predictions = torch.full((2, 2, NUM_TARGETS), 50.0)
    targets[0, :, 0], predictions[0, :, 0] = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 5.0])
    targets[1, 1, 1], predictions[1, 1, 1] = 2.0, 1.0
    predictions.requires_grad_()
    loss = number_loss(predictions, targets)
    assert loss.item() == pytest.approx((0.0 + 4.0) / 2 + 1.0)
    loss.backward()
    assert predictions.grad[targets.isnan()].abs().max() == 0
    assert number_loss(predictions, torch.full_like(targets, NAN)).item() == 0.0
    targets[0, :, NUM_SINGLE_TARGETS] = 53.0
    assert number_loss(predictions, targets).item() == pytest.approx(loss.item() + 9.0)


def test_loss_of_names_is_the_mean_over_mentions():
    logits = torch.zeros(1, 3, 4)
    logits[0, 0, 2] = 100.0
    assert name_loss(logits, torch.tensor([[2, 1, -100]])).item() == pytest.approx((0.0 + math.log(4)) / 2)
    assert name_loss(logits, torch.full((1, 3), -100)).item() == 0.0


def test_head_reads_the_state_before_each_answer_token(tmp_path, cache_dir, data):
    weights = {"number_loss_weight": 2.0, "name_loss_weight": 0.5}
    settings = tiny_settings(tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=1, **weights)
    processor, cache = data
    trainer = build_trainer(settings, build_model(settings, processor), processor, {"train": cache})
    batch = trainer.data_collator([trainer.train_dataset[0], trainer.train_dataset[1]])
    model, targets = trainer.model.train(), batch["number_targets"]
    loss = trainer.compute_loss(model, dict(batch))
    inputs = {name: value for name, value in batch.items() if not name.endswith("_targets")}
    outputs = model.without_heads().eval()(**inputs, output_hidden_states=True)
    predictions = model.number_head(outputs.hidden_states[1])
    named = [
        -model.name_head(outputs.hidden_states[1])[row, position].log_softmax(-1)[batch["name_targets"][row, position]]
        for row, position in (batch["name_targets"] != -100).nonzero().tolist()
    ]
    assert named
    errors = [[] for _ in range(NUM_TARGETS)]
    for row, position in (batch["labels"] != -100).nonzero().tolist():
        for kind in range(NUM_TARGETS):
            if not torch.isnan(targets[row, position, kind]):
                error = predictions[row, position - 1, kind] - targets[row, position, kind]
                errors[kind].append(error.item() ** 2)
    means = [sum(kind) / max(1, len(kind)) for kind in errors]
    several = [error for kind in errors[NUM_SINGLE_TARGETS:] for error in kind]
    numbers = sum(means[:NUM_SINGLE_TARGETS]) + sum(several) / max(1, len(several))
    names = sum(named).item() / len(named)
    assert loss.item() == pytest.approx(outputs.loss.item() + 2.0 * numbers + 0.5 * names, rel=1e-4)
    assert trainer.compute_loss(model.eval(), dict(batch)).item() == pytest.approx(outputs.loss.item(), rel=1e-4)


def test_exported_checkpoint_has_no_heads(tmp_path, cache_dir, data):
    settings = tiny_settings(
        tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=1, save_steps=1, number_loss_weight=1.0
    )
    run_training(settings)
    during = load_file(tmp_path / "run" / "checkpoint-1" / "model.safetensors")
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert set(during) - set(after) == {
        *("number_head.weight", "number_head.bias"),
        *("name_head.weight", "name_head.bias"),
    }


def plain_batch(processor, cache):
    record = {
        "encoded": cache[0]["encoded"],
        "conversation": [("How wide is <region0>?", "Region 0 is 1 meter wide.")],
    }
    return SR3DDataCollator(processor)([record])


def test_a_batch_without_targets_needs_a_weight_of_zero(tmp_path, cache_dir, data):
    processor, cache = data
    batch = plain_batch(processor, cache)
    assert "number_targets" not in batch
    for weight in (0.0, 1.0):
        settings = tiny_settings(
            tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, max_steps=1, number_loss_weight=weight
        )
        trainer = build_trainer(settings, build_model(settings, processor), processor, {"train": cache})
        if weight:
            with pytest.raises(ValueError, match=r"`name_targets` must be in each batch .* got a batch without"):
                trainer.compute_loss(trainer.model, dict(batch))
        else:
            assert trainer.compute_loss(trainer.model, dict(batch)).item() > 0


@pytest.mark.parametrize("layer", [-1, 0, 3])
def test_a_layer_that_is_not_there_is_refused(layer, tmp_path, cache_dir, data):
    settings = tiny_settings(
        tmp_path / "out", tmp_path / "run", cache_dir=cache_dir, number_loss_weight=1.0, auxiliary_loss_layer=layer
    )
    processor, cache = data
    with pytest.raises(ValueError, match=rf"`auxiliary_loss_layer` must be from 1 to 2, .* got {layer}"):
        build_trainer(settings, build_model(settings, processor), processor, {"train": cache})
