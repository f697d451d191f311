# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes, regions and answers to look at: pages, point clouds, marked pictures, and plain measurements beside them."""
