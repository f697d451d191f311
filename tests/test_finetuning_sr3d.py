# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stages 3 to 5, fine-tuning: LoRA through peft, activation checkpointing, with points and regions in each input."""

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tiny_model import make_lively_model

from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration


# The tower has projections of the same names, so a list of names would adapt both.
LANGUAGE_MODEL = r".*\.language_model\..*\.(q_proj|v_proj)"
# Weights plus low-rank product against both applied in turn, 20 random models and adapters on a CPU in float32: at
# most 1e-6 on logits of order 0.5. The adapters themselves move logits by 0.3 and more.
MERGE_TOLERANCE = {"atol": 5e-6, "rtol": 1e-5}
GREEDY = {"max_new_tokens": 6, "do_sample": False}


@pytest.fixture
def base():
    return make_lively_model()


@pytest.fixture
def batch(model_inputs):
    return model_inputs | {"labels": model_inputs["input_ids"].masked_fill(model_inputs["input_ids"] > 90, -100)}


def add_lora(model, **settings):
    torch.manual_seed(0)
    return get_peft_model(model, LoraConfig(r=4, lora_alpha=16, target_modules=LANGUAGE_MODEL, **settings))


def train_one_step(model, batch):
    """One step with a rate that shows; the loss before it."""
    optimizer = torch.optim.AdamW(
        [weight for weight in model.parameters() if weight.requires_grad], lr=0.05, weight_decay=0
    )
    loss = model.train()(**batch).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    model.eval()
    return loss.item()


def logits(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


def gradients(model, batch):
    """Gradients by name, and how often the first language layer ran for them."""
    runs = []
    layer = model.get_submodule(
        next(name for name, _ in model.named_modules() if name.endswith("language_model.layers.0"))
    )
    hook = layer.mlp.register_forward_pre_hook(lambda *_: runs.append(1))
    model.train()(**batch).loss.backward()
    hook.remove()
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    return found, len(runs)


# LoRA


def test_one_step_changes_lora_weights_and_nothing_else(base, batch):
    before = {name: weight.clone() for name, weight in base.named_parameters()}
    model = add_lora(base)
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(trainable) == 2 * 2 * 2  # layers, projections, factors
    assert all("language_model" in name and "lora_" in name for name in trainable)
    old = {name: weight.clone() for name, weight in model.named_parameters()}
    loss = train_one_step(model, batch)
    changed = {name for name, weight in model.named_parameters() if not torch.equal(weight, old[name])}
    assert changed == {name for name in trainable if "lora_B" in name}  # A learns once B is no longer zero
    assert train_one_step(model, batch) < loss
    changed = {name for name, weight in model.named_parameters() if not torch.equal(weight, old[name])}
    assert changed == trainable
    with model.disable_adapter():
        clean = make_lively_model()
        clean.load_state_dict(before, strict=False)
        assert torch.equal(logits(model, batch), logits(clean, batch))


def test_a_fresh_adapter_changes_no_logit(base, batch):
    before = logits(base, batch)
    assert torch.equal(logits(add_lora(base), batch), before)


@pytest.mark.parametrize(
    "whole", [None, ["position_encoding", "region_extractor"]], ids=["lora", "lora and 3D branches"]
)
def test_a_saved_adapter_on_a_fresh_base_gives_equal_logits(whole, base, batch, tmp_path):
    base.save_pretrained(tmp_path / "base")
    without_adapter = logits(base, batch)
    model = add_lora(base, modules_to_save=whole)
    train_one_step(model, batch)
    model.save_pretrained(tmp_path / "adapter")
    fresh = SR3DForConditionalGeneration.from_pretrained(tmp_path / "base").eval()
    reloaded = PeftModel.from_pretrained(fresh, tmp_path / "adapter").eval()
    assert torch.equal(logits(reloaded, batch), logits(model, batch))
    assert (logits(reloaded, batch) - without_adapter).abs().max() > 0.1


def test_a_merged_adapter_gives_close_logits_and_equal_answers(base, batch, model_inputs, tmp_path):
    names = set(base.state_dict())
    model = add_lora(base)
    train_one_step(model, batch)
    train_one_step(model, batch)
    expected, answer = logits(model, batch), model.generate(**model_inputs, **GREEDY)
    merged = model.merge_and_unload()
    torch.testing.assert_close(logits(merged, batch), expected, **MERGE_TOLERANCE)
    assert torch.equal(merged.generate(**model_inputs, **GREEDY), answer)
    assert set(merged.state_dict()) == names
    merged.save_pretrained(tmp_path)
    reloaded = SR3DForConditionalGeneration.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(reloaded, batch), logits(merged, batch))


# Activation checkpointing


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_activation_checkpointing_changes_no_gradient(use_reentrant, base, batch):
    expected, runs = gradients(base, batch)
    assert runs == 1
    base.activation_checkpointing_enable({"use_reentrant": use_reentrant})
    found, runs = gradients(base, batch)
    assert runs == 2
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        assert torch.equal(found[name], gradient), name


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_lora_gradients_flow_through_checkpointed_layers(use_reentrant, base, batch):
    model = add_lora(base)
    train_one_step(model, batch)
    expected, _ = gradients(model, batch)
    assert len(expected) == 8
    assert all(gradient.abs().max() > 0 for gradient in expected.values())
    model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
    model.enable_input_require_grads()
    found, runs = gradients(model, batch)
    assert runs == 2
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        assert torch.equal(found[name], gradient), name
