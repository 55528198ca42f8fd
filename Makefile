# `make demo` shows the main job on a real project; `make test` proves it. Both set themselves up.
PYTHON ?= python3
BIN := .venv/bin
# Tests sync thousands of small files: on a memory disk where there is one. The crash matrix brings its own disk model.
export TMPDIR := $(shell test -w /dev/shm && echo /dev/shm || echo $${TMPDIR:-/tmp})

.PHONY: demo test test-all lint bench crash docs clean

demo: .venv/ready
	@$(BIN)/python scripts/demo.py

test: .venv/ready
	@scripts/tools.sh
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n 2 -m "not slow"

# The long matrices as well: every BMAD version with every update, and the crash matrix as published (an hour in all).
test-all: test
	$(BIN)/python -m pytest -n 2 -m slow

lint: .venv/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: .venv/ready
	$(BIN)/python bench/run.py
	$(BIN)/python bench/engine/run.py

crash: .venv/ready
	@scripts/tools.sh
	$(BIN)/python tests/crash/matrix.py

docs: .venv/ready
	$(BIN)/python scripts/reference.py

.venv/ready: requirements.lock pyproject.toml
	@PYTHON=$(PYTHON) scripts/setup.sh

clean:
	rm -rf .venv .cache .demo
