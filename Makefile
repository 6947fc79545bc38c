# Everything a person or a CI does with this checkout. `make` alone lists it.
#
# Stamps inside .venv remember what is installed, so nothing is installed twice and a second run
# needs no network; a change of pyproject.toml installs again.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
PYTHONS := python3.11 python3.12 python3.13 python3 python
ARGS ?=
SEEDS ?= 1-20
SECONDS ?= 60
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test differential fuzz lint format docs bench dist clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help:  ## List what can be made
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

setup: $(VENV)/.zonegit  ## Make the environment once; the CLI is then .venv/bin/zonegit
	@echo "ready: $(BIN)/zonegit"

demo: $(VENV)/.zonegit  ## Start the whole stack, walk through it, check each step, stop it
	@$(BIN)/python -m tests.e2e.walkthrough $(ARGS)

test: $(VENV)/.test  ## Run the test suite in JOBS=3 processes (ARGS=... go to pytest)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

lint: $(VENV)/.lint  ## Check style, format, types and the import contracts
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.lint  ## Rewrite the code in the one format
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

differential: $(VENV)/.test  ## Compare random zones with NSD, Knot and BIND (SEEDS=1-200)
	@$(BIN)/python -m tests.support.differential $(SEEDS) $(ARGS)

fuzz: $(VENV)/.fuzz  ## Mutate queries towards code not yet run, for SECONDS=60
	@$(BIN)/python -m tests.fuzz.respond $(SECONDS) $(ARGS)

docs: $(VENV)/.zonegit  ## Write the generated pages: commands, schema, bus permissions
	@$(BIN)/python docs/cli_reference.py
	@$(BIN)/python docs/json_schema.py
	@$(BIN)/python docs/bus_permissions.py

bench: $(VENV)/.zonegit  ## Measure, and print one Markdown report (ARGS=... choose rows)
	@$(BIN)/python -m benchmarks.report $(ARGS)

dist: $(VENV)/.dist  ## Build the wheel and the source distribution into dist/
	@$(BIN)/python -m build --quiet --outdir dist .
	@ls -1 dist

clean:  ## Remove the environment and everything that was built
	@rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A Python of another name: make setup PYTHON=/opt/python3.13/bin/python3
$(VENV)/.made:
	@python="$(PYTHON)"; \
	for name in $(PYTHONS); do \
	    [ -n "$$python" ] && break; \
	    "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && python=$$name; \
	done; \
	[ -n "$$python" ] || { echo "zonegit needs Python 3.11 or newer; none of these is: $(PYTHONS)" >&2; exit 1; }; \
	echo "making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV) || { echo "no environment: on Debian, install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.zonegit: $(VENV)/.made pyproject.toml
	@echo "installing zonegit into $(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.dist $(VENV)/.fuzz: $(VENV)/.%: $(VENV)/.zonegit
	@echo "installing what $* needs"
	@$(PIP) install --editable '.[$*]'
	@touch $@
