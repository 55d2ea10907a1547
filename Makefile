# Two commands do everything: `make run` and `make test`. Type `make help` for the rest.
# Each builds .venv first when it is missing or stale; the second time that costs nothing.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

BIN := .venv/bin
DESTDIR ?=
FLOOR ?= 90
WORKERS ?= auto
# Many tests wait for blocks and processes: more workers than cores, and who is done takes from the others.
PYTEST ?= -n 4 --dist worksteal

.PHONY: help run demo test lint ruff format-check types layers fix pytest again coverage bench soak mutation \
	planted simulate test-systemd install controls lock bootstrap clean

help: ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

run: bootstrap ## development chain, tokens, treasurers, signer and daemon; prints what to type next
	@exec $(BIN)/treasuryd dev run

demo: bootstrap ## the whole story in about a minute; fails if any step did not happen
	@exec $(BIN)/treasuryd dev demo

test: bootstrap ## style, types, layering, then every test
	@$(MAKE) -j2 --output-sync=target lint
	@$(MAKE) pytest

lint: ruff format-check types layers ## style, types and layering alone

ruff: bootstrap
	@$(BIN)/ruff check --quiet .

format-check: bootstrap
	@$(BIN)/ruff format --quiet --check . || { $(BIN)/ruff format --check .; exit 1; }

types: bootstrap
	@$(BIN)/mypy --no-error-summary

layers: bootstrap
	@out=$$($(BIN)/lint-imports --no-logo 2>&1) || { printf '%s\n' "$$out"; exit 1; }

fix: bootstrap ## let ruff mend and format what it can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

pytest: bootstrap
	@exec $(BIN)/python -m pytest $(PYTEST) -m "not bench and not soak and not systemd_boot and not again" $(ARGS)

again: bootstrap ## what `make test` proves on one part, on the others: the story on anvil, the contracts compiled anew
	@exec $(BIN)/python -m pytest -m again $(ARGS)

coverage: bootstrap ## every test once more, counting branches; FLOOR= is the least share in percent
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/coverage run -m pytest $(PYTEST) -m "not bench and not soak and not systemd_boot" $(ARGS)
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report --fail-under=$(FLOOR)

bench: bootstrap ## measure speed against the limits in tests/benchmarks
	@exec $(BIN)/python -m pytest -m bench -s $(ARGS)

soak: bootstrap ## long random runs: ledger and chain must agree to the wei
	@exec $(BIN)/python -m pytest -m soak -s $(ARGS)

mutation: bootstrap ## break the law on purpose (ARGS=--sender: the sender), and see that a test notices
	@exec $(BIN)/python tools/mutate.py $(ARGS)

planted: bootstrap ## plant known bugs, one at a time; fails when no test notices one
	@exec $(BIN)/python tools/plant.py $(ARGS)

simulate: bootstrap ## play 1,000 seeds of the simulator; ARGS="--forever --workers auto" until stopped
	@exec $(BIN)/python -m tests.simulation $(or $(ARGS),--seeds 0:1000 --workers $(WORKERS) --table)

test-systemd: bootstrap ## install into a bare Debian tree, boot it and drive it (needs root)
	@exec $(BIN)/python -m pytest -m systemd_boot -s $(ARGS)

install: bootstrap ## install programs and units below DESTDIR
	@DESTDIR="$(DESTDIR)" exec $(BIN)/python tools/install.py

controls: bootstrap ## renew tests/CONTROLS.md from the docstrings of the tests
	@$(BIN)/python tools/controls.py

lock: ## renew requirements.lock from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --prerelease=if-necessary-or-explicit -o requirements.lock

bootstrap:
	@tools/bootstrap.sh

clean: ## forget everything that was built
	rm -rf .venv build var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
