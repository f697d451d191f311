# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Degradations: a clean sample -> what a poor sensor, estimator or photographer would have given."""
