# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Publishing: a checkpoint folder -> what of it goes to the Hub, a model card, one commit."""
