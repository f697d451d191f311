# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Geometry where none is given: depth, focal length and poses from images, by models that others have trained."""
