# Everything starts here: `make report` and `make test` do their own set-up on a machine with Python >= 3.11, git and make.
PYTHON ?= python3
CORES ?= all
CONFIG ?=
MODEL ?=
# Jobs that run side by side share four fifths of the machine's memory.
MEMORY_MB ?= $(shell $(PYTHON) -c 'import os; print(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 8 // 10 ** 7)')
# An option that takes several values would take a target for one, so `--cores` comes last.
# A configuration is checked first: Snakemake takes seconds to start, and doesn't say where a file isn't YAML.
SNAKEMAKE = $(if $(CONFIG),PYTHONPATH=scripts .venv/bin/python -m wordsight.config $(CONFIG) && ).venv/bin/snakemake $(if $(CONFIG),--configfile $(CONFIG)) --resources mem_mb=$(MEMORY_MB) --cores $(CORES)

.PHONY: report test test-fast snapshots lint why bench check-model search lock
.DEFAULT_GOAL := report

report: .venv/report  ## Run the default experiment, or CONFIG=..., and print the answer.
	$(SNAKEMAKE) --quiet rules --no-hooks
	@cat results/verdicts.txt

# Files of tests go to the next free worker in the order in which tests/conftest.py puts them.
PYTEST = .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: .venv/dev  ## Pass the tests.
	$(PYTEST)

test-fast: .venv/dev  ## Pass those that start neither Snakemake nor a browser.
	$(PYTEST) tests/unit tests/property

# Those that no test asks for any more go, so that the diff shows it.
snapshots: .venv/dev  ## Renew the texts of tests/snapshots; read the diff before you commit it.
	rm -f tests/snapshots/*.txt
	WORDSIGHT_RENEW_SNAPSHOTS=1 .venv/bin/python -m pytest -n 2 --dist loadfile $$(grep -l '^import snapshots' -r tests --include='*.py')
	@git diff --stat -- tests/snapshots

lint: .venv/dev  ## Check style, types and the workflow.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile rules
	.venv/bin/mypy
	.venv/bin/snakemake --lint

why: .venv/report  ## Say what would run and why.
	$(SNAKEMAKE) --dry-run

bench: .venv/dev  ## Compare with peers; each file of benchmarks/ says what it measures.
	for benchmark in benchmarks/*.py; do .venv/bin/python $$benchmark || exit 1; done

check-model: .venv/report  ## Check MODEL=... of the default configuration, or of CONFIG=..., before anything else runs.
	@test -n "$(MODEL)" || { echo "wordsight: error: expected MODEL=..., a model of the configuration" >&2; exit 1; }
	$(SNAKEMAKE) results/checks/$(MODEL).txt --quiet rules --no-hooks
	@cat results/checks/$(MODEL).txt

search: .venv/report  ## Choose the learning rates of pretraining again.
	$(SNAKEMAKE) results/tables/learning_rates.csv --quiet rules
	@cat results/tables/learning_rates.csv

lock: .venv/dev  ## Renew the lock after an edit of pyproject.toml, and all files that are derived from others.
	.venv/bin/uv lock
	.venv/bin/python envs/export.py
	PYTHONPATH=scripts .venv/bin/python -m wordsight.workflow.documentation

# uv is installed from hashes, and installs the rest from the hashes in uv.lock. Compiled once, packages import in half
# the time, which counts where jobs are many and Python is told to keep no compiled files.
.venv/uv: envs/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "wordsight: error: expected Python 3.11 or newer, but $(PYTHON) is older; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement envs/uv.txt
	@touch $@

.venv/report: .venv/uv uv.lock
	.venv/bin/uv sync --quiet --frozen --inexact --no-python-downloads --python .venv/bin/python --compile-bytecode
	@touch $@

.venv/dev: .venv/uv uv.lock
	.venv/bin/uv sync --quiet --frozen --inexact --no-python-downloads --python .venv/bin/python --group dev --compile-bytecode
	@touch $@
