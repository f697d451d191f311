# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Raw inputs: readers and writers of scenes on disk; stays home, never travels with a checkpoint."""
