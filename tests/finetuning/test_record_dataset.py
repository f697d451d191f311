# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records as items of `Trainer` and `trl.SFTTrainer`: labels, padding, order, augmentation."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from finetuning_rooms import write_start
from PIL import Image
from transformers import Trainer, TrainingArguments

from transformers_sr3d.finetuning.augmentation import augment_regions
from transformers_sr3d.finetuning.encoding import RecordDataset, views_key
from transformers_sr3d.finetuning.mixture import order_of_run
from transformers_sr3d.finetuning.settings import AugmentationSettings
from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.records.format import read_records
from transformers_sr3d.records.making.questions import run_lengths
from transformers_sr3d.training.collator import SR3DDataCollator


# Sums over another number of padded zeros, in float32.
PADDING_TOLERANCE = {"atol": 2e-6, "rtol": 1e-4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def processor(folder):
    return SR3DProcessor.from_pretrained(folder / "start")


@pytest.fixture
def model(folder):
    return SR3DForConditionalGeneration.from_pretrained(folder / "start")


@pytest.fixture(scope="module")
def dataset(folder, processor):
    return RecordDataset(read_records(folder / "train.jsonl"), processor)


def gradients(model, batch):
    model.train()(**batch).loss.backward()
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    return found


def test_labels_are_the_answers_and_what_closes_them(dataset, processor):
    for record, item in zip(dataset.records, dataset, strict=True):
        batch = SR3DDataCollator(processor)([item])
        labels = batch["labels"][0]
        read = processor.tokenizer.decode(labels[labels != -100])
        expected = processor.tokenizer.decode(
            processor.tokenizer("".join(f"{answer}<|im_end|>" for _, answer in record.turns))["input_ids"]
        )
        assert read == expected
        assert len(record.turns) == 2


def test_padding_changes_no_gradient(dataset, processor, model):
    collate = SR3DDataCollator(processor)
    lengths = [len(collate([item])["input_ids"][0]) for item in dataset]
    short, long = int(np.argmin(lengths)), int(np.argmax(lengths))
    assert lengths[long] > lengths[short]
    alone = collate([dataset[short]])
    padded = collate([dataset[short], dataset[long]])
    padded["labels"][1] = -100  # so that the other row only pads
    expected, found = gradients(model, alone), gradients(model, padded)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, **PADDING_TOLERANCE, msg=name)


def test_eight_records_in_a_batch_give_the_gradients_of_one_by_one(dataset, processor, model):
    collate = SR3DDataCollator(processor)
    items = [dataset[place] for place in range(8)]
    together = collate(items)
    count = (together["labels"] != -100).sum()
    expected = gradients(model, {**together, "num_items_in_batch": count})
    for item in items:
        model.train()(**collate([item]), num_items_in_batch=count).loss.backward()
    for name, weight in model.named_parameters():
        if name in expected:
            torch.testing.assert_close(weight.grad, expected[name], **PADDING_TOLERANCE, msg=name)


def arguments_of(kind, folder, **more):
    return kind(
        output_dir=str(folder), max_steps=3, learning_rate=1e-2, lr_scheduler_type="constant", report_to="none",
        per_device_train_batch_size=4, remove_unused_columns=False, save_strategy="no", logging_steps=1,
        disable_tqdm=True, use_cpu=True, seed=0, bf16=False, **more,
    )  # fmt: skip


def losses(trainer):
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_plain_trainer_and_sft_trainer_train_alike(folder, dataset, processor, model, tmp_path):
    from trl import SFTConfig, SFTTrainer

    collate = SR3DDataCollator(processor)
    plain = Trainer(
        model=model, args=arguments_of(TrainingArguments, tmp_path), train_dataset=dataset, data_collator=collate
    )
    expected = losses(plain)
    assert expected[-1] < expected[0]
    sft = SFTTrainer(
        model=SR3DForConditionalGeneration.from_pretrained(folder / "start"),
        args=arguments_of(SFTConfig, tmp_path, dataset_kwargs={"skip_prepare_dataset": True}),
        train_dataset=dataset.as_rows(),
        data_collator=collate,
        processing_class=processor,
    )
    assert losses(sft) == pytest.approx(expected, rel=1e-4)


def test_record_that_cannot_be_encoded_is_named(folder, processor):
    [good, *_] = (folder / "train.jsonl").read_text().splitlines()
    (folder / "bad.jsonl").write_text(json.dumps(json.loads(good) | {"scene": "rooms/none"}) + "\n")
    with pytest.raises(ValueError, match=r"bad\.jsonl:1"):
        RecordDataset(read_records(folder / "bad.jsonl"), processor)[0]


def test_pictures_have_one_key_until_they_change(folder):
    records = read_records(folder / "train.jsonl")
    keys = {record.sample["scene"]: views_key(record) for record in records}
    assert len(set(keys.values())) == len(keys) == 3
    scene = folder / "rooms"
    before = views_key(records[0])
    picture = next(scene.rglob("*.png"))
    picture.touch()
    assert {views_key(record) for record in records} != set(keys.values()) or views_key(records[0]) != before


# Order


def test_every_record_is_shown_before_one_is_shown_again():
    order = order_of_run([5] * 10, [1.0] * 10, num_items=25, batch_size=2, seed=0)
    counts = Counter(order.tolist())
    assert len(order) == 25
    assert set(counts.values()) <= {2, 3}


def test_weights_are_shares():
    weights = [2.0] * 50 + [0.5] * 50
    order = order_of_run([5] * 100, weights, num_items=12_500, batch_size=5, seed=3)
    share = np.mean(order < 50)
    assert share == pytest.approx(0.8, abs=0.01)


def test_records_of_like_length_are_together_and_order_is_of_the_seed():
    lengths = np.random.default_rng(0).integers(10, 1000, 640)
    first, again, other = (
        order_of_run(lengths, [1.0] * 640, num_items=640, batch_size=8, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    spread = np.ptp(lengths[first].reshape(-1, 8), axis=1).mean()
    assert spread < 0.2 * np.ptp(np.random.default_rng(1).permutation(lengths).reshape(-1, 8), axis=1).mean()
    assert sorted(first.tolist()) == list(range(640))


# Augmentation

IMAGES = [Image.new("RGB", (120, 64))] * 4


def mark(mask, view, number=3):
    return {"mask": run_lengths(mask), "view": view, "region": number}


def test_masks_become_boxes_and_views_are_dropped():
    mask = np.zeros((20, 30), bool)
    mask[4:9, 6:16] = True
    marks = [mark(mask, view) for view in range(4)]
    rng = np.random.default_rng(0)
    changed = augment_regions(marks, IMAGES, AugmentationSettings(mask_to_box=1.0), rng)
    assert [entry["box_xyxy"] for entry in changed] == [[6.0, 4.0, 16.0, 9.0]] * 4
    assert {entry["region"] for entry in changed} == {3}
    kept = [len(augment_regions(marks, IMAGES, AugmentationSettings(drop_views=1.0), rng)) for _ in range(200)]
    assert set(kept) == {1, 2, 3}
    assert augment_regions(marks, IMAGES, AugmentationSettings(), rng) == marks


def test_jitter_moves_edges_by_a_share_and_keeps_a_box():
    rng = np.random.default_rng(0)
    box = {"box_xyxy": [10, 20, 110, 60], "view": 0}
    moved = np.array(
        [augment_regions([box], IMAGES, AugmentationSettings(jitter=0.1), rng)[0]["box_xyxy"] for _ in range(500)]
    )
    off = np.abs(moved - box["box_xyxy"]).max(axis=0)
    assert (off <= [10, 4, 10, 4]).all()
    assert (off >= [9, 3.6, 9, 3.6]).all()
    edge = {"box_xyxy": [0, 0, 120, 64], "view": 3}
    jitter = AugmentationSettings(jitter=0.2)
    moved = np.array([augment_regions([edge], IMAGES, jitter, rng)[0]["box_xyxy"] for _ in range(100)])
    assert moved.min() >= 0
    assert (moved.max(axis=0)[2:] <= [120, 64]).all()
    tiny = {"box_xyxy": [3.0, 3.0, 4.0, 4.0]}
    assert (
        augment_regions([tiny], IMAGES, AugmentationSettings(jitter=0.25), np.random.default_rng(1))[0]["region"] == 0
    )
