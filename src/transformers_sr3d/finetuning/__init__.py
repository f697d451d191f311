# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning on records of own data: recipe -> schedule of samples -> Trainer -> a checkpoint that loads anywhere."""
