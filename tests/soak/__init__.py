# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fault campaign: seeded runs of the modules against the simulator, compared with what truly happened.

A seed draws a scenario (scenario.py): a task (tasks.py), incidents, options, a key, faults (faults.py), other users.
It takes place in a world (world.py): a simulator that knows what truly happened. The task is run in one of five ways
(drive.py). Then every invariant (invariants.py) that applies is checked against the result. What the module had to
conclude from the answers (answers.py) is in trial.py, how long it may take in bound.py, and what nobody can know in
one table of invariants.py. campaign.py does this for many seeds and adds up.

Hypothesis draws and shrinks the same scenarios where answers have every wrong shape (tests/answers.py).
"""
