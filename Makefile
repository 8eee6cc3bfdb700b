# What compressed networks forget. `make book` and `make test` each work first, from a fresh clone.
STUDY  ?= digits
BASELINE ?= dense
OUT    ?= report
PYTHON ?= python3.11
WORKERS ?= 2
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.made-from-lock
LAB    := $(VENV)/.has-jupyterlab

.DEFAULT_GOAL := help
.PHONY: help setup book test train page course slides archive audit bench serve lab lint wheel lock clean clean-reruns

help: ## show this list
	@grep -hE "^[a-z-]+:.*## " $(MAKEFILE_LIST) | awk -F ":.*## " '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: $(STAMP) ## make .venv with every pinned dependency and the command `forgetting`

$(STAMP): lib/requirements.lock lib/pyproject.toml lib/install.py
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11, or name it: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) lib/install.py $(VENV)
	@touch $@

book: setup ## train STUDY (digits), run every page, build book/_build/html/index.html
	$(BIN)/forgetting pages $(STUDY) --bind $(if $(PICTURES),$(if $(filter yes,$(PICTURES)),--pictures,$(error PICTURES is $(PICTURES): write PICTURES=yes, or leave it out))) $(if $(SOLUTIONS),$(if $(filter yes,$(SOLUTIONS)),--solutions,$(error SOLUTIONS is $(SOLUTIONS): write SOLUTIONS=yes, or leave it out)))

test: setup ## run the tests, WORKERS (2) at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -c lib/pyproject.toml --rootdir . -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

train: setup ## train what is missing of STUDY
	$(BIN)/forgetting train $(STUDY)

page: setup ## run one page and bind the book with it: make page NAME=class-disparity PARAMS="alpha=0.01 members=10"
	$(BIN)/forgetting page $(NAME) $(if $(filter file,$(origin STUDY)),,--study $(STUDY)) $(PARAMS)

course: setup ## write notebooks of exercises (student, solution, instructor) and slides into course/, and zips; CHECK=yes runs the exercises
	$(BIN)/forgetting course $(STUDY) $(if $(CHECK),$(if $(filter yes,$(CHECK)),--check,$(error CHECK is $(CHECK): write CHECK=yes, or leave it out)))

slides: setup ## build the slides of the unit from the made pages, into course/slides/, and a zip; `make course` does it too
	$(BIN)/forgetting slides

archive: setup ## publish STUDY: all its predictions into book/archive, for readers who train nothing
	$(BIN)/forgetting archive $(STUDY)

audit: setup ## audit your own model: make audit FILES="dense.parquet int8.parquet" BASELINE=dense GROUPS=groups.csv OUT=report
	$(BIN)/forgetting audit $(FILES) --baseline "$(BASELINE)" --out "$(OUT)" $(if $(GROUPS),--groups "$(GROUPS)") $(OPTIONS)

bench: setup ## compare the training engine with the loop a user would write, and time an audit at ImageNet's size and gaps
	$(BIN)/python lib/benchmarks/audit.py
	$(BIN)/python lib/benchmarks/gaps.py
	$(BIN)/python lib/benchmarks/interdependence.py
	PYTHONPATH=lib $(BIN)/python -m benchmarks.training --study $(STUDY)

serve: setup ## show the built book at http://localhost:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory book/_build/html 8000

lab: $(LAB) ## install JupyterLab, once, and open the pages of STUDY (digits) in it as notebooks of your own, in lab/
	$(BIN)/python -m forgetting.book.lab $(STUDY)
	$(BIN)/jupyter lab --notebook-dir lab

$(LAB): $(STAMP)
	$(BIN)/python -m pip install --quiet --no-build-isolation --constraint lib/requirements.lock --editable "lib[lab]"
	@touch $@

lint: setup ## check style, format, types, and which part of the library imports which
	$(BIN)/ruff check --config lib/pyproject.toml lib tests
	$(BIN)/ruff format --check --config lib/pyproject.toml lib tests
	$(BIN)/mypy --config-file lib/pyproject.toml
	$(BIN)/lint-imports --no-logo lib/pyproject.toml

wheel: setup ## try the package as a wheel outside the checkout, on each of PYTHONS (3.11, 3.12, 3.13)
	$(BIN)/python lib/try_wheel.py $(PYTHONS)

lock: ## compile lib/requirements.lock from environment.yml; UPGRADE=1 takes the newest versions
	$(BIN)/python lib/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove what was generated for the book; trained populations stay
	rm -rf book/pages book/tables book/sample-audit book/_build

clean-reruns: ## remove the pages that `make page` put beside the book's own; the next `make book` does without them
	rm -rf book/pages/rerun-* book/tables/rerun-*
