# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rendering: a furnished room -> views with depth and instances -> scene folders."""
