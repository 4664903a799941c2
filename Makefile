# `make quickstart` and `make test` do all the set-up on a machine with Python >= 3.11 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The tests use both cores themselves; libraries that also did would slow each other down.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest

.PHONY: help quickstart test test-slow format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

quickstart: $(VENV)/agents.stamp  ## train a robot arm to push, evaluate it, show what it learned
	$(BIN)/python scripts/quickstart.py $(QUICKSTART_ARGS)

test: $(VENV)/dev.stamp  ## lint, types and the default test suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -n 2

test-slow: $(VENV)/dev.stamp  ## the full counts and the learning runs
	$(PYTEST) -n 2 -m slow

format: $(VENV)/dev.stamp  ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the virtual environment and caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/agents.stamp: pyproject.toml scripts/install.py
	$(PYTHON) scripts/install.py $(VENV) agents
	@touch $@

$(VENV)/dev.stamp: pyproject.toml scripts/install.py
	$(PYTHON) scripts/install.py $(VENV) agents dev
	@touch $(VENV)/agents.stamp $@
