# Each target does all the set-up it needs; the first run on a fresh machine takes some minutes.
#   make demo    simulated data, a DynaMight job, the window on the result   (DIR=folder, default ./demo)
#   make test    format, lint, types, import contracts and tests             (PYTEST_ARGS="-k lock")
#   make check   the same without the tests
#   make bench   speed and quality, as ratios measured in one run            (BENCH_ARGS="-k project")
#   make pictures the README's pictures of the window, from the demo (DIR=folder)
#   make clean   removes the environment and the caches
# PYTHON=/path/to/python3.11 chooses the interpreter.

SHELL := /bin/bash
VENV := .venv
DIR := demo
export HETEROSCOPE_VENV := $(VENV)
export PYTHON

.PHONY: help setup demo test check bench pictures clean
help:
	@sed -n 's/^#   //p' Makefile

setup:
	@.ci/setup dev

demo:
	@.ci/setup run
	@$(VENV)/bin/python -P -m app demo $(DIR)

test:
	@.ci/setup dev
	@.ci/test

check:
	@.ci/setup dev
	@.ci/check

bench:
	@.ci/setup dev
	@.ci/under-display $(VENV)/bin/python -P -m pytest tests/benchmarks --benchmark-enable \
		-o "python_files=bench_*.py test_*.py" \
		--override-ini=addopts= --import-mode=importlib -p no:napari -p no:napari-plugin-engine -p no:npe2 \
		--timeout=1800 -q -s $(BENCH_ARGS)

pictures:
	@.ci/setup dev
	@.ci/under-display $(VENV)/bin/python -P .ci/pictures.py $(DIR)

clean:
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .benchmarks build ./*.egg-info
