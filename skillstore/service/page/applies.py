"""Applies: what can be done in a state, and what nearly could."""

from __future__ import annotations

from typing import Any

from skillstore.errors import InvalidInputError
from skillstore.service.fields import MAX_TEXT
from skillstore.service.page import entered, worded
from skillstore.service.page.asked import Answer, Asked, Page

_MOST = 50
_MAX_STATE = 100_000  # characters


def show(asked: Asked) -> Answer:
    """Matches and near misses, once a state was entered; an empty one is a state, too."""
    stats = asked.run("library_stats")
    shown: dict[str, Any] = {
        "written": asked.query.get("state", ""),
        "text": asked.query.get("text", ""),
        "k": asked.whole("k", 5, 1, _MOST),
        "takes_text": stats["takes_text"],
        "example": _example(asked),
        "found": None,
        "trouble": None,
    }
    if "state" not in asked.query:
        return Page("applies.html", shown)
    try:
        return Page("applies.html", {**shown, "found": _found(asked, shown["k"])})
    except InvalidInputError as error:
        return Page("applies.html", {**shown, "trouble": str(error)}, 422)


def _found(asked: Asked, k: int) -> dict[str, Any]:
    state = entered.state(asked.words("state", _MAX_STATE) or "")
    request = {"state": state, "text": asked.words("text", MAX_TEXT), "k": k}
    return {
        "matches": asked.run("retrieve_skills", **request)["matches"],
        "near_misses": asked.run("why_not", **request)["near_misses"],
        "facts": len(state),
    }


def _example(asked: Asked) -> str:
    """The first facts that skills of this library ask about, as one would write them."""
    skills = asked.run("list_skills", limit=20)["skills"]
    facts = {name: worded.fitting(needs) for skill in skills for name, needs in worded.flat(skill["preconditions"])}
    return "\n".join(f"{name} = {word}" for name, word in list(facts.items())[:4]) or "has_key = false\nroom = kitchen"
