# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Weights of others -> an SR-3D checkpoint: `sr3d convert nvila` and `sr3d init`.

stored_tensors   a folder with safetensors        -> name, shape and file of each tensor, nothing loaded
nvila_source     an NVILA-Lite, in either layout  -> configurations, tokenizer, tensors under SR-3D's names
conversion_plan  source + model                   -> what becomes of every tensor; what is new
tokens           tokenizer of a language model    -> with the placeholders; rows of the embedding
new_weights      configuration + seed             -> what no source has: 3D encoding, region branch
shards           plan                             -> sharded files, one in memory at a time, all or nothing
card             facts                            -> README.md with the licence of the source
nvila, assembly  the two ways, from end to end
"""
