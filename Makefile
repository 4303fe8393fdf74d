# Everything a newcomer needs: `make demo`, `make test` and `make bench`, each alone, on a fresh clone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A third worker works where others wait; conftest begins with the long files.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: bench demo install lint lock test test-all clean

demo: install
	$(BIN)/keras-colorize demo --out demo

install: $(VENV)/installed

# The lock file holds the exact versions that the tests have passed with.
$(VENV)/installed: setup.cfg pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: python: is %d.%d; run make PYTHON=python3.11 or newer" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

lint: install
	$(BIN)/ruff check .

test: install
	$(BIN)/pytest -m "not slow" $(SIDE_BY_SIDE)

test-all: install
	$(BIN)/pytest $(SIDE_BY_SIDE)

# The speed and memory of every part, beside the last table; nothing else should run meanwhile.
bench: install
	$(BIN)/python benchmarks/bench.py

# Resolves the ranges of setup.cfg anew, in an environment of its own.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --editable '.[dev]'
	build/lock/bin/pip freeze --exclude-editable > requirements.lock

clean:
	rm -rf $(VENV) build demo *.egg-info
