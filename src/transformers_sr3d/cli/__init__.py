# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The command line `sr3d`: one verb per file, no logic beyond reading arguments and printing results."""
