# Two commands do everything: `make run` and `make test`. Both make the environment first.

PYTHON ?= python3
VENV := .venv
MOTCUA := $(VENV)/bin/motcua
READY := $(VENV)/.ready
PYTEST := $(VENV)/bin/pytest -n auto --maxprocesses 4 --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow lint format up down bench clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the environment in .venv

$(READY): pyproject.toml uv.lock bootstrap.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh bootstrap.sh
	@touch $@

run: $(READY) ## The whole job on the 2019 sample: load, build, check, publish, compare with the report
	@$(MOTCUA) run

test: $(READY) ## The tests, against a real PostgreSQL; the slow ones too with ALL=1
	$(PYTEST) $(if $(ALL),,-m "not slow")

test-slow: $(READY) ## The slow tests: the real scheduler, kills, the whole sample
	$(PYTEST) -m slow

lint: $(READY) ## Style of Python and SQL, and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/sqlfluff lint --disable-progress-bar dbt_project

format: $(READY) ## Rewrite Python in the common style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

up: $(READY) ## Start PostgreSQL and Airflow and leave them running
	@$(MOTCUA) up

down: $(READY) ## Stop what `make up` started
	@$(MOTCUA) down

bench: $(READY) ## Measure speed: OPTIONS="build --scale 4"; without OPTIONS: what there is
	@$(MOTCUA) bench $(or $(OPTIONS),--help)

clean: ## Remove the environment (data under .motcua stays)
	rm -rf $(VENV)
