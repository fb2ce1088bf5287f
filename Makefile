# `make` prints what there is. Everything lives in this folder: .venv (programs) and var (data).

PYTHON ?= $(shell for p in python3.12 python3.11 python3 python3.13 python3.14; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet --require-hashes
LOCKS := requirements
LAN ?=
LOGS ?=

# What is given on the command line (`make run PORT=8801`, `make test CI=true`) reaches the processes.

.DEFAULT_GOAL := menu
.PHONY: menu setup run test check format bench routes lock

menu:
	@echo 'make setup    install the pinned dependencies into .venv (S3=1: those for S3-compatible storage too)'
	@echo 'make run      start Tutti here; LAN=1 lets other devices in, PORT=8801 moves it, LOGS=1 shows logs'
	@echo 'make test     check, then every test: real PostgreSQL, Redis, Elasticsearch and Chromium'
	@echo 'make check    format, lint, types, imports, routes'
	@echo 'make bench    measure, beside peers and limits (BENCH=command for one)'
	@echo 'make routes   print every command and route'
	@echo 'make format   let ruff format the code'
	@echo 'make lock     pin the newest versions that requirements/*.in allow'

setup: .venv/runtime $(if $(S3),.venv/s3)

run: .venv/runtime
	@$(PY) -m tutti up $(if $(LAN),--lan) $(if $(LOGS),--logs)

test: check
	@$(PY) -m pytest -n $(or $(WORKERS),2) --dist loadgroup $(PYTEST)

check: .venv/dev
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PY) -m pytest -q -p no:cacheprovider tests/server/test_routes.py

format: .venv/dev
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: .venv/dev
	@missed=0; for file in $(if $(BENCH),bench/$(BENCH).py,bench/[a-z]*.py); do \
		$(PY) -m bench.$$(basename $$file .py) || missed=1; done; exit $$missed

routes: .venv/runtime
	@$(PY) -m server.routes

lock: .venv/dev
	@$(PY) -m pip install --quiet uv
	@cd $(LOCKS) && for name in runtime s3 dev; do ../.venv/bin/uv pip compile $(LOCK) $$name.in -o $$name.txt || exit 1; done
	@cd $(LOCKS) && ../.venv/bin/uv pip compile $(LOCK) --no-deps files.in -o files.txt

LOCK := --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

.venv/bin/python:
	@$(or $(PYTHON),false) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Tutti needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv).' >&2; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/runtime: $(LOCKS)/runtime.txt $(LOCKS)/files.txt | .venv/bin/python
	@echo 'Installing what Tutti needs into .venv …'
	@$(PIP) -r $(LOCKS)/runtime.txt
	@$(PIP) --no-deps -r $(LOCKS)/files.txt
	@touch $@

.venv/s3: .venv/runtime $(LOCKS)/s3.txt
	@$(PIP) -r $(LOCKS)/s3.txt
	@touch $@

.venv/dev: .venv/runtime $(LOCKS)/s3.txt $(LOCKS)/dev.txt
	@echo 'Installing what the tests need into .venv …'
	@$(PIP) -r $(LOCKS)/runtime.txt -r $(LOCKS)/s3.txt -r $(LOCKS)/dev.txt
	@touch $@
