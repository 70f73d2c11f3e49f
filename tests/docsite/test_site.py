# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every page of the documentation site in a real browser.

The session `docs` builds the site and names its folder in DOCS_SITE. Without Chromium the tests are skipped; with
CI=true they fail.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
SITE = Path(os.environ["DOCS_SITE"])
PAGES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))
WIDTHS = (1280, 390)
# The theme's own page of results, and an index that Sphinx always writes.
NOT_READ = {"search.html", "genindex.html"}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The URL of the site."""
    handler = functools.partial(QuietHandler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Print nothing."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        reason = "there is no Chromium in PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    # The sandbox does not work for root. Without the other options Chromium looks for its vendor's hosts.
    options = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        sandbox = os.geteuid() != 0
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options, chromium_sandbox=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def problems() -> list[str]:
    """What goes wrong on the page of the test: errors of scripts, and requests that fail or leave the site."""
    return []


@pytest.fixture
def page(browser: Browser, site: str, problems: list[str]) -> Iterator[Page]:
    context = browser.new_context(base_url=site)
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"{request.url}: {request.failure}"))
    page.on(
        "request", lambda request: None if request.url.startswith((site, "data:")) else problems.append(request.url)
    )
    yield page
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_page(page: Page, problems: list[str], site: str, path: str) -> None:
    """It opens without errors, fits the screen, and its links lead somewhere."""
    page.goto(path)
    assert page.locator("h1").count() == (path != "search.html")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for link in page.evaluate("Array.from(document.querySelectorAll('a[href]'), link => link.getAttribute('href'))"):
        check_link(site, path, link)
    assert not problems


def check_link(site: str, path: str, link: str) -> None:
    target, anchor = urldefrag(urljoin(f"{site}{path}", link))
    if target.startswith(site):
        file = target.removeprefix(site) or "index.html"
        assert (SITE / file).is_file(), link
        assert not anchor or unquote(anchor) in anchors_of(file), link
    else:
        assert target.startswith("https://"), link


class AnchorParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.anchors.update(value for name, value in attrs if name == "id" and value)


@functools.cache
def anchors_of(path: str) -> frozenset[str]:
    parser = AnchorParser()
    parser.feed((SITE / path).read_text(encoding="utf-8"))
    return frozenset(parser.anchors)


def test_pictures_are_shown(page: Page) -> None:
    page.goto("index.html")
    widths = page.evaluate("Array.from(document.querySelectorAll('article img'), image => image.naturalWidth)")
    assert widths
    assert all(widths)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("did not accept the API key", "Troubleshooting"),
        ("CORALOGIX_TEAM_ID", "Environment variables"),
        ("incident_unassign", "coralogix.incidents.incident_unassign module"),
    ],
)
def test_search_finds(page: Page, problems: list[str], words: str, title: str) -> None:
    page.goto("index.html")
    page.locator("input[name=q]").first.fill(words)
    page.keyboard.press("Enter")
    page.locator("#search-results li a", has_text=title).first.wait_for(timeout=20_000)
    assert not problems


def test_every_page_is_in_the_navigation(page: Page) -> None:
    page.goto("index.html")
    links = page.evaluate("Array.from(document.querySelectorAll('.sidebar-tree a'), link => link.getAttribute('href'))")
    assert {urldefrag(link)[0] for link in links} >= set(PAGES) - NOT_READ - {"index.html", "collection/index.html"}
