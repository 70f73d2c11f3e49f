# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# make setup                         install nox; the other targets do so by themselves
# make test                          run everything
# make test SESSIONS="units sanity"  run only these sessions
# make demo                          show the collection at work against its simulator
# make demo KEEP=1                   keep the simulator running, to paste commands of README and docs against it
# make demo IDS=ID,ID                the same in check mode on incidents and cases of the real service: writes nothing
# make soak MINUTES=30               run the fault campaign, by default for 2 minutes; SEED=n RUNS=1 repeats a run
# make bench REPEAT=5                measure what a task costs, next to the tasks that it replaces
# make soak-events POLLS=10000       run the event sources for weeks by a fake clock
# make bench-events                  measure what a poll of an event source costs
# make docs                          build the documentation site in .build/docs, and check it in Chromium
# make picture                       draw the picture of the README from what the demo prints
# make format                        format the code
# make clean                         remove everything that these commands made
#
# Everything is installed in .build and .nox. To run single sessions: .build/venv/bin/nox -s units
# To list them: .build/venv/bin/nox -l. Any other nox works as well, see CONTRIBUTING.md.

PYTHON ?= python3
SESSIONS ?=
VENV := .build/venv
NOX := $(VENV)/bin/nox

.PHONY: setup test demo docs picture soak bench soak-events bench-events format clean

setup: .build/ready

test: .build/ready
	@PYTHONPATH=tests $(VENV)/bin/python -m tools.suite $(SESSIONS)

demo: .build/ready
	@$(NOX) -s demo -- $(if $(KEEP),--keep) $(if $(IDS),--ids "$(IDS)")

docs: .build/ready
	@$(NOX) -s docs

picture: .build/ready
	@$(NOX) -s picture

soak: .build/ready
	@$(NOX) -s soak -- $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(RUNS),--runs $(RUNS)) $(if $(WAY),--way $(WAY))

bench: .build/ready
	@$(NOX) -s bench -- $(if $(REPEAT),--repeat $(REPEAT))

soak-events: .build/ready
	@$(NOX) -s events-soak -- $(if $(POLLS),--polls $(POLLS)) $(if $(SEED),--seed $(SEED))

bench-events: .build/ready
	@$(NOX) -s events-bench -- $(if $(REPEAT),--repeat $(REPEAT))

# With CI=true the session would only report bad formatting.
format: .build/ready
	@CI=false $(NOX) -s formatters

clean:
	rm -rf .build .nox tests/output

# nox runs on the newest Python that runs ansible-core; the linters use the same one. Some systems package
# `venv` separately from Python: then the next Python is tried. uv installs ten times as fast as pip, but
# does not read pip's settings: where it cannot reach a package index, pip takes over and uv is removed,
# so that the sessions use pip as well.
.build/ready: tests/constraints.txt tests/tools/pythons.py Makefile
	@mkdir -p .build
	@test "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$$(pwd -P)" || git init --quiet
	@rm -rf $(VENV)
	@pythons=$$($(PYTHON) tests/tools/pythons.py) || exit 1; \
	for python in $$pythons; do \
	  "$$python" -m venv $(VENV) && exit 0; \
	done; \
	echo "None of these Pythons can make a virtual environment: $$pythons" >&2; exit 1
	@set -e; \
	pip="$(VENV)/bin/python -m pip --quiet --quiet --disable-pip-version-check"; \
	tools="--constraint tests/constraints.txt nox antsibull-nox"; \
	$$pip install --constraint tests/constraints.txt uv; \
	UV_HTTP_TIMEOUT=10 $(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python $$tools 2>/dev/null || { \
	  $$pip uninstall --yes uv; \
	  $$pip install $$tools; \
	}
	@touch $@
