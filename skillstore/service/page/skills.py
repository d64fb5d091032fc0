"""Skills: those of one library, searched, filtered and sorted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from skillstore.errors import SkillNotFoundError
from skillstore.service.browsing import LOOKED_AT, ORDERS, fact_names
from skillstore.service.page.asked import Answer, Asked, Page

_EACH = 50
LAST_USE = "last_use"


def show(asked: Asked) -> Answer:
    """A page of skills, in the order that was chosen."""
    name, fact = asked.words("q", 200), asked.words("fact", 1_000)
    order, offset = asked.chosen("order", (*ORDERS, LAST_USE)), asked.whole("from", 0, 0, LOOKED_AT)
    recent = asked.service.uses.recent(asked.library or "")
    shelf = _shelf(asked, name, fact, ORDERS[0] if order == LAST_USE else order, offset)
    if order == LAST_USE:
        shelf = {**shelf, **_by_last_use(asked, recent, name, fact, offset)}
    shown = {
        **shelf,
        "q": name or "",
        "fact": fact or "",
        "order": order,
        "offset": offset,
        "recent": recent,
        "since": asked.service.uses.since,
        "earlier": _address(asked, max(0, offset - _EACH)) if offset else None,
        "later": _address(asked, offset + _EACH) if offset + _EACH < shelf["found"] else None,
    }
    return Page("skills.html", shown)


def _shelf(asked: Asked, name: str | None, fact: str | None, order: str, offset: int) -> dict[str, Any]:
    return asked.run("browse_skills", name=name, fact=fact, order=order, offset=offset, limit=_EACH)


def _by_last_use(
    asked: Asked, recent: Mapping[int, float], name: str | None, fact: str | None, offset: int
) -> dict[str, Any]:
    """Only those that were used since the server started: of the others nobody knows when."""
    fitting = []
    for skill_id in recent:
        try:
            skill = asked.run("get_skill", id=skill_id, embeddings=False)["skill"]
        except SkillNotFoundError:
            continue
        named = name is None or name.casefold() in skill["name"].casefold()
        if named and (fact is None or fact in set(fact_names(skill["preconditions"]))):
            fitting.append(skill)
    return {"skills": fitting[offset : offset + _EACH], "found": len(fitting)}


def _address(asked: Asked, offset: int) -> str:
    kept = {key: asked.query[key] for key in ("q", "fact", "order") if asked.query.get(key)}
    return "?" + urlencode({**kept, "from": offset})
