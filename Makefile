# The door: 'make demo' sets up and runs the main job, 'make test' sets up and passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Two test processes of one thread each are faster on two cores than one of two.
PYTEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

.PHONY: demo test test-slow check format bench clean help

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

demo: $(VENV)/core.stamp  ## simulate a place, train, classify, map and report: the main job, minutes
	$(BIN)/windrow demo

test: $(VENV)/dev.stamp  ## the tests
	$(PYTEST)

test-slow: $(VENV)/dev.stamp  ## the tests that take minutes
	$(PYTEST) -m slow --timeout 3000

check: $(VENV)/dev.stamp  ## format, lint, types and the straight import line
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp  ## formats the code and mends what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp  ## the benchmarks, each a JSON line
	for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

clean:  ## removes the environment and caches, never runs or data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Two steps, so that the demo does not wait for the tools of the developer.
$(VENV)/core.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[maps]'
	touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(PIP) --editable '.[dev]'
	touch $@
