# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: official files -> questions -> answers -> scores, one file for each data set."""
