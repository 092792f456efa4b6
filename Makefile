# Two commands on a fresh machine: `make up` runs the program, `make test` runs all checks and tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv

.PHONY: up test check format bench docs clean

up: $(VENV)/.runs
	$(BIN)/dualwrite up

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.develops
	$(BIN)/ruff format --check src tests tools benchmarks
	$(BIN)/ruff check src tests tools benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.develops
	$(BIN)/ruff format src tests tools benchmarks
	$(BIN)/ruff check --fix src tests tools benchmarks

bench: $(VENV)/.develops
	$(BIN)/python -m benchmarks

docs: $(VENV)/.develops
	$(BIN)/mkdocs build --strict

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.runs: $(BIN)/uv pyproject.toml uv.lock
	$(UV) sync --frozen --inexact --no-dev --quiet
	@touch $@

$(VENV)/.develops: $(BIN)/uv pyproject.toml uv.lock
	$(UV) sync --frozen --inexact --quiet
	@touch $@ $(VENV)/.runs

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis site
