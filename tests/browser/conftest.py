"""A real Chromium, and a server as users start it, with a library that has something in every view."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.sample import fill
from tests.service.started import Started

NAMES = ("chromium", "chromium-browser", "google-chrome")


def place() -> str | None:
    """Where Chromium is installed, if it is."""
    return os.environ.get("SKILLSTORE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser. Skips where there is none: the page itself is tested without one in tests/service.

    For one module at a time, as its driver keeps an event loop running in this thread, in which others could run none.
    """
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'skillstore[browser]'")
    found = place()
    if found is None:
        pytest.skip("no Chromium is installed, or SKILLSTORE_CHROMIUM does not say where")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with Started(tmp_path_factory.mktemp("browser") / "all", "--quiet") as started:
        fill(started.client)
        yield started


def _wrong(message: Any) -> list[str]:
    """What the browser calls an error; that a form was refused, as is tested, is none."""
    return [message.text] if message.type == "error" and "status of 422" not in message.text else []


@pytest.fixture
def opened(chromium: Any, server: Started) -> Iterator[Callable[..., Any]]:
    """Opens pages, each in a window of its own; whatever they complain about fails the test."""
    windows, complaints = [], []

    def open_(path: str, address: str = server.address, **settings: Any) -> Any:
        window = chromium.new_context(base_url=address, **{"viewport": {"width": 1280, "height": 900}, **settings})
        windows.append(window)
        page = window.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.extend(_wrong(message)))
        page.on("pageerror", lambda error: complaints.extend([str(error)]))
        page.on("dialog", lambda dialog: complaints.extend([dialog.message]))
        page.on("request", lambda request: complaints.extend([request.url] * (not request.url.startswith(address))))
        page.goto(path)
        return page

    yield open_
    for window in windows:
        window.close()
    assert complaints == []
