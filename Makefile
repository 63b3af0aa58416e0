# Start here: `make report` and `make test` install what they need. They require Python 3.11 or newer, git and make.
PYTHON ?= python3
CORES ?= all
CONFIG ?=
MODEL ?=
# Jobs that run at the same time share four fifths of the machine's memory.
MEMORY_MB ?= $(shell $(PYTHON) -c 'import os; print(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 8 // 10 ** 7)')
# The shell gets these from its environment, where a space or a quote in a name does no harm.
export CONFIG MODEL
# `--cores` comes last: an option that takes several values, such as `--configfile`, would take the target as a value.
# CONFIG is checked first, because Snakemake takes seconds to start, and doesn't say where a mistake in YAML is.
SNAKEMAKE = $(if $(CONFIG),PYTHONPATH=scripts .venv/bin/python -m wordsight.config "$$CONFIG" && ).venv/bin/snakemake $(if $(CONFIG),--configfile "$$CONFIG") --resources mem_mb=$(MEMORY_MB) --cores $(CORES)

.PHONY: report unlock test test-fast snapshots lint why bench plan plan-table check-model fetch search lock cache
.DEFAULT_GOAL := report

report: .venv/report cache  ## Run the default experiment, or CONFIG=..., and print the answer.
	$(SNAKEMAKE) --quiet rules --no-hooks
	@cat results/verdicts.txt

unlock: .venv/report cache  ## Remove the lock of a run that isn't running any more, of the default experiment or of CONFIG=...
	$(SNAKEMAKE) --quiet rules --unlock

# Each free worker gets the next file of tests, in the order that tests/conftest.py sets. Three workers keep two cores
# busy while one waits, for Snakemake or a cluster; fast tests wait for nothing.
PYTEST = .venv/bin/python -m pytest --dist loadfile --no-loadscope-reorder

test: .venv/dev  ## Run the tests.
	$(PYTEST) -n 3

test-fast: .venv/dev  ## Run the fast tests: without Snakemake, a browser, and what is marked as slow.
	$(PYTEST) -n 2 -m "not slow" tests/unit tests/property

# All texts are deleted first, so that the diff shows those that no test uses any more.
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

why: .venv/report cache  ## Show what would run and why.
	$(SNAKEMAKE) --dry-run

bench: .venv/dev  ## Run the benchmarks; each file in benchmarks/ says what it measures.
	for benchmark in benchmarks/*.py; do .venv/bin/python $$benchmark || exit 1; done

# With PILOT=2, a run with two seeds of each objective comes first, and the plan is for CONFIG itself. SEEDS=... asks for a number.
NEXT_RUN = PYTHONPATH=scripts .venv/bin/python -m wordsight.workflow.next_run "$${CONFIG:-config/config.yaml}"

plan: .venv/report cache  ## Say what it takes to decide every comparison, and write the configuration that does it.
	$(if $(PILOT),$(NEXT_RUN) --pilot $(PILOT))
	@$(MAKE) --no-print-directory plan-table $(if $(PILOT),CONFIG=results/pilot.yaml)
	@$(NEXT_RUN) $(if $(PILOT),--after-pilot $(PILOT)) $(if $(SEEDS),--seeds $(SEEDS))

plan-table: .venv/report cache
	$(SNAKEMAKE) results/tables/plan.csv --quiet rules --no-hooks

check-model: .venv/report cache  ## Check MODEL=... of the default configuration, or of CONFIG=..., before anything else runs.
	@test -n "$$MODEL" || { echo "wordsight: error: set MODEL=... to the name of a model in the configuration" >&2; exit 1; }
	$(SNAKEMAKE) "results/checks/$$MODEL.txt" --quiet rules --no-hooks
	@cat "results/checks/$$MODEL.txt"

# What can't be fetched stops nothing else: the second call of READINESS says what is wrong, and fails.
READINESS = PYTHONPATH=scripts .venv/bin/python -m wordsight.workflow.readiness "$${CONFIG:-config/config.yaml}"

fetch: .venv/report cache  ## Download and verify all that the default configuration needs, or CONFIG=..., and check every encoder.
	@targets="$$($(READINESS) --targets)" || exit 1; \
	  test -z "$$targets" || { $(SNAKEMAKE) $$targets --keep-going --quiet all --no-hooks || true; }
	@$(READINESS)

search: .venv/report cache  ## Compare learning rates for pretraining, to choose one for each objective.
	$(SNAKEMAKE) results/tables/learning_rates.csv --quiet rules
	@cat results/tables/learning_rates.csv

lock: .venv/dev  ## Update uv.lock after an edit of pyproject.toml, and all generated files.
	.venv/bin/uv lock
	.venv/bin/python envs/export.py
	PYTHONPATH=scripts .venv/bin/python -m wordsight.workflow.documentation

# Snakemake keeps a cache in the user's folder, and ends in a traceback where it can't.
CACHE = $${XDG_CACHE_HOME:-$$HOME/.cache}
cache:
	@mkdir -p "$(CACHE)/snakemake" 2>/dev/null && test -w "$(CACHE)/snakemake" \
	  || { echo "wordsight: error: $(CACHE) can't be written to; set XDG_CACHE_HOME to a folder of yours" >&2; exit 1; }

# pip checks the hash of uv, and uv checks the hashes of everything else against uv.lock. Compiling the packages halves
# the time of imports, which matters when many jobs start, or when Python is set not to write compiled files.
.venv/uv: envs/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "wordsight: error: Python 3.11 or newer is needed, but $(PYTHON) is older; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement envs/uv.txt
	@touch $@

.venv/report: .venv/uv uv.lock
	.venv/bin/uv sync --quiet --frozen --inexact --no-python-downloads --python .venv/bin/python --compile-bytecode
	@touch $@

.venv/dev: .venv/uv uv.lock
	.venv/bin/uv sync --quiet --frozen --inexact --no-python-downloads --python .venv/bin/python --group dev --compile-bytecode
	@touch $@
