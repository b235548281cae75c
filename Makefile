# Needs Python 3.11 or newer, make and git. Everything else is installed into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
.PHONY: help run quick test check static pytest chaos gen lock fmt clients system-packages livekit toxiproxy clean
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# Stamps of the lock files that .venv was made from. The development lock includes the runtime lock.
UV := $(VENV)/.uv
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
PYTEST_ARGS ?=
CHAOS_ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
# The caller's Python paths must not leak in: everything is installed into .venv.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{printf "  make %-16s %s\n", $$1, $$2}'

run: $(RUNTIME) ## Install what is missing and start everything; Ctrl-C stops it
	@exec $(BIN)/readback up

quick: static ## The inner loop: format, lint, types, contracts, unit and contract tests (about three minutes)
	@$(BIN)/python -m pytest -q $(IN_PAIRS) tests/unit tests/contract

test: $(DEVELOPMENT) system-packages livekit toxiproxy clients check ## Install what the tests need, then run everything that CI runs (about 50 minutes)

check: static pytest ## Run everything that CI runs, without installing

static: $(DEVELOPMENT)
	@tools/static_checks.sh $(BIN)

# In pairs: tests that share the processors well, those that mostly wait among them. Spoken calls, benches and chaos
# tests that check times need them alone. Files start in this order, long ones first, so that both end together.
WAITING := $(patsubst %,tests/chaos/conversation/test_%.py,bad_networks kills killed_service lost_acks cancelled_calls moved_watchers)
SHARED := tests/security $(WAITING) tests/e2e/gradio_ui tests/e2e/gateway tests/integration --ignore=tests/integration/bench tests/contract tests/unit
COMMANDS := tests/e2e/cli tests/chaos/product
ALONE := tests/e2e/voice tests/integration/bench tests/chaos $(patsubst %,--ignore=%,$(WAITING) tests/chaos/product)
IN_PAIRS := --numprocesses=2 --dist=loadfile
IN_ORDER := $(IN_PAIRS) --no-loadscope-reorder

pytest: $(DEVELOPMENT)
ifeq ($(strip $(PYTEST_ARGS)),)
	@$(BIN)/python -m pytest -q $(IN_ORDER) $(SHARED)
	@$(BIN)/python -m pytest -q $(IN_ORDER) $(COMMANDS)
	@$(BIN)/python -m pytest -q $(ALONE)
else
	@$(BIN)/python -m pytest $(PYTEST_ARGS)
endif

chaos: $(DEVELOPMENT) system-packages livekit toxiproxy ## Run every chaos test at full length and print the summary (25 minutes)
	@$(BIN)/python -m tests.chaos $(CHAOS_ARGS)

gen: $(DEVELOPMENT) ## Generate gen/, docs/errors.md and docs/settings.md from the contracts and the settings
	@$(BIN)/python -m tools.gen
	@$(BIN)/python -m tools.settings_table
	@$(BIN)/python -m tools.error_reference

fmt: $(DEVELOPMENT) ## Format Python and protobuf files
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix-only . && $(BIN)/buf format -w protos

lock: $(UV) ## Resolve pyproject.toml into the lock files
	@compile() { $(BIN)/uv pip compile -q --system-certs --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --no-emit-package readback-client "$$@"; }; \
	compile pyproject.toml -o requirements.lock; \
	compile pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock; \
	echo "uv==$$(sed -nE 's/^ *"uv==([0-9.]+)".*/\1/p' pyproject.toml)" | compile - -o requirements-uv.lock

clean: ## Remove the virtual environment, built clients and caches; keep data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -rf $(TYPESCRIPT)/node_modules $(TYPESCRIPT)/dist $(TYPESCRIPT)/src/gen $(GO)/bin $(GO)/gen $(JAVA)/target

# --- setting up ------------------------------------------------------------------------------------------------------------------

$(BIN)/python:
	@python=$$(tools/find_python.sh); \
	echo "Making a virtual environment with $$python"; \
	"$$python" -m venv $(VENV)

$(UV): requirements-uv.lock | $(BIN)/python
	@$(BIN)/python -m pip install -q --require-hashes -r requirements-uv.lock; touch $@

# `uv pip sync` installs exactly what the lock names. The project follows, built by the backend that the lock names.
define install
	@echo "Installing $(1) (the first time takes a minute or two)"
	@# Compile here once, instead of in six processes that start at the same time.
	@$(BIN)/uv pip sync -q --compile-bytecode --system-certs --require-hashes --python $(BIN)/python $(1)
	@$(BIN)/uv pip install -q --offline --python $(BIN)/python --no-deps --no-build-isolation -e clients/python -e .
endef

$(RUNTIME): requirements.lock pyproject.toml clients/python/pyproject.toml $(UV)
	@rm -f $(DEVELOPMENT)
	$(call install,requirements.lock)
	@touch $@

$(DEVELOPMENT): requirements-dev.lock requirements.lock pyproject.toml clients/python/pyproject.toml $(UV)
	$(call install,requirements-dev.lock)
	@touch $(RUNTIME) $@

TYPESCRIPT := clients/typescript
GO := clients/go
JAVA := clients/java
BUILT_CLIENTS := $(TYPESCRIPT)/dist/.built $(GO)/bin/.built $(JAVA)/target/.built
clients: $(BUILT_CLIENTS) ## Build the clients in other languages; needs Node, Java and Maven

$(TYPESCRIPT)/node_modules/.installed: $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json
	@npm ci --prefix $(TYPESCRIPT) --silent && touch $@

$(TYPESCRIPT)/dist/.built: $(TYPESCRIPT)/node_modules/.installed gen/readback/contracts.binpb \
    $(wildcard $(TYPESCRIPT)/*.json $(TYPESCRIPT)/buf.gen.yaml $(TYPESCRIPT)/src/*.ts $(TYPESCRIPT)/examples/*.ts)
	@npm run build --prefix $(TYPESCRIPT) --silent && touch $@

# The development lock brings Go and buf.
$(GO)/bin/.built: gen/readback/contracts.binpb clients/python/readback_client/gen/service_config.json \
    $(wildcard $(GO)/*.go $(GO)/examples/*/*.go $(GO)/go.* $(GO)/buf.gen.yaml) | $(DEVELOPMENT)
	@cd $(GO); export PATH="$(abspath $(BIN)):$$PATH" CGO_ENABLED=0 GOTOOLCHAIN=local; \
	buf generate; cp $(abspath $(word 2,$^)) gen/; \
	go build -trimpath -o bin/ ./examples/...; go test -c -trimpath -o bin/ .; touch bin/.built

# The classes of messages that are gone would stay, so a change of the contracts starts from nothing.
$(JAVA)/target/.contracts: $(JAVA)/pom.xml $(wildcard clients/python/readback_client/gen/*.binpb clients/python/readback_client/gen/*.json)
	@rm -rf $(JAVA)/target && mkdir $(JAVA)/target && touch $@

$(JAVA)/target/.built: $(JAVA)/target/.contracts $(shell find $(JAVA)/src -name '*.java')
	@mvn -q -B -f $(JAVA)/pom.xml package && touch $@

system-packages:
	@tools/system_packages.sh

livekit: $(DEVELOPMENT)
	@$(BIN)/python -m cli.livekit

toxiproxy: $(DEVELOPMENT)
	@$(BIN)/python -m tests.toxiproxy
	@$(BIN)/python -m tests.grpc_gateway.server
	@$(BIN)/python -m tests.command_line_tools
