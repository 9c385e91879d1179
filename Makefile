# The two commands of the README: `make train` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Directory of the run; a new one under runs/ by default.
RUN ?=
# A run to go on with.
RESUME ?=
# An index with CPU builds of torch, for machines where a plain install brings CUDA: see README.
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install train test test-slow test-ray test-torchrl test-benchmarl docs newcomer container dist lint bench planted trust trust-quick clean interop
.DEFAULT_GOAL := help

help:
	@echo "make train | test | test-slow | test-ray | test-torchrl | test-benchmarl | docs | newcomer | container | dist | lint | bench | planted | trust | trust-quick | clean"

install: $(VENV)/installed

# torch first, so that it can come from an index of its own.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX)) torch
	$(PIP) -c constraints.txt -e '.[dev]'
	$(BIN)/oran-env compile
	touch $@

train: install
	$(BIN)/tasam train $(if $(RUN),--run-dir $(RUN)) $(if $(RESUME),--resume $(RESUME))
	$(BIN)/python -m docs.measure.committed

# What the workers share is compiled once, before they begin.
test: lint
	$(BIN)/oran-env compile
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2

test-slow: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m slow

# Each release of RLlib pins one Gymnasium, an older one than ours: it gets an environment of its own.
RAY_VENV := .venv-ray
RAY_PIP := $(RAY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-ray.txt

$(RAY_VENV)/installed: pyproject.toml constraints-ray.txt
	$(PYTHON) -m venv $(RAY_VENV)
	$(RAY_PIP) $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX)) torch
	$(RAY_PIP) -e '.[ray]' pytest hypothesis
	touch $@

test-ray: $(RAY_VENV)/installed
	$(RAY_VENV)/bin/python -m pytest -q -m ray tests/integration/test_rllib.py tests/integration/test_examples.py
	$(RAY_VENV)/bin/python -m pytest -q tests/integration/test_ray_study.py tests/integration/test_distributed.py
	$(RAY_VENV)/bin/python -m pytest -q tests/env/envs/test_vector_env.py tests/env/envs/test_joint_env.py

test-torchrl: install
	$(PIP) -c constraints.txt -e '.[torchrl]'
	$(BIN)/python -m pytest -q -m torchrl tests/integration/test_torchrl.py tests/integration/test_torchrl_batch.py \
		tests/integration/test_examples.py

# BenchMARL pins an older TorchRL than ours: an environment of its own.
BENCHMARL_VENV := .venv-benchmarl
BENCHMARL_PIP := $(BENCHMARL_VENV)/bin/python -m pip install --quiet --disable-pip-version-check

$(BENCHMARL_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(BENCHMARL_VENV)
	$(BENCHMARL_PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0 torchvision==0.28.0
	$(BENCHMARL_PIP) -e '.[benchmarl]' benchmarl==1.5.2 torch==2.13.0 pytest hypothesis
	touch $@

test-benchmarl: $(BENCHMARL_VENV)/installed
	$(BENCHMARL_VENV)/bin/python -m pytest -q -m torchrl tests/integration/test_benchmarl.py tests/integration/test_torchrl_batch.py

# The site, in docs/_build; a warning is an error.
docs: install
	$(PIP) -c constraints.txt -e '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "written: docs/_build/index.html"

# The README and Getting started, word by word, in a fresh clone with empty caches.
newcomer:
	PYTHONPATH=tests $(PYTHON) -m newcomer

# The Dockerfile's steps without Docker, and what its container does. REUSE: as for interop.
container:
	PYTHONPATH=tests $(PYTHON) -m newcomer.container $(if $(REUSE),--reuse $(REUSE))

# sdist and wheel as they go to a package index: make dist ADDRESS=https://… , the address of the repository.
dist: install
	@test -n "$(ADDRESS)" || { echo "make dist ADDRESS=https://… : where the repository stands"; exit 2; }
	$(PIP) build
	rm -rf build/release && mkdir -p build/release
	git archive HEAD | tar -x -C build/release
	$(BIN)/python docs/for_index.py build/release $(ADDRESS) v$$($(BIN)/python -c "import oran_env; print(oran_env.__version__)")
	$(BIN)/python -m build --outdir dist build/release

# Other people's libraries, each in an environment of its own; what has a result is not tried again.
# REUSE: site-packages to take torch and the like from. LIBRARIES: only these. AGAIN=1: all of them anew.
interop: install
	PYTHONPATH=tests $(BIN)/python -m interop $(LIBRARIES) $(if $(REUSE),--reuse $(REUSE)) $(if $(AGAIN),--again)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/codespell
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m speed.env
	$(BIN)/python -m speed.learner
	$(BIN)/python -m speed.beside

# Are the tests worth anything? Plants the defects of tests/planted/defects.toml, one at a time, in a copy.
planted: install
	$(BIN)/python tests/planted

# What a run survives and refuses: kills, damage, full disks, strangers. Goes on where it was interrupted.
trust: install
	OMP_NUM_THREADS=1 PYTHONPATH=tests:. $(BIN)/python -m trust

trust-quick: install
	OMP_NUM_THREADS=1 PYTHONPATH=tests:. $(BIN)/python -m trust --quick

clean:
	rm -rf $(VENV) $(RAY_VENV) $(BENCHMARL_VENV) docs/_build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
