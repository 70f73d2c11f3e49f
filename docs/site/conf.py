# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx's settings for the documentation site. `make docs` builds it: see the session `docs` in noxfile.py."""

from __future__ import annotations

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

COLLECTION = Path(__file__).resolve().parents[2]

project = "coralogix.incidents"
author = "The coralogix.incidents contributors"
project_copyright = f"2026, {author}"

extensions = ["sphinx_antsibull_ext"]  # links to modules and their options
antsibull_ext_color_scheme = "none"  # site.css takes the colours from the theme, for light and dark
exclude_patterns = ["collection/environment_variables.rst"]  # those of plugins with settings; there are none
highlight_language = "yaml+jinja"

# A reference that leads nowhere is an error.
nitpicky = True
default_role = "any"

html_theme = "furo"
html_title = project
html_favicon = "icon.svg"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

# Labels of ansible-core's documentation that the pages of modules refer to.
ANSIBLE_PAGES = {
    "action_plugins": "https://docs.ansible.com/projects/ansible/latest/plugins/action.html",
    "common_return_values": (
        "https://docs.ansible.com/projects/ansible/latest/reference_appendices/common_return_values.html"
    ),
}

# Parts of the generated pages that are not true or not wanted here: the theme shows a page's contents beside it, and
# galaxy.yml has only a placeholder for the repository.
DROPPED = (
    ".. contents::\n   :local:\n   :depth: 1\n",
    '  - title: "Repository (Sources)"\n    url: "https://example.com/coralogix.incidents"\n    external: true\n',
)


def adapt_source(app: Sphinx, document: str, source: list[str]) -> None:
    for part in DROPPED:
        source[0] = source[0].replace(part, "")
    if document == "index":
        source[0] += navigation(Path(app.srcdir))
    elif document == "collection/index":
        # The front page has all of its entries.
        source[0] = f":orphan:\n\n{source[0]}"


def navigation(pages: Path) -> str:
    """The guides, in the order of docs.ansible.com, the modules, and release notes as soon as there are any."""
    extra_docs = yaml.safe_load((COLLECTION / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))
    sections = {
        section["title"]: [f"collection/docsite/{page}" for page in section["toctree"]]
        for section in extra_docs["sections"]
    }
    modules = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*_*.py"))
    sections["Modules"] = [f"{module} <collection/{module}_module>" for module in modules]
    if (pages / "collection" / "changelog.rst").exists():
        sections["Release notes"] = ["collection/changelog"]
    return "".join(
        f"\n.. toctree::\n   :caption: {title}\n   :hidden:\n\n" + "".join(f"   {entry}\n" for entry in entries)
        for title, entries in sections.items()
    )


def link_to_ansible(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, content: nodes.Node
) -> nodes.reference | None:
    url = ANSIBLE_PAGES.get(node["reftarget"])
    return nodes.reference("", "", content, refuri=url) if url else None


def setup(app: Sphinx) -> None:
    app.connect("source-read", adapt_source)
    app.connect("missing-reference", link_to_ansible)
