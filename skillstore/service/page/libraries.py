"""Libraries: what there is, and a new one."""

from __future__ import annotations

from typing import Any

from skillstore.errors import SkillStoreError
from skillstore.service.page.asked import Answer, Asked, Elsewhere, Page

_EACH = 100


def show(asked: Asked) -> Answer:
    """All that the caller sees, with figures of each."""
    found = asked.run("list_libraries", after=asked.words("after", 64), limit=_EACH)
    shown = [{**library, "stats": _stats(asked, library)} for library in found["libraries"]]
    return Page("libraries.html", {"libraries": shown, "next": found["next"]})


def create(asked: Asked) -> Answer:
    """A library with the settings of the form."""
    name = asked.words("name", 100) or ""
    dim = asked.words("embedding_dim", 10)
    settings: dict[str, Any] = {} if dim is None else {"embedding_dim": int(dim) if dim.isdecimal() else dim}
    made = asked.run("create_library", name=name, **settings)
    return Elsewhere(f"/libraries/{made['name']}?done=created")


def _stats(asked: Asked, library: dict[str, Any]) -> dict[str, Any] | None:
    if library["problem"] is not None:
        return None
    try:
        return asked.service.run("library_stats", {}, library=library["name"], caller=asked.caller)
    except SkillStoreError:  # it went meanwhile
        return None
