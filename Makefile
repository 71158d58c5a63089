PYTHON ?= python3

# `make test TORCH=2.5` tests with the newest torch 2.5, TORCH=2 with the newest of all, in an environment of its
# own; everything else is then the newest that pyproject.toml allows. Without it, requirements.txt says what is used.
TORCH ?=
VENV := .venv$(if $(TORCH),-torch-$(TORCH))
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet

.PHONY: install train test test-textual check format screenshot bench clean clean-runs

install: $(VENV)/installed          ## the project and what it needs, in .venv

train: install                      ## the default run; flags in ARGS="--epochs 3"
	$(BIN)/python src/train_ddp.py $(ARGS)

# The lint, the types and the contract do not depend on what is installed but for torch's own types: the pinned ones.
# A test that hangs fails after five minutes, with every thread's stack, instead of holding the suite for ever.
test: $(if $(TORCH),$(VENV)/installed-test,check)   ## every check; tests that take minutes are left out
	$(BIN)/python -m pytest -n 4 --dist worksteal --timeout 300 -m "not slow"

test-textual: $(VENV)/installed-test  ## the monitor with the lowest and the newest Textual that it takes
	for version in ==8.2.5 "<9"; do \
	  rm -rf build/textual && $(PIP) --no-deps --target build/textual "textual$$version" && \
	  PYTHONPATH=build/textual $(BIN)/python -m pytest tests/app/test_monitor*.py \
	    tests/app/test_readable.py tests/app/test_screens.py tests/app/test_terminal.py || exit 1; done

check: $(VENV)/installed-test       ## lint, format, types, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/types && ln -sfn ../.. build/types/everybatch
	MYPYPATH=build/types $(BIN)/mypy -p everybatch
	$(BIN)/lint-imports

format: $(VENV)/installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshot: $(VENV)/installed       ## the picture of the READMEs
	$(BIN)/python -m tests.bench.screenshot docs/monitor.svg 140x36 en

bench: $(VENV)/installed-bench      ## measure everything against the peers, into BENCHMARKS.md; an hour and a half
	for name in thread_cost hooks_cost training_speed watching starting throughput monitor_load loading cuda report; do \
	  $(BIN)/python -m tests.bench.$$name || exit 1; done

clean:                              ## what was installed and built
	rm -rf .venv .venv-torch-* build *.egg-info

clean-runs:                         ## what runs left here; refused while one of them goes on
	@for lock in .everybatch/*/lock; do \
	  if [ -e "$$lock" ] && ! flock --nonblock "$$lock" true; then \
	    echo "$$(dirname "$$lock") still goes on; everybatch stop ends it"; exit 1; fi; done
	rm -rf .everybatch checkpoints own_loop.pt
	rm -f log/training_*.log* metrics/epoch_metrics_*.csv* metrics/batch_metrics_*.csv* \
	  metrics/analysis_*.png metrics/analysis_*.html metrics/comparison_*.png metrics/values_*.png metrics/cases_*.png

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml requirements.txt
	$(PIP) $(if $(TORCH),"torch==$(TORCH).*" -e .,-r requirements.txt)
	touch $@

$(VENV)/installed-bench: $(VENV)/installed pyproject.toml
	$(PIP) -e ".[bench]"
	touch $@

$(VENV)/installed-test: $(VENV)/installed requirements-test.txt
	$(PIP) $(if $(TORCH),"torch==$(TORCH).*" -e ".[test]",-r requirements-test.txt)
	touch $@
