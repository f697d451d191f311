# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: a checkpoint and held-out scenes -> answers -> accuracy with confidence intervals."""
