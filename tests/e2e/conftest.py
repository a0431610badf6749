"""A browser and a server for the browser tests. Playwright's own pytest plugin is off: the fixtures here suffice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from labline_backend.home import Home

from ..backend.stores import copy_into
from .browser import launch
from .lab import LabServer
from .pages import SLOW
from .window import Window

expect.set_options(timeout=SLOW)  # five seconds otherwise, which a page takes to draw where others have the cores


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not longer than a module: while Playwright lives, no test of the server can run an event loop of its own.
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    copy_into(Home.open(server.home), tmp_path_factory)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Window]:
    window = Window(browser)
    yield window
    window.close()


@pytest.fixture
def page(window: Window, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in which nothing is open; where the test fails, its picture is kept beside the tests."""
    yield from _pictured(window, request)


@pytest.fixture
def lone_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The same, which no other test has had or gets."""
    window = Window(browser)
    yield from _pictured(window, request)
    window.close()


def _pictured(window: Window, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = window.take()
    failed_before = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed_before:
        pictures = Path(__file__).parent / "screenshots"
        pictures.mkdir(exist_ok=True)
        page.screenshot(path=pictures / f"{request.node.name}.png")
        window.close()
    else:
        window.clear()
