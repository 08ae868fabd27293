# Everything lives in .venv; the stamp makes a second call skip the set-up. The set-up compiles
# modules (setup.py), so a change of one of them asks for it again.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.set-up
COMPILED := $(shell sed -n 's|^    "\([a-z]*/[a-z_0-9]*\.py\)",$$|\1|p' setup.py)

.PHONY: demo test lint bench soak clean

demo: $(STAMP)
	$(VENV)/bin/tilesim demo

test: $(STAMP)
	$(VENV)/bin/python -m pytest -n auto

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# SimGrid is no package of Python: on Debian, apt-get install python3-simgrid. Without it, its row says so.
bench: $(STAMP)
	$(VENV)/bin/python -m benchmarks.page

# One case alone: make soak SEED=17
soak: $(STAMP)
	PYTHONPATH=tests $(VENV)/bin/python -m soak $(if $(SEED),--seed $(SEED))

clean:
	rm -rf $(VENV) build *.egg-info *.so */*.so .mypy_cache .ruff_cache .pytest_cache .hypothesis tilesim-demo

$(STAMP): pyproject.toml setup.py $(COMPILED)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tilesim needs Python 3.11 or later; call make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
