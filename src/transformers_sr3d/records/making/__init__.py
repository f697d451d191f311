# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Training questions from one's own annotated scans and photos: things with names -> records with exact truth."""
