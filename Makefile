# Everything starts here; every target makes .venv if it is missing. Needs Python 3.11 to 3.13 on Debian or macOS.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
JOBS ?= 1
PROFILE ?= quick

.PHONY: figures test lab bench lint format clean help

help: ## show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

figures: .venv/.ready ## run every notebook: figures, numbers and claims go to figures/quick
	$(BIN)/mi-kit run --profile $(PROFILE) --jobs $(JOBS)

test: .venv/.ready ## run the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lab: .venv/.ready ## open JupyterLab
	$(BIN)/jupyter lab notebooks

bench: .venv/.ready ## measure speed and memory against what people use today
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/ensemble.py

lint: .venv/.ready ## check style, notebooks included
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify notebooks/*.ipynb

format: .venv/.ready ## apply the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/nbstripout notebooks/*.ipynb

clean: ## delete the environment; runs and results stay
	rm -rf .venv

.venv/.ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.13 is needed; found none (set PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv .venv || { echo "On Debian, install python3-venv first."; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
