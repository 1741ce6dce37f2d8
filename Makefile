# Two commands: `make demo` runs the main job and says where its report is, `make test` runs the tests.
# `make soak MINUTES=3` works on the same files from many processes, and kills them at random.
# With an NVIDIA GPU: `make cuda` runs what needs one.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
MINUTES ?= 20
CUDA_PYTHON ?= $(firstword $(wildcard $(BIN)/python) $(PYTHON))
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint slow soak cuda clean

demo: $(VENV)/.core
	$(BIN)/nasbench demo --out demo

test: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m "not slow"

slow: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m slow

soak: $(VENV)/.dev
	$(BIN)/python tests/soak --minutes $(MINUTES)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# From the source tree with the environment's own torch; installs only if something it needs is missing.
cuda:
	@python=$(CUDA_PYTHON); \
	PYTHONPATH=. $$python -c 'import scipy, sklearn, nasbench.builder' 2>/dev/null \
	|| { nvidia-smi -L >/dev/null 2>&1 || { echo "no NVIDIA GPU here; nothing to do"; exit 0; }; \
	     $(MAKE) $(VENV)/.dev && python=$(BIN)/python; } \
	&& PYTHONPATH=. $$python benchmarks/gpu.py

$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.core: $(VENV)/.python pyproject.toml constraints.txt
	$(INSTALL) --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(INSTALL) --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist demo *.egg-info
