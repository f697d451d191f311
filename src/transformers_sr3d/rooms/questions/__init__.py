# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Questions: facts of a room -> conversations with exact truth, and regions as a user may draw them."""
