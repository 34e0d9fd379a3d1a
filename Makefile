# make serve · make test · make lint: each sets up first, and does nothing twice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
PORT ?= 8484

.PHONY: setup serve test lint bench postcard studio clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Safelight needs Python 3.11 or newer; make PYTHON=python3.12 chooses one."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

serve: setup
	@exec $(BIN)/safelight serve --port $(PORT)

test: setup
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(TESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m benchmarks

postcard: setup
	bash training/postcard/run.sh

# The page at /studio: checked, tested and built into the package. Needs Node 20.19 or newer; nothing else here does.
studio:
	cd studio && npm ci --ignore-scripts && npm run check && npm test && npm run build

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
