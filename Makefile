# Everything a person or a CI does with this checkout. `make` alone lists it.
#
# Stamps inside .venv remember what is installed, so nothing is installed twice and a second run
# needs no network; a change of pyproject.toml installs again.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
PYTHONS := python3.11 python3.12 python3.13 python3 python
ARGS ?=
AGAINST ?=
SEEDS ?= 1-20
SECONDS ?= 60
FLIPS ?= 1000
TARGETS ?= query object message zonefile tsig
JOBS ?= 3
EXTRAS := dev test lint dist fuzz
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --upgrade --constraint requirements/constraints.txt --no-annotate --custom-compile-command "make lock" pyproject.toml

# The suite starts zonegit thousands of times; without byte code each start compiles 400 modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick differential fuzz flips lint format docs bench dist lock clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help:  ## List what can be made
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

setup: $(VENV)/.zonegit  ## Make the environment once; the CLI is then .venv/bin/zonegit
	@echo "ready: $(BIN)/zonegit"

demo: $(VENV)/.zonegit  ## Start the whole stack, walk through it, check each step, stop it
	@$(BIN)/python -m tests.e2e.walkthrough $(ARGS)

test: $(VENV)/.test  ## Run the test suite in JOBS=3 processes (ARGS=... go to pytest)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

quick: $(VENV)/.test lint  ## Check the style, and run the unit tests of what changed: in a minute
	@changed=$$($(BIN)/python -m tests.support.changed) && if [ -n "$$changed" ]; then \
	    echo "testing $$changed"; $(BIN)/python -m pytest -n $(JOBS) $$changed $(ARGS); fi
	@$(BIN)/python -m pytest tests/contract -k memory $(ARGS)

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

fuzz: $(VENV)/.fuzz  ## Mutate what comes from outside towards code not yet run, SECONDS=60 each
	@for target in $(TARGETS); do \
	    echo "fuzzing: $$target"; \
	    $(BIN)/python -m tests.fuzz.run $$target $(SECONDS) $(ARGS) || exit; \
	done

flips: $(VENV)/.test  ## Flip 1,000 bits in stored files: damage is said, or heals (FLIPS=1000)
	@BIT_FLIPS=$(FLIPS) $(BIN)/python -m pytest -s tests/hostile/test_bit_flips.py $(ARGS)

docs: $(VENV)/.zonegit  ## Write the generated pages: commands, schema, bus permissions
	@$(BIN)/python docs/cli_reference.py
	@$(BIN)/python docs/json_schema.py
	@$(BIN)/python docs/bus_permissions.py

bench: $(VENV)/.zonegit  ## Measure, and print a report (ARGS="changes ..." AGAINST=COMMIT: in turns)
	@$(BIN)/python -m $(if $(AGAINST),benchmarks.against $(AGAINST),benchmarks.report) $(ARGS)

# In an empty folder, so that SHA256SUMS lists this build alone. The SBOM (CycloneDX) is that of an
# environment with nothing else, so it has what depends on what.
dist: $(VENV)/.dist  ## Build into dist/: wheel, source, an archive per platform, SBOM, checksums
	@rm -rf dist
	@$(BIN)/python -m build --quiet --no-isolation --outdir dist .
	@$(BIN)/uv venv --quiet --clear $(VENV)/run
	@$(BIN)/uv pip install --quiet --python $(VENV)/run --require-hashes --requirement requirements/run.txt
	@$(BIN)/uv pip install --quiet --python $(VENV)/run --no-deps dist/*.whl
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	    --output-reproducible --output-file dist/zonegit.cdx.json $(VENV)/run
	@$(BIN)/python -m release.archives dist/*.whl dist

# All extras are resolved together first, so that no two files name different versions.
lock: $(VENV)/.dist  ## Write requirements/*.txt from pyproject.toml: newest versions, with hashes
	@$(LOCK) --all-extras --output-file requirements/.all.txt
	@$(LOCK) --constraint requirements/.all.txt --output-file requirements/run.txt
	@for extra in $(EXTRAS); do \
	    $(LOCK) --constraint requirements/.all.txt --extra $$extra \
	        --output-file requirements/$$extra.txt || exit; \
	done
	@rm requirements/.all.txt

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

# What is installed is what requirements/ names, each file by its hash; `make lock` writes these.
$(VENV)/.zonegit: $(VENV)/.made pyproject.toml requirements/dev.txt
	@echo "installing zonegit into $(VENV)"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.dist $(VENV)/.fuzz: $(VENV)/.%: $(VENV)/.zonegit requirements/%.txt
	@echo "installing what $* needs"
	@$(PIP) install --require-hashes --requirement requirements/$*.txt
	@touch $@
