# Everything a person does with this repository. Needed: make, and Python 3.11 or later with venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the engine is compared with, and the tools of the bench: apart from what it needs itself.
PEERS := .local/peers
# What a change is checked for: all Python in the repository.
SOURCES := bench celery_app.py clients deploy docs/conf.py examples manage.py saga_participant project realtime sagas tasks tests

COMPILE := pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-check test proof model-check simulate mutation-check backlog-check test-settings test-versions dist adoption bench bench-soak bench-clients bench-decide bench-sockets profile property lint types format docs screenshots house requirements clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/local.stamp  ## play the sample orders and watch them live; ORDERS=file CHAOS="kill-worker purge-queue", CONSUL=1
	@$(BIN)/python -m examples.demo $(DEMO_OPTIONS)

demo-check: $(VENV)/local.stamp  ## the same without a terminal: 0 only if each order ends as it should
	@$(BIN)/python -m examples.demo --check $(DEMO_OPTIONS)

test: $(VENV)/dev.stamp  ## run all tests, in four processes; ARGS="-k name" goes to pytest, in one
	$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests)

test-settings: $(VENV)/dev.stamp  ## the demo and all tests in the surroundings of other projects; SETTINGS=zone, ARGS=--short
	$(BIN)/python -m tests.surroundings $(SETTINGS) $(ARGS)

test-versions: $(VENV)/dev.stamp  ## a few tests with the oldest and newest versions that hold; VERSIONS=django-6, ARGS=--list
	$(BIN)/python -m tests.versions $(VERSIONS) $(ARGS)

dist: $(VENV)/dev.stamp  ## build the wheels of the library and of the participant's kit into dist/, and check them
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m build --outdir dist saga_participant
	$(BIN)/twine check --strict dist/*

adoption: $(VENV)/dev.stamp  ## add the built wheel to a new project, as docs/adoption.md says, and run a saga in it
	$(BIN)/python -m pytest tests/adoption $(ARGS)

proof: $(VENV)/dev.stamp  ## what takes minutes: the four below; the two that need one core side by side
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target model-check backlog-check
	$(MAKE) --no-print-directory simulate
	$(MAKE) --no-print-directory mutation-check $(if $(SAMPLE),ARGS="--sample $(SAMPLE)")

model-check: $(VENV)/dev.stamp  ## walk every state that the machine can reach with two faults
	$(BIN)/python -m tests.model $(ARGS)

simulate: $(VENV)/dev.stamp  ## run 10,000 sagas through the real engine, with faults by a seed; SEED=n SAGAS=n
	$(BIN)/python -m tests.simulation --seed $(or $(SEED),1) --sagas $(or $(SAGAS),10000) $(ARGS)

mutation-check: $(VENV)/dev.stamp  ## sow faults into the engine: each must be caught by a test
	$(BIN)/python -m tests.mutation $(ARGS)

backlog-check: $(VENV)/dev.stamp  ## 20,000 due steps, a worker stopped for a minute: how many hints are repeats
	$(BIN)/python -m tests.system.backlog $(ARGS)

bench-clients: $(VENV)/dev.stamp  ## what a call of a client costs beside a bare session of requests
	$(BIN)/python -m bench.client_call

bench: $(VENV)/dev.stamp $(PEERS)/bench-peers.stamp  ## measure the engine beside others, 40 minutes; ARGS="--quick --only engine-run-on,celery-raw --broker valkey"
	@$(BIN)/python -m bench $(ARGS); status=$$?; \
		$(BIN)/python -m bench.page && $(PEERS)/bin/python -m bench.plots; exit $$status

bench-soak: $(VENV)/dev.stamp  ## ten minutes of load: memory, connections, dead tuples; ARGS="--minutes 1"
	$(BIN)/python -m bench.soak $(ARGS)

profile: $(VENV)/dev.stamp $(PEERS)/bench-peers.stamp  ## where a step's time goes, and its statements; ARGS="--pool prefork"
	$(BIN)/python -m bench.profile $(ARGS)

bench-decide: $(VENV)/dev.stamp  ## what a decision of the machine costs, for each kind of fact
	$(BIN)/python -m bench.decide

property: $(VENV)/dev.stamp  ## the property tests of the machine with so many examples; EXAMPLES=200000
	PROPERTY_EXAMPLES=$(or $(EXAMPLES),200000) $(BIN)/python -m pytest tests/properties --timeout 0 $(ARGS)

lint: $(VENV)/dev.stamp  ## check style, types and the borders of the layers
	$(BIN)/ruff check $(wildcard $(SOURCES))
	$(BIN)/ruff format --check $(wildcard $(SOURCES))
	$(MAKE) --no-print-directory types
	$(BIN)/lint-imports

# The values are never used: mypy's Django plugin loads the settings, which insist on them.
types: $(VENV)/dev.stamp  ## check the types alone
	SECRET_KEY=none DATABASE_URL=postgresql://none REDIS_URL=redis://none \
		$(BIN)/mypy $(wildcard $(SOURCES))

format: $(VENV)/dev.stamp  ## put the style right, as far as a program can
	$(BIN)/ruff check --fix-only $(wildcard $(SOURCES))
	$(BIN)/ruff format $(wildcard $(SOURCES))

bench-sockets: $(VENV)/dev.stamp  ## from commit to socket: 1,000 sockets, 50 transitions a second; ARGS="--seconds 60"
	$(BIN)/python -m bench.sockets $(ARGS)

docs: $(VENV)/dev.stamp  ## write the generated pages of docs/ anew, and build the site: .local/site/index.html
	$(BIN)/python -m sagas.whatif.diagram > docs/states.md
	$(BIN)/python -m sagas.conf.page > docs/settings-reference.md
	$(BIN)/python -m sagas.bus.schema > docs/events.schema.json
	$(BIN)/python -m sagas.live.asyncapi > docs/asyncapi.json
	$(BIN)/python -m bench.page
	$(BIN)/python -m examples.gallery.page > docs/gallery.md
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html -d .local/site-cache docs .local/site

screenshots: $(VENV)/dev.stamp  ## take the pictures of the console in docs/images anew; needs Chromium
	$(BIN)/python -m pytest tests/console/screenshots.py $(ARGS)

house: $(VENV)/dev.stamp  ## count what a reader has to follow: files, moves, floors, cycles; ARGS="--root ../other"
	$(BIN)/python -m tests.house $(ARGS)

requirements: $(VENV)/dev.stamp  ## pin anew what requirements/*.in name; ARGS="--upgrade" for the newest
	cd requirements && for name in base local dev bench-peers; do \
		../$(BIN)/$(COMPILE) $(ARGS) --output-file=$$name.txt $$name.in || exit 1; done

clean:  ## remove the environment, the local servers' data, logs and caches
	rm -rf $(VENV) .local dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

DEMO_OPTIONS = $(if $(CONSUL),--consul) $(if $(ORDERS),--orders $(ORDERS)) $(addprefix --chaos ,$(CHAOS))

# --- The environment ------------------------------------------------------------------------------
# Stamps, so that a second run does not ask pip whether there is anything to do.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is missing or older than 3.11. Install Python 3.11 or later, or name one:" \
			"make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Making the environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "The environment could not be made: $(PYTHON) lacks venv" \
			"(on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }

$(VENV)/%.stamp: requirements/%.txt | $(BIN)/python
	@echo "Installing $< into $(VENV), which takes a minute or two the first time"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Without one of them the others are compared all the same: what is missing is told in the table.
$(PEERS)/bench-peers.stamp: requirements/bench-peers.txt | $(BIN)/python
	@echo "Installing $< into $(PEERS), which takes a minute the first time"
	@$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< \
		|| echo "The peers can't be installed: the table will say so." >&2
	@touch $@
