# Two commands are enough: `make run` starts the dashboard, `make test` checks everything. Each works on a fresh clone.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3.11
PORT ?= 8501
ADDRESS ?= 127.0.0.1
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench train clean

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "Python 3.11 is needed and $(PYTHON) was not found. Name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(BIN)/pip
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(PIP) -r requirements-dev.txt
	@touch $@

run: $(VENV)/.runtime ## Start the dashboard on 127.0.0.1 (PORT=8501; ADDRESS=0.0.0.0 for a class in the same network)
	$(BIN)/python -m streamlit run streamlit_app.py \
		--server.address $(ADDRESS) --server.port $(PORT) --server.headless true

# One thread per process: the tests run in parallel, and more threads than cores cost more than they give.
test: export OMP_NUM_THREADS := 1
test: lint ## Check style, types and behaviour, in Chromium too (JOBS=2 processes)
	CHROMIUM="$$($(BIN)/python -m tests.browser.chromium --install)" \
		POSTGRES_BIN="$$($(BIN)/python -m tests.postgres --install)" \
		$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.dev ## Check style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Put imports and layout in order
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# What the dashboard is compared with takes other versions of the same libraries: an environment of its own.
$(VENV)-comparison/.ready: benchmarks/requirements-comparison.txt
	$(PYTHON) -m venv $(VENV)-comparison
	$(VENV)-comparison/bin/python -m pip install --disable-pip-version-check -r $<
	@touch $@

bench: $(VENV)/.dev $(VENV)-comparison/.ready ## Measure speed and memory, printed as a table
	CHROMIUM="$$($(BIN)/python -m tests.browser.chromium --install)" \
		COMPARISON_PYTHON=$(VENV)-comparison/bin/python $(BIN)/python -m benchmarks

ifdef DATA
train: $(VENV)/.runtime ## Train a model (TASK=icu_alarm DATA=... OUT=...); without DATA, show the commands
	$(BIN)/python -m amfn train $(or $(TASK),$(error Say which task: make train TASK=icu_alarm DATA=$(DATA))) \
		--data $(DATA) --out $(or $(OUT),runs/$(TASK))
else
train:
	@echo 'The shipped models come from these commands (the first two download the data from PhysioNet):'
	@echo '  $(BIN)/python -m amfn fetch challenge-2012 --out data/challenge-2012'
	@echo '  $(BIN)/python -m amfn fetch challenge-2015 --out data/challenge-2015'
	@echo '  make train TASK=icu_mortality DATA=data/challenge-2012 OUT=runs/icu_mortality'
	@echo '  $(BIN)/python -m amfn train icu_alarm --data data/challenge-2015/training --fold-members 3 --out runs/icu_alarm'
endif

clean: ## Remove the environment and all caches; data and training runs stay
	rm -rf $(VENV) $(VENV)-comparison .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
