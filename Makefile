# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
#
# Everything runs from `.venv`, which `make install` builds from nothing. A wheel index for torch of your own choice:
#     make install TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
# One exact version: an open bound makes pip fetch a newer build with all its CUDA libraries even where no GPU is.
# `==2.13.0` also accepts a `2.13.0+cpu` build and pip prefers it where an index offers one.
TORCH := torch==2.13.0
TORCH_INDEX ?=
TORCH_FLAGS := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
OLDEST_TRANSFORMERS := 5.23.0
# Worker processes of the test run; each computes on one thread, so that they do not compete for cores.
JOBS ?= 2
PYTEST_FLAGS ?=

VENV := .venv
OLDEST := .venv-oldest
STAMP := $(VENV)/.installed
OLDEST_STAMP := $(OLDEST)/.installed
RUN_TESTS = OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(1)/bin/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_FLAGS)

.PHONY: install demo test test-all test-oldest check check-lint check-types check-models check-style format bench \
	checkpoint-code clean

install: $(STAMP)

$(STAMP): setup.cfg pyproject.toml Makefile
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet $(TORCH_FLAGS) $(TORCH)
	$(VENV)/bin/python -m pip install --quiet $(TORCH_FLAGS) $(TORCH) -e '.[test,dev]'
	touch $@

demo: $(STAMP)
	$(VENV)/bin/python demo/demo.py

test: $(STAMP)
	$(call RUN_TESTS,$(VENV))

test-all: $(STAMP)
	$(call RUN_TESTS,$(VENV)) -m "slow or not slow"

test-oldest: $(OLDEST_STAMP)
	$(call RUN_TESTS,$(OLDEST))

$(OLDEST_STAMP): setup.cfg pyproject.toml Makefile
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet $(TORCH_FLAGS) $(TORCH)
	$(OLDEST)/bin/python -m pip install --quiet $(TORCH_FLAGS) $(TORCH) transformers==$(OLDEST_TRANSFORMERS) -e '.[test]'
	touch $@

check: check-lint check-types check-models check-style

check-lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

check-types: $(STAMP)
	$(VENV)/bin/mypy

# Transformers' own review rules. One is switched off by `# trf-ignore: TRF0xx` with a reason, on the line above.
check-models: $(STAMP)
	$(VENV)/bin/mlinter --enable-all-trf-rules --no-progress --no-cache src/transformers_sr3d

check-style: $(STAMP)
	$(VENV)/bin/python tools/check_style.py src

format: $(STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(STAMP)
	for name in preprocess model train; do $(VENV)/bin/python benchmarks/bench_$$name.py || exit 1; done
	$(VENV)/bin/python benchmarks/report.py

# The embedded checkpoint carries a copy of the code; a test holds the two equal.
checkpoint-code:
	rm -f checkpoints/sr3d-tiny/*_sr3d.py
	cp src/transformers_sr3d/*_sr3d.py checkpoints/sr3d-tiny/

clean:
	rm -rf $(VENV) $(OLDEST) build dist src/*.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests demo benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
