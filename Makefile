PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet

.PHONY: install train test test-textual check format screenshot bench clean

install: .venv/installed            ## the project and what it needs, in .venv

train: install                      ## the default run; flags in ARGS="--epochs 3"
	$(BIN)/python src/train_ddp.py $(ARGS)

test: check                         ## every check; tests that take minutes are left out
	$(BIN)/python -m pytest -n 4 --dist worksteal -m "not slow"

test-textual: .venv/installed-test  ## the monitor with the lowest and the newest Textual that it takes
	for version in ==8.0.0 "<9"; do \
	  rm -rf build/textual && $(PIP) --no-deps --target build/textual "textual$$version" && \
	  PYTHONPATH=build/textual $(BIN)/python -m pytest -n 2 tests/app/test_monitor.py tests/app/test_monitor_keys.py \
	    tests/app/test_screens.py tests/app/test_terminal.py || exit 1; done

check: .venv/installed-test         ## lint, format, types, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/types && ln -sfn ../.. build/types/everybatch
	MYPYPATH=build/types $(BIN)/mypy -p everybatch
	$(BIN)/lint-imports

format: .venv/installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshot: .venv/installed         ## the picture of the READMEs
	$(BIN)/python -m tests.bench.screenshot docs/monitor.svg 140x36 en

bench: .venv/installed-bench        ## measure everything against the peers, into BENCHMARKS.md; an hour and a half
	for name in thread_cost training_speed watching starting throughput monitor_load cuda report; do \
	  $(BIN)/python -m tests.bench.$$name || exit 1; done

clean:
	rm -rf .venv build *.egg-info

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml requirements.txt
	$(PIP) -r requirements.txt
	touch $@

.venv/installed-bench: .venv/installed pyproject.toml
	$(PIP) -e ".[bench]"
	touch $@

.venv/installed-test: .venv/installed requirements-test.txt
	$(PIP) -r requirements-test.txt
	touch $@
