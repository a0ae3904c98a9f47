# Tellerline's few commands. Prerequisites: Python 3.11 or newer with venv, git, make.
#   make demo    the whole bank line on embedded defaults, with a telephone in the terminal
#   make test    everything that CI runs: checks, tests, real peers, the wheel
#   make check   format, lint, strict types, import rules, docs
#   make proof   the long proofs: full-size fuzzing, crash loops
#   make bench   benchmarks as ratios against a bare peer in the same run
#   make peers   fetches the real peers that the tests talk to, into the user's cache
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest -q
SHELL := /bin/sh

.PHONY: help demo test check fast peers proof bench format clean

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "make: no Python 3.11 or newer with venv was found; on Debian: apt-get install python3 python3-venv" >&2; \
	  echo "      (or name one: make demo PYTHON=/path/to/python3.12)" >&2; exit 2; fi
	@echo "== making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# --require-hashes refuses whatever is not in the lock; the checkout itself is then added as a plain path.
$(VENV)/.run: $(VENV)/.made requirements/run.txt requirements/build.txt pyproject.toml
	@echo "== installing what the server needs (about a minute the first time)"
	@$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements/dev.txt pyproject.toml
	@echo "== installing what the tests need (about a minute the first time)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run

demo: $(VENV)/.run
	@$(BIN)/tellerline demo

peers: $(VENV)/.dev
	@sh tests/tools/get_peers.sh

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(PYTEST) tests/docs

fast: $(VENV)/.dev
	$(PYTEST) -n 2 --dist loadfile tests/unit tests/protocol tests/flows

test: $(VENV)/.dev check peers
	$(PYTEST) -n 2 --dist loadfile tests --ignore=tests/peers --ignore=tests/docs
	$(PYTEST) -n 3 --dist load tests/peers/asterisk
	$(PYTEST) -n 2 --dist loadfile tests/peers/sms tests/peers/core

proof: $(VENV)/.dev peers
	TELLERLINE_PROOF=1 $(PYTEST) -n 2 --dist load --timeout 3600 -m proof tests

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist
