# make demo       the whole chain on Li3InCl6 and Li3In0.5Y0.5Br3Cl3, into demo/
# make test       the tests;  make test-slow: those that take minutes each
# make test-engines  those of CP2K, SLURM, Chromium (Debian, as root) and CHGNet, which it installs
# make lint       ruff, mypy and the pages of docs/
# make docs       the pages, into site/;  make picture: README's plot, from demo/
#
# A GPU user names the torch to install:  make demo TORCH='torch==2.13.0 --index-url URL'
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
DEMO ?= demo

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install demo test test-slow test-engines lint docs picture clean

install: $(INSTALLED)
	@$(BIN)/mlipsse potential build
	@$(BIN)/mlipsse env make sevennet

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mlipsse needs Python 3.11 \
	or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.11")'
	@echo "Making $(VENV): $(TORCH) first, then the pinned rest (a few minutes)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet $(TORCH)
	@$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

demo: install
	@test -f $(DEMO)/campaign.yaml || $(BIN)/mlipsse init $(DEMO) --example li3incl6
	@$(BIN)/mlipsse run $(DEMO)

# One thread per process: the tests run in two of them. The tests of a file, and groups that share
# a campaign or models, stay together.
test: install
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup --durations=25

test-slow: install
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

# The plot of README, from the demo that was run.
picture:
	@cp $(DEMO)/09-transport/arrhenius.png examples/li3incl6/arrhenius.png

# A skipped test is a failure here: what it needs has just been installed.
test-engines: install
	@apt-get update -qq && apt-get install -y -qq chromium cp2k cp2k-data slurm-wlm
	@$(BIN)/pip install --quiet --editable '.[chgnet]'
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'chgnet or chromium or cp2k or slurm' --fail-on-skip

lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory docs

# Strict: a link to a page or heading that is not there is an error. The variable silences a notice
# of the theme about another program.
docs: $(INSTALLED)
	@$(BIN)/python docs/reference.py --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) build dist site
