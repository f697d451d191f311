# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""NVILA-Lite in plain torch, from descriptions of it: slow, readable, without the package and without Transformers.

Weights are those of `nvila_files.py`, float32.
"""

import math

import torch
from torch import nn


def tower(weights, vision, pixels):
    """Pixels `(tiles, 3, S, S)` -> output of the last layer but one, without the final norm, `(tiles, patches, D)`."""
    w = {key.removeprefix("vision_model."): value for key, value in weights.items()}
    heads, eps = vision["num_attention_heads"], vision["layer_norm_eps"]
    x = nn.functional.conv2d(
        pixels,
        w["embeddings.patch_embedding.weight"],
        w["embeddings.patch_embedding.bias"],
        stride=vision["patch_size"],
    )
    x = x.flatten(2).transpose(1, 2) + w["embeddings.position_embedding.weight"]
    for layer in range(vision["num_hidden_layers"] - 1):
        stem = f"encoder.layers.{layer}."
        y = nn.functional.layer_norm(
            x, x.shape[-1:], w[stem + "layer_norm1.weight"], w[stem + "layer_norm1.bias"], eps
        )
        q, k, v = (split(linear(w, f"{stem}self_attn.{name}_proj", y), heads) for name in "qkv")
        x = x + linear(w, stem + "self_attn.out_proj", merge(attend(q, k, v)))
        y = nn.functional.layer_norm(
            x, x.shape[-1:], w[stem + "layer_norm2.weight"], w[stem + "layer_norm2.bias"], eps
        )
        y = linear(w, stem + "mlp.fc1", y)
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        x = x + linear(w, stem + "mlp.fc2", y)
    return x


def linear(w, name, x):
    return x @ w[name + ".weight"].T + w.get(name + ".bias", 0.0)


def split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x):
    return x.transpose(1, 2).flatten(2)


def attend(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask, -math.inf)
    return scores.softmax(-1) @ v


def space_to_depth(x, k):
    """Join k x k patches one by one: row offset slowest, channel fastest; zeros below and right where needed."""
    tiles, patches, size = x.shape
    side = math.isqrt(patches)
    grid = -(-side // k)
    padded = torch.zeros(tiles, grid * k, grid * k, size)
    padded[:, :side, :side] = x.view(tiles, side, side, size)
    tokens = [
        torch.cat([padded[:, r * k + i, c * k + j] for i in range(k) for j in range(k)], dim=-1)
        for r in range(grid)
        for c in range(grid)
    ]
    return torch.stack(tokens, dim=1)


def project(w, x):
    """Features -> image tokens; the kind of projector is told by its layers."""
    is_3x3 = "layers.7.weight" in w
    x = space_to_depth(x, 3 if is_3x3 else 2)
    x = nn.functional.layer_norm(x, x.shape[-1:], w["layers.1.weight"], w["layers.1.bias"], 1e-5)
    x = linear(w, "layers.2", x)
    x = 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    if not is_3x3:
        return linear(w, "layers.4", x)
    x = nn.functional.layer_norm(x, x.shape[-1:], w["layers.4.weight"], w["layers.4.bias"], 1e-5)
    x = linear(w, "layers.5", x)
    return linear(w, "layers.7", 0.5 * x * (1 + torch.erf(x / math.sqrt(2))))


def language_model(w, text, embeds):
    """Embeddings `(1, N, H)` -> logits `(1, N, rows)`; one-dimensional rotary positions."""
    heads, groups = text["num_attention_heads"], text["num_key_value_heads"]
    length, size = embeds.shape[1], embeds.shape[2] // heads
    angles = torch.arange(length)[:, None] * text["rope_theta"] ** (-torch.arange(0, size, 2) / size)
    angles = torch.cat((angles, angles), dim=-1)
    mask = torch.ones(length, length, dtype=torch.bool).triu(1)
    x = embeds
    for layer in range(text["num_hidden_layers"]):
        stem = f"model.layers.{layer}."
        y = rms_norm(x, w[stem + "input_layernorm.weight"], text["rms_norm_eps"])
        q = rotate(split(linear(w, stem + "self_attn.q_proj", y), heads), angles)
        k = rotate(split(linear(w, stem + "self_attn.k_proj", y), groups), angles)
        v = split(linear(w, stem + "self_attn.v_proj", y), groups)
        k, v = (one.repeat_interleave(heads // groups, dim=1) for one in (k, v))
        x = x + linear(w, stem + "self_attn.o_proj", merge(attend(q, k, v, mask)))
        y = rms_norm(x, w[stem + "post_attention_layernorm.weight"], text["rms_norm_eps"])
        gate = linear(w, stem + "mlp.gate_proj", y)
        x = x + linear(w, stem + "mlp.down_proj", gate * torch.sigmoid(gate) * linear(w, stem + "mlp.up_proj", y))
    x = rms_norm(x, w["model.norm.weight"], text["rms_norm_eps"])
    return x @ w.get("lm_head.weight", w["model.embed_tokens.weight"]).T


def rms_norm(x, weight, eps):
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, angles):
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * angles.cos() + turned * angles.sin()


def nvila(weights, vision, text, pixels, pieces):
    """Logits of a prompt; `pieces` are lists of token ids, and `None` where the features of the next tile go."""
    tokens = iter(project(weights["mm_projector"], tower(weights["vision_tower"], vision, pixels)))
    table = weights["llm"]["model.embed_tokens.weight"]
    parts = [next(tokens) if piece is None else table[torch.tensor(piece, dtype=torch.long)] for piece in pieces]
    return language_model(weights["llm"], text, torch.cat(parts)[None])[0]
