# The menu. Bare `make` explains it. `demo` and `test` set up whatever is missing first.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# haproxy, nft and ip live in sbin, which is not on an ordinary user's path on Debian.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
ONLY ?=
# Tests wait more than they compute.
WORKERS ?= $(shell expr $$(nproc) + 1)
# What the examples of providers drive: a program, then the package that brings it or what it loads.
EXAMPLES := nginx:nginx nginx:libnginx-mod-stream

.PHONY: help setup demo demo-down test check cover net bench compat fuzz docs bless lock

help: ## show this menu
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## install what is missing: Debian packages, then .venv from the lock
	@tools/setup

demo: setup ## build the classic picture in a sandbox, send packets through it, explain them
	@.venv/bin/vipool demo

demo-down: setup ## end the demo and remove all it made
	@.venv/bin/vipool demo --down

test: check ## all checks and all tests
	@tools/setup $(EXAMPLES)
	@tools/ansible
	@$(PYTEST) -n $(WORKERS) tests --ignore=tests/test_house.py

check: setup ## formatting, lint, types, layers and budgets, in less than a minute
	@.venv/bin/ruff format --check --quiet --output-format concise . || { echo "ruff format: run '.venv/bin/ruff format .'" >&2; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo
	@$(PYTEST) --quiet tests/test_house.py

# Below 100 for want of tests, not of intention: the number may only rise.
cover: setup ## what decides (model, core, render) must be covered by the tests of its own rooms
	@VIPOOL_EXAMPLES=few $(PY) -m coverage run -m pytest --quiet tests/model tests/core tests/providers
	@$(PY) -m coverage report --fail-under 99

net: ## the tests on real namespaces, HAProxy and packets (in a sandbox; no root needed)
	@tools/setup $(EXAMPLES)
	@$(PYTEST) tests/net

bench: ## the benchmarks; ONLY=pattern chooses some of them
	@tools/setup wrk:wrk $(EXAMPLES)
	@$(PY) -m benchmarks $(ONLY)

compat: setup ## the unmodified OpenStack clients and Ansible's modules against a live vipool
	@tools/ansible
	@$(PYTEST) tests/compat

fuzz: setup ## the property tests and the changes under load again, with many more examples
	@VIPOOL_EXAMPLES=fuzz $(PYTEST) -m hypothesis
	@VIPOOL_EXAMPLES=fuzz $(PYTEST) tests/net/test_churn.py

docs: setup ## write the reference from the declarations; check that every page is linked and every link leads somewhere
	@$(PY) -m tools.reference
	@$(PYTEST) --quiet tests/test_docs.py

bless: setup ## rewrite the golden files from what the code does now; read the difference before committing
	@VIPOOL_BLESS=1 $(PYTEST) tests/providers tests/core/test_trace.py

lock: setup ## resolve the dependencies anew (needs uv on the path); read the difference before committing
	@tools/lock
