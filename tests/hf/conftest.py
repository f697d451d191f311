# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Registers the markers that Hugging Face's common tests carry, so that `--strict-markers` accepts them."""

import pytest


HF_MARKERS = (
    "accelerate_tests",
    "flash_attn_3_test",
    "flash_attn_4_test",
    "flash_attn_test",
    "torch_compile_test",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in HF_MARKERS:
        config.addinivalue_line("markers", f"{marker}: set by Hugging Face's common tests")
