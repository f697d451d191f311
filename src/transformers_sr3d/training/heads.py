# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of the weights that only training has (`auxiliary_losses`); a checkpoint does without them."""

HEADS = ("number_head.", "name_head.")
