"""Pictures of the page for the docs: `python -m tests.browser.pictures docs/page`, with Chromium and .[dev,browser]."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.conftest import place
from tests.browser.sample import LIBRARY, SKILLS, fill
from tests.service.started import Started

HOME = f"/libraries/{LIBRARY}"
STATE = "room%20%3D%20kitchen%0Akettle.full%20%3D%20true%0Aguests%20%3D%202%0Ahas_key%20%3D%20true"
WIDE, NARROW = {"width": 1000, "height": 700}, {"width": 360, "height": 700}
PICTURES: list[tuple[str, str, dict[str, int], str]] = [
    ("skills", f"{HOME}?order=success", WIDE, "light"),
    ("skill", f"{HOME}/skills/1", WIDE, "dark"),
    ("applies", f"{HOME}/applies?state={STATE}&text=tea&k=3", WIDE, "light"),
    ("duplicates-narrow", f"{HOME}/similar?level=0.8", NARROW, "light"),
    ("learning", f"{HOME}/learning", WIDE, "dark"),
    ("learning-narrow", f"{HOME}/learning", NARROW, "dark"),
]


def draw(where: Path) -> None:
    """Every picture, from a server of its own."""
    from playwright.sync_api import sync_playwright

    where.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as room, Started(Path(room) / "all", "--quiet") as started:
        fill(started.client)
        started.client.delete(f"/v1/libraries/{LIBRARY}/skills/{len(SKILLS)}")  # the hostile one
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=place(), args=["--no-sandbox"])
            for name, path, size, scheme in PICTURES:
                _draw(browser, started.address + path, where / f"{name}.png", size, scheme)
            browser.close()


def _draw(browser: Any, address: str, file: Path, size: dict[str, int], scheme: str) -> None:
    page = browser.new_page(viewport=size, color_scheme=scheme)
    page.set_default_timeout(180_000)
    page.goto(address)
    page.screenshot(path=file)
    page.close()


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
