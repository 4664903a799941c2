# `make quickstart` and `make test` do all the set-up on a machine with Python >= 3.11 and make.
# PYTHON=python3.12 make ... chooses the Python that the virtual environment is made with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
# Two test processes and one thread in each: numerical libraries that also spread over all
# cores would only slow each other down.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(RUN) pytest -n 2
SAY_VERSION := import sys; print(sys.version_info[:2])

.PHONY: help quickstart test test-slow format clean check-python

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-12s%s\n", $$1, $$2}'

quickstart: $(VENV)/agents.stamp  ## train a robot arm to push, evaluate it, show what it learned
	$(BIN)/python scripts/quickstart.py $(QUICKSTART_ARGS)

test: $(VENV)/dev.stamp  ## lint, types and the default test suite
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(PYTEST)

test-slow: $(VENV)/dev.stamp  ## the full counts and the learning runs
	$(PYTEST) -m "slow and not gpu"

format: $(VENV)/dev.stamp  ## format and mend what can be mended
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

clean:  ## remove the virtual environment and caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find robotasks scripts tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/agents.stamp: pyproject.toml scripts/install.py | check-python
	$(PYTHON) scripts/install.py $(VENV) agents
	@touch $@

$(VENV)/dev.stamp: pyproject.toml scripts/install.py | check-python
	$(PYTHON) scripts/install.py $(VENV) agents dev
	@touch $(VENV)/agents.stamp $@

# A Python that was asked for must be the one of an environment that is there already.
check-python:
ifneq ($(origin PYTHON),file)
	@test ! -x $(BIN)/python \
	|| test "$$($(PYTHON) -c '$(SAY_VERSION)')" = "$$($(BIN)/python -c '$(SAY_VERSION)')" \
	|| { echo "$(VENV) has another Python than $(PYTHON): run 'make clean' first"; exit 1; }
endif
	@test -x $(BIN)/python || command -v $(PYTHON) >/dev/null \
	|| { echo "$(PYTHON) not found: install Python >= 3.11, or make PYTHON=python3.12 ..."; exit 1; }
