# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scorers: texts and their references -> figures. Each names the reference code that it agrees with."""
