# All tasks of development and CI. `make` without arguments lists them.
#
# Stamp files inside .venv record what is installed, so that a second run needs no network. A change
# of pyproject.toml or requirements/*.txt installs again.

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
JOBS ?= 5
EXTRAS := dev test lint dist fuzz
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --upgrade --constraint requirements/constraints.txt --no-annotate --custom-compile-command "make lock" pyproject.toml

# The tests start zonegit thousands of times. Without byte code each start compiles 400 modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick differential fuzz flips lint format docs bench dist lock clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help:  ## List the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

setup: $(VENV)/.zonegit  ## Install zonegit into .venv; the command is .venv/bin/zonegit
	@echo "ready: $(BIN)/zonegit"

demo: $(VENV)/.zonegit  ## Start a stack, run the walkthrough, check each step, stop the stack
	@$(BIN)/python -m tests.e2e.walkthrough $(ARGS)

test: $(VENV)/.test  ## Run the test suite in JOBS=5 processes (ARGS=... go to pytest)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

quick: $(VENV)/.test lint  ## Run lint, the unit tests of changed code and the contract tests: one minute
	@changed=$$($(BIN)/python -m tests.support.changed) && if [ -n "$$changed" ]; then \
	    echo "testing $$changed"; $(BIN)/python -m pytest -n $(JOBS) $$changed $(ARGS); fi
	@$(BIN)/python -m pytest tests/contract -k memory $(ARGS)

lint: $(VENV)/.lint  ## Check style, format, types and the import contracts
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports importlinter.toml

format: $(VENV)/.lint  ## Format the code
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

differential: $(VENV)/.test  ## Compare random zones with NSD, Knot and BIND (SEEDS=1-200)
	@$(BIN)/python -m tests.support.differential $(SEEDS) $(ARGS)

fuzz: $(VENV)/.fuzz  ## Fuzz the parsers of untrusted input (SECONDS=60 for each target)
	@for target in $(TARGETS); do \
	    echo "fuzzing: $$target"; \
	    $(BIN)/python -m tests.fuzz.run $$target $(SECONDS) $(ARGS) || exit; \
	done

flips: $(VENV)/.test  ## Flip bits in stored files; damage must be reported or repaired (FLIPS=1000)
	@BIT_FLIPS=$(FLIPS) $(BIN)/python -m pytest -s tests/hostile/test_bit_flips.py $(ARGS)

docs: $(VENV)/.zonegit  ## Write the generated pages: commands, schema, bus permissions
	@$(BIN)/python docs/cli_reference.py
	@$(BIN)/python docs/json_schema.py
	@$(BIN)/python docs/bus_permissions.py

bench: $(VENV)/.zonegit  ## Run benchmarks, print a report (ARGS="changes ..."; AGAINST=COMMIT compares)
	@$(BIN)/python -m $(if $(AGAINST),benchmarks.against $(AGAINST),benchmarks.report) $(ARGS)

# dist/ is emptied first, so that SHA256SUMS lists only this build. The SBOM (CycloneDX) is made from
# an environment that has only zonegit and its dependencies.
dist: $(VENV)/.dist  ## Build dist/: wheel, sdist, one archive per platform, SBOM, checksums
	@rm -rf dist
	@$(BIN)/python -m build --quiet --no-isolation --outdir dist .
	@$(BIN)/uv venv --quiet --clear $(VENV)/run
	@$(BIN)/uv pip install --quiet --python $(VENV)/run --require-hashes --requirement requirements/run.txt
	@$(BIN)/uv pip install --quiet --python $(VENV)/run --no-deps dist/*.whl
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	    --output-reproducible --output-file dist/zonegit.cdx.json $(VENV)/run
	@$(BIN)/python -m release.archives dist/*.whl dist

# All extras are resolved together first, so that all files name the same versions.
lock: $(VENV)/.dist  ## Write requirements/*.txt from pyproject.toml: newest versions, with hashes
	@$(LOCK) --all-extras --output-file requirements/.all.txt
	@$(LOCK) --constraint requirements/.all.txt --output-file requirements/run.txt
	@for extra in $(EXTRAS); do \
	    $(LOCK) --constraint requirements/.all.txt --extra $$extra \
	        --output-file requirements/$$extra.txt || exit; \
	done
	@rm requirements/.all.txt

clean:  ## Remove .venv, dist/ and all caches
	@rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# To choose a Python: make setup PYTHON=/opt/python3.13/bin/python3
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

# Packages are installed from requirements/*.txt with their hashes; `make lock` writes these files.
$(VENV)/.zonegit: $(VENV)/.made pyproject.toml requirements/dev.txt
	@echo "installing zonegit into $(VENV)"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.dist $(VENV)/.fuzz: $(VENV)/.%: $(VENV)/.zonegit requirements/%.txt
	@echo "installing what $* needs"
	@$(PIP) install --require-hashes --requirement requirements/$*.txt
	@touch $@
