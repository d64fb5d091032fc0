"""Similar: pairs of skills that are nearly the same, for people to decide about."""

from __future__ import annotations

from typing import Any

from skillstore.service.page import worded
from skillstore.service.page.asked import Answer, Asked, Page

LEVELS = ("0.95", "0.99", "0.9", "0.8")
"""How similar a pair is at least; the first, unless another is chosen."""
_EACH = 30


def show(asked: Asked) -> Answer:
    """The most similar pairs, those of different preconditions among them."""
    level = asked.chosen("level", LEVELS)
    after = asked.whole("after", 0, 0, 2**62)
    found = asked.run("similar_pairs", min_similarity=float(level), after=after, limit=_EACH)
    stats = asked.run("library_stats")
    pairs = [{**pair, "differ": _differing(*pair["skills"])} for pair in found["pairs"]]
    shown = {**found, "pairs": pairs, "level": level, "levels": sorted(LEVELS, reverse=True), "each": _EACH}
    return Page("similar.html", {**shown, "total": stats["total_skills"], "same_skill": stats["same_skill"]})


def _differing(older: dict[str, Any], newer: dict[str, Any]) -> set[str]:
    """The facts of which the two want something else."""
    facts = [dict(worded.flat(skill["preconditions"])) for skill in (older, newer)]
    return {name for name in facts[0].keys() | facts[1].keys() if _wants(facts[0], name) != _wants(facts[1], name)}


def _wants(facts: dict[str, Any], name: str) -> str | None:
    return worded.wanted(facts[name]) if name in facts else None
