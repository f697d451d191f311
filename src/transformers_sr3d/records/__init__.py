# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Records of one's own data: a scene or images, regions and a conversation, one JSON object per line."""
