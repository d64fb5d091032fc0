"""Rendering: templates filled in, every value escaped. The only door to Jinja."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from skillstore.service.page import assets, worded
from skillstore.service.page.asked import Asked

_environment = Environment(
    loader=PackageLoader("skillstore.service.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    ago=worded.ago,
    conditions=worded.conditions,
    indented=worded.indented,
    number=worded.number,
    percent=worded.percent,
    shortened=worded.shortened,
    size=worded.size,
    value=worded.value,
    wanted=worded.wanted,
)
_environment.globals.update(asset=assets.address, once=lambda: secrets.token_hex(16))

DONE = {
    "outcome": "The use was recorded.",
    "removed": "The skill was removed.",
    "replaced": "The skill was replaced.",
    "created": "The library is there.",
    "snapshot": "A new generation was started.",
    "compacted": "A new generation was started, without what was removed.",
    "verified": "Every byte was read, and is what was written.",
}
"""What a page says once something was done, by the query's `done`."""


def rendered(template: str, asked: Asked, shown: Mapping[str, Any]) -> bytes:
    """The page, in UTF-8."""
    text = _environment.get_template(template).render(
        asked=asked,
        library=asked.library,
        done=DONE.get(asked.query.get("done", "")),
        **shown,
    )
    return text.encode("utf-8", errors="replace")
