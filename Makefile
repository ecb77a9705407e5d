# `make help` lists what can be done. The first command on a fresh machine bootstraps everything: uv, Python
# packages pinned by hash, and the workspace's own packages. It needs git, make and python3.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

# What others export for their own Python, pip or uv changes nothing; where packages come from does.
SOURCES := $(foreach tool,PIP UV,$(addprefix $(tool)_,CACHE_DIR CERT CLIENT_CERT CONFIG_FILE DEFAULT_INDEX EXTRA_INDEX_URL \
  FIND_LINKS INDEX INDEX_URL LINK_MODE NATIVE_TLS OFFLINE PROXY PYTHON_INSTALL_MIRROR SYSTEM_CERTS TRUSTED_HOST))
unexport BASH_ENV CDPATH $(filter-out $(SOURCES) PGPASSWORD,$(filter PIP_% UV_% PYTHON% RUFF_% PG%,$(.VARIABLES)))

READY := .venv/.ready
KATA := .venv/bin/kata
PROJECTS := $(sort $(wildcard projects/*)) $(wildcard capstone)
PYPROJECTS := $(wildcard libs/*/pyproject.toml $(PROJECTS:=/pyproject.toml))
MEMBERS := $(PYPROJECTS:/pyproject.toml=)
IMAGES := $(patsubst %/Dockerfile,%,$(wildcard $(PROJECTS:=/Dockerfile)))
export MYPYPATH := $(subst $() ,:,$(wildcard libs/*/src projects/*/src capstone))
UV := $(shell uv --version 2>/dev/null | grep -qE 'uv 0\.(1[3-9]|[2-9][0-9])' && command -v uv || echo .uv/bin/uv)

# The folder of project NN, or one clear line.
folder = $(or $(firstword $(wildcard projects/$(1)-* libs/$(1)) $(filter $(1),$(PROJECTS))),$(error there is no project $(1) (there is: $(notdir $(PROJECTS)))))

DOCKER = $(if $(shell docker compose version 2>/dev/null),docker,$(error there is no docker with the compose plugin on this machine: install it, or use make run-NN))

.PHONY: help learn bench test-all test coverage lint types contracts lock upgrade audit release-check hooks doctor lessons clean

help: ## list the commands
	@grep -hE '^[a-zA-Z%_-]+:.*## ' Makefile | sed -E 's/:.*## /\t/; s/%/NN/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo "  NN is a project's number, such as 01."

run-%: $(READY) ## run the reference: embedded servers, no Docker (PORT=… to choose the port)
	@$(KATA) run $*

learn: $(READY) ## the levels as a page: have your own versions verified, and see which opens next
	@SIGNING_KEY_FILE=$${SIGNING_KEY_FILE-$(CURDIR)/.data/11/signing-key.pem} $(KATA) run 11 --open

seed-%: $(READY) ## the same, with data to develop with: in development alone
	@grep -qs '^#SEED=' $(call folder,$*)/.env.sample || { echo "seed-$*: this project makes no data to develop with"; exit 4; }
	@SEED=true $(KATA) run $*

dev-%: $(READY) ## the same, started anew whenever a file of the project changes
	@$(KATA) run $* --reload

test-%: $(READY) ## the tests of one project: unit, integration, features
	@.venv/bin/pytest -q -n 2 --dist loadfile $(call folder,$*)/tests
	@$(KATA) verify $* --extensions

verify-%: $(READY) ## verify your own version: DIR=folder with a Procfile (ARGS="--step 3", …)
	@$(KATA) verify $* $(if $(DIR),--dir "$(DIR)") $(ARGS)

bench: $(READY) ## all benches, one after the other, each run kept in its RESULTS.md; then one table of them (takes long)
	@for run in $(wildcard projects/*/bench/run.py libs/*/bench/run.py); do (cd $${run%/bench/run.py} && \
	  UV=$(abspath $(UV)) $(CURDIR)/.venv/bin/python bench/run.py --keep) || exit 1; done
	@$(KATA) lesson --write && sed -n '/^| what /,/^$$/p' docs/benchmarks.md

mutants-%: $(READY) ## put each deliberate bug into the reference; the features must catch it (ARGS="--seeds 10")
	@UV=$(abspath $(UV)) $(KATA) mutants $* $(ARGS)

bench-%: $(READY) ## measure against the peers, side by side
	@test -f $(call folder,$*)/bench/run.py || { echo "bench-$*: this project has no bench yet"; exit 4; }
	@cd $(call folder,$*) && UV=$(abspath $(UV)) $(CURDIR)/.venv/bin/python bench/run.py $(ARGS)

up-%: ## build and start a project with Docker compose, and wait until it is healthy
	@REVISION=$$(git rev-parse HEAD 2>/dev/null) $(DOCKER) compose $(or $(FILES),-f $(call folder,$*)/compose.yaml) up --build --detach --wait $(ARGS)

dev-up-%: ## the same with the source mounted, and started anew after each edit
	@$(MAKE) up-$* FILES="-f $(call folder,$*)/compose.yaml -f $(call folder,$*)/compose.dev.yaml"

down-%: ## stop what up-NN started, and remove its volumes
	@$(DOCKER) compose -f $(call folder,$*)/compose.yaml --profile '*' down --volumes --remove-orphans

test-all: $(READY) lint types contracts test ## every check of the repository

test: $(READY) ## every test of the repository: files side by side; then the commands and the features of each lesson
	@.venv/bin/pytest -q -n 3 --dist loadfile --ignore-glob '*/features' --ignore tests/test_lesson_commands.py --durations 8 --durations-min 5
	@.venv/bin/pytest -q tests/test_lesson_commands.py --durations 0 --durations-min 5

# A server forks its workers in its own folder: where the data goes has to be told absolutely.
coverage: export COVERAGE_FILE := $(CURDIR)/.data/coverage/data
coverage: $(READY) ## which branches of each service its tests reach; below four fifths is a finding
	@for folder in $(PROJECTS); do \
	  .venv/bin/coverage erase; \
	  sources=$$(ls -d $(CURDIR)/$$folder/{src,apps,core} 2>/dev/null | paste -sd,); \
	  .venv/bin/coverage run --source $$sources -m pytest -q $$folder/tests; \
	  .venv/bin/coverage combine -q; \
	  .venv/bin/coverage report --skip-empty --fail-under 80 --include "$$folder/*"; \
	done

lint: $(READY) ## ruff: lint and format
	@.venv/bin/ruff check -q .
	@.venv/bin/ruff format -q --check .

FOLDERS = tests .ci/tests $(MEMBERS) $(wildcard $(PROJECTS:=/features))
types: $(READY) ## mypy, strict
	@for folder in $(filter-out %/features,$(FOLDERS)); do .venv/bin/mypy --no-error-summary --exclude /features/ $$folder; done
	@for folder in $(filter %/features,$(FOLDERS)); do \
	  MYPYPATH=$$MYPYPATH:$$(dirname $$folder) .venv/bin/mypy --no-error-summary $$folder; \
	done

contracts: $(READY) ## import-linter: who may know whom, as each lib and project says of itself
	@for file in $(shell grep -l importlinter $(PYPROJECTS)); do \
	  report=$$(.venv/bin/lint-imports --no-cache --config $$file 2>&1) || { echo "$$file: $$report"; exit 1; }; \
	done

lessons: $(READY) ## renew what is generated: tables of lessons, .env.sample, Dockerfiles, list of projects, glossary
	@$(KATA) lesson --write

doctor: $(READY) ## what is missing on this machine, and how to mend it
	@$(KATA) doctor

# What is pinned already keeps its version: uv takes the file that it writes as its preference.
PIN = $(UV) pip compile -q --universal --python-version $(shell cat .python-version) --generate-hashes --no-header \
  --no-annotate $(foreach name,$(shell grep -hm 1 '^name = ' $(PYPROJECTS) | cut -d '"' -f 2),--no-emit-package $(name)) $(UPGRADE)

lock: $(READY) ## pin by hash what the pyproject files ask for; what is pinned already stays as it is
	@$(PIN) --all-extras $(shell grep -l '^\[dependency-groups\]' pyproject.toml $(PYPROJECTS) | sed 's/.*/--group &:dev/') \
	  pyproject.toml $(PYPROJECTS) -o requirements/workspace.txt
	@for folder in $(IMAGES); do $(PIN) -c requirements/workspace.txt $$folder/pyproject.toml -o $$folder/requirements.txt; done
	@echo "pinned: requirements/workspace.txt $(IMAGES:%=%/requirements.txt)"

upgrade: ## the same, with the newest version of everything
	@$(MAKE) lock UPGRADE=--upgrade

audit: $(READY) ## which pinned packages have vulnerabilities that are known (asks PyPI)
	@for file in requirements/workspace.txt $(IMAGES:%=%/requirements.txt); do \
	  $(UV) tool run -q pip-audit@2.10.1 --strict --disable-pip --require-hashes --progress-spinner off -r $$file || { echo "audit: $$file"; exit 1; }; \
	done

release-check: $(READY) ## what a machine can look at before a release: docs/operating.md has the rest
	@test -z "$$(git status --porcelain)" || { echo "release-check: not all is committed"; exit 1; }
	@docker info >/dev/null 2>&1 || { echo "release-check: no Docker engine answers, so no image could be looked at"; exit 1; }
	@$(MAKE) test-all audit
	@.ci/compose-check

hooks: $(READY) ## before each commit: format, lint and types of what is staged
	@git config core.hooksPath .githooks
	@echo "before each commit: .githooks/pre-commit; to be rid of it: git config --unset core.hooksPath"

clean: ## remove the environment and all data of `make run-NN`
	rm -rf .venv .uv .data

.uv/bin/uv: requirements/uv.txt
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "python3 cannot make environments: install python3-venv (Debian), or uv itself" >&2; exit 1; }
	@rm -rf .uv .uv.part
	@python3 -m venv .uv.part
	@.uv.part/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@mv .uv.part .uv
	@touch $@

# The environment's commands know where it stands: where the checkout was moved, it is made anew.
ifneq ($(wildcard $(READY)),)
ifneq ($(shell cat $(READY)),$(shell pwd))
.PHONY: $(READY)
endif
endif

# Python packages by hash, then the workspace's own packages in place; uv brings the build backend itself.
$(READY): requirements/workspace.txt $(PYPROJECTS) $(filter-out /%,$(UV))
	@rm -rf .venv
	@$(UV) venv -q .venv
	@$(UV) pip sync -q --python .venv --require-hashes requirements/workspace.txt
	@$(UV) pip install -q --python .venv --no-deps --no-index $(MEMBERS:%=-e %)
	@pwd > $@
