# Everything is installed into .venv, once, and again whenever pyproject.toml changes.
#
#   make demo     run the main job on the shipped example     make demo ARGS="--full"
#   make test     run the tests                               make test ARGS="tests/readers -x"
#   make slow     run the whole runs that test leaves out: on a cluster, at URLs, with a thousand columns
#   make drills   kill runs at many more moments than the tests do, and play every fault; takes long
#   make check    formatting, lint, types, layers
#   make bench    run against other AutoML tools               make bench ARGS="--list"
#   make clean    remove .venv and what tools leave behind; runs are kept
#
# PYTHON names the interpreter to build .venv from; it has to be 3.11 or later. uv, which installs in a tenth of pip's
# time, is fetched into .venv where it is missing, unless pip is set up for an index of its own; UV= leaves it out.

VENV   ?= .venv
ARGS   ?=
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
UV     ?= $(shell command -v uv 2>/dev/null || echo fetched)
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test slow drills check bench clean

help:
	@sed -n 's/^#   \(make\)/  \1/p' Makefile

demo: $(VENV)/.installed
	@$(BIN)/modelwright demo $(ARGS)

# Tests start processes of their own: idle threads must not spin while others wait for the core. Those that share a
# cluster are a group, for one of the test processes.
test slow: $(VENV)/.installed-dev
	@OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup \
		-m $(if $(filter slow,$@),slow,'not slow') $(ARGS)

drills: $(VENV)/.installed-dev
	@MODELWRIGHT_DRILLS=30 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest tests/durability $(ARGS)

check: $(VENV)/.installed-dev
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@echo "formatting, lint, types, layers: clean"

bench: $(VENV)/.installed
	@$(BIN)/python benchmarks/bench.py $(ARGS)

$(VENV)/.installed: pyproject.toml
	$(call install,.)

$(VENV)/.installed-dev: pyproject.toml
	$(call install,.[dev])
	@touch $(VENV)/.installed

# A virtual environment that has pip.
with_pip = { [ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV); }

# $(call install,WHAT): a virtual environment with WHAT in it; the stamp is set only when everything went well.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "modelwright needs Python 3.11 or later, and '$(PYTHON)' isn't;" \
			"name another one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into $(VENV); this takes a minute or two the first time."
	@pip="$(BIN)/python -m pip --disable-pip-version-check"; uv="$(UV)"; \
	[ "$$uv" != fetched ] || { uv=; $(with_pip) \
		&& ! $$pip config list | grep '\.index-url=' >/dev/null \
		&& $$pip install -qq uv 2>/dev/null && uv=$(BIN)/uv; }; \
	{ [ -n "$$uv" ] \
		&& { [ -x $(BIN)/python ] || $$uv venv --quiet --python $(PYTHON) $(VENV); } \
		&& $$uv pip install --quiet --python $(BIN)/python --editable '$(1)'; } \
	|| { [ -z "$$uv" ] || echo "uv could not install it; going on with pip."; \
		$(with_pip) && $$pip install -qq --no-compile --editable '$(1)'; }
	@# What runs import is compiled now; all there is where nothing may write bytecode later. Some packages ship files
	@# that aren't Python, which compileall counts as failures.
	@if [ -z "$$PYTHONDONTWRITEBYTECODE" ]; then $(BIN)/python -m modelwright.warm; \
		else $(BIN)/python -m compileall -q -j 0 -x '/tests/' $(VENV)/lib src >/dev/null || true; fi
	@touch $@
endef

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis catboost_info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
