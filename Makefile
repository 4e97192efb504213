# Everything a fresh machine needs, then the job. Needs python3 (3.11 or newer, with venv) and make.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo $$p && break; done)
# One ONNX Runtime and never both: with CUDA where there is an NVIDIA driver, for the CPU elsewhere.
RUNTIME ?= $(if $(wildcard /proc/driver/nvidia/version),gpu,cpu)
OTHER_RUNTIME = $(if $(filter gpu,$(RUNTIME)),onnxruntime,onnxruntime-gpu)
ARGS ?=
# How many processes share the tests; with 0 they run in one, as debuggers need it.
WORKERS ?= 2
# The Node of the extra dev, so that everyone builds the page with the same one.
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix web --loglevel=error

.PHONY: help serve develop test check check-exports chaos fuzz soak unkind format docs page proto bench bench-peers lock audit clean

help:  ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

serve: $(VENV)/.serve-$(RUNTIME)  ## Install what serving needs, and serve the default models
	$(BIN)/python -m service

develop: $(VENV)/.dev-$(RUNTIME)  ## Install everything, PyTorch and the tests' needs included

test: $(VENV)/.dev-$(RUNTIME)  ## Install what the tests need, and run them: make test ARGS="-k lift"
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

check: $(VENV)/.dev-$(RUNTIME)  ## Formatting, lint, types, import rules, generated code, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python proto/generate.py --check
	$(NPM) ci --prefer-offline
	$(NPM) run --silent check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir build/site

check-exports: $(VENV)/.dev-$(RUNTIME)  ## Open exported files with Blender, OpenSim and the glTF validator
	$(BIN)/python -m tests.exports.check $(ARGS)

chaos: $(VENV)/.dev-$(RUNTIME)  ## Live sessions under faults at random: make chaos ARGS="--frames 20000"
	$(BIN)/python -m tests.chaos $(ARGS)

fuzz: $(VENV)/.dev-$(RUNTIME)  ## A running service under mutated requests, for an hour: make fuzz ARGS="--minutes 5"
	$(BIN)/python -m tests.fuzz $(ARGS)

soak: $(VENV)/.dev-$(RUNTIME)  ## A running service at 70% of what it can do, for half an hour
	$(BIN)/python -m bench.soak $(ARGS)

unkind: $(VENV)/.dev-$(RUNTIME)  ## What others have of a service while callers are unkind to it: make unkind ARGS="junk large"
	$(BIN)/python -m bench.unkind $(ARGS)

docs: $(VENV)/.dev-$(RUNTIME)  ## Read the documentation at http://127.0.0.1:8001
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8001

format: $(VENV)/.dev-$(RUNTIME)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: $(VENV)/.dev-$(RUNTIME)  ## Generate the protobuf and gRPC stubs
	$(BIN)/python proto/generate.py

page: $(VENV)/.dev-$(RUNTIME)  ## Build the page that the service shows, from web/ to service/page/
	$(NPM) ci --prefer-offline
	$(NPM) run --silent build

bench: $(VENV)/.dev-$(RUNTIME)  ## Measure everything, a quarter of an hour: make bench ARGS="--peers --page docs/speed.md"
	$(BIN)/python -m bench $(ARGS)

bench-peers:  ## Install other servers for make bench ARGS=--peers, in an environment of their own
	$(PYTHON) -m venv build/peers
	build/peers/bin/pip install --quiet --requirement bench/peers/requirements.txt

lock:  ## Pin what the images install, with hashes, in deploy/*.lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet 'uv>=0.11,<1'
	for runtime in cpu gpu; do echo 'setuptools>=77' | build/lock/bin/uv pip compile pyproject.toml - --upgrade --quiet \
		--extra $$runtime --extra serve --extra traces --python-version 3.12 --python-platform linux --generate-hashes \
		--no-header --no-annotate --output-file deploy/$$runtime.lock || exit 1; done

audit:  ## Ask for known vulnerabilities of what the images install
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet 'pip-audit>=2.9,<3'
	for runtime in cpu gpu; do build/audit/bin/pip-audit --strict --disable-pip --require-hashes -r deploy/$$runtime.lock || exit 1; done

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .venv-exports *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "poselift needs Python 3.11 or newer with its venv module:" \
		"apt install python3 python3-venv, or make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What is already installed is left alone; a changed pyproject.toml installs again. Each file says
# what the environment has: all that serving needs or everything, with which runtime.
$(VENV)/.serve-$(RUNTIME): EXTRAS := serve,client,video
$(VENV)/.dev-$(RUNTIME): EXTRAS := serve,client,video,training,dev
$(VENV)/.serve-$(RUNTIME) $(VENV)/.dev-$(RUNTIME): pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip uninstall --quiet --yes $(OTHER_RUNTIME) 2>/dev/null
	$(BIN)/python -m pip install --quiet --editable '.[$(RUNTIME),$(EXTRAS)]'
	@rm -f $(VENV)/.serve-* $(VENV)/.dev-*
	@touch $@ $(VENV)/.serve-$(RUNTIME)
