# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Training: cached records -> batches with labels -> a checkpoint that loads anywhere."""
