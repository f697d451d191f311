# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""rooms-bench: furnished rooms -> questions -> answers of a checkpoint and of an oracle -> report."""
