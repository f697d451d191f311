# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rooms whose geometry is known exactly, and questions about them; stays home, never travels with a checkpoint."""
