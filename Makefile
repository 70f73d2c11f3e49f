# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# make test                          everything
# make test SESSIONS="units sanity"  only these sessions
# make demo                          the collection at work against its simulator
# make demo IDS=ID,ID                the same for incidents of your own, which really are unassigned
# make soak MINUTES=30              the fault campaign; 2 minutes by default, SEED=n RUNS=1 replays
# make bench REPEAT=5               what a task costs, beside the tasks that it replaces
# make format                        let the formatters mend the code
# make clean                         remove all that the tooling made
#
# All that is installed goes to .build and .nox. Single sessions: .build/venv/bin/nox -s units
# (what there is: .build/venv/bin/nox -l).

PYTHON ?= python3
SESSIONS ?=
VENV := .build/venv
NOX := $(VENV)/bin/nox

.PHONY: test demo soak bench format clean

test: .build/ready
	@PYTHONPATH=tests $(VENV)/bin/python -m tools.suite $(SESSIONS)

demo: .build/ready
	@$(NOX) -s demo -- $(if $(IDS),--ids "$(IDS)")

soak: .build/ready
	@$(NOX) -s soak -- $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(RUNS),--runs $(RUNS)) $(if $(WAY),--way $(WAY))

bench: .build/ready
	@$(NOX) -s bench -- $(if $(REPEAT),--repeat $(REPEAT))

# Outside of CI the session mends what it finds.
format: .build/ready
	@CI=false $(NOX) -s formatters

clean:
	rm -rf .build .nox tests/output

# The newest Python that runs ansible-core carries nox, and thereby the linters. Some systems split
# `venv` off their Python: then the next one gets its chance. uv has its own idea of where packages
# come from; where it reaches none, the sessions use pip, which has just proved that it does.
.build/ready: tests/constraints.txt tests/tools/pythons.py Makefile
	@mkdir -p .build
	@test "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$$(pwd -P)" || git init --quiet
	@rm -rf $(VENV)
	@pythons=$$($(PYTHON) tests/tools/pythons.py) || exit 1; \
	for python in $$pythons; do \
	  "$$python" -m venv $(VENV) && exit 0; \
	done; \
	echo "None of these can make a virtual environment: $$pythons" >&2; exit 1
	@$(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check \
	  --constraint tests/constraints.txt nox antsibull-nox uv
	@echo nox | UV_HTTP_TIMEOUT=10 $(VENV)/bin/uv pip compile --quiet --no-cache - >/dev/null 2>&1 \
	  && echo uv >.build/backend || echo virtualenv >.build/backend
	@touch $@
