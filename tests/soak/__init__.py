# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fault campaign: seeded runs of the modules against the simulator, held against its true state.

A seed makes a scenario (scenario.py): a task out of a table of all modules (tasks.py), incidents, IDs or
filters, options, a key, faults, other users. A world (world.py) is a simulator in which the scenario takes
place, and which knows what truly happened. The module is driven in one of four ways (drive.py). Then every
invariant (invariants.py) that applies to the task is held against the result; what nobody can know is in one
table there. campaign.py does this for many seeds and adds up.
"""
