"""Browsing: the skills of a library in an order for people, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from skillstore.library import SkillLibrary
from skillstore.outcomes import lower_bounds
from skillstore.skill import Skill

Order: TypeAlias = Literal["newest", "oldest", "success", "use", "name"]
ORDERS: tuple[Order, ...] = get_args(Order)
LOOKED_AT = 10_000
"""Skills that are looked at, the oldest of a library that has more."""


@dataclass(frozen=True)
class Shelf:
    """`skills`: those of the page; `found`: how many fit; `facts`: the names of facts and how many skills have each;
    `looked_at` of `total`.
    """

    skills: list[Skill]
    found: int
    facts: dict[str, int]
    looked_at: int
    total: int


def browse(library: SkillLibrary, name: str | None, fact: str | None, order: Order, offset: int, limit: int) -> Shelf:
    """Skills with `name` in their name, in any case, and `fact` among their preconditions.

    "success" is the rank of retrieval without an embedding: sure successes first. Cost: decodes LOOKED_AT skills.
    """
    fitting: list[Skill] = []
    facts: Counter[str] = Counter()
    looked_at = 0
    sought = None if name is None else name.casefold()
    for skill in islice(library.skills(), LOOKED_AT):
        looked_at += 1
        named = set(fact_names(skill.preconditions))
        facts.update(named)
        if (sought is None or sought in skill.name.casefold()) and (fact is None or fact in named):
            fitting.append(skill)
    page = _ordered(fitting, order)[offset : offset + limit]
    return Shelf(page, len(fitting), dict(facts.most_common(200)), looked_at, max(len(library), looked_at))


def fact_names(preconditions: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted names of the facts that preconditions, or their tagged form without tags, name."""
    for name, condition in preconditions.items():
        if isinstance(condition, Mapping):
            yield from fact_names(condition, f"{prefix}{name}.")
        else:
            yield prefix + name


def _ordered(skills: list[Skill], order: Order) -> list[Skill]:
    """Ties go to the lower id, which stood first."""
    if order == "oldest":
        return skills
    if order == "newest":
        return skills[::-1]
    if order == "success":
        return _by_success(skills)
    keys: dict[str, Callable[[Skill], Any]] = {
        "use": lambda skill: -skill.times_used,
        "name": lambda skill: skill.name.casefold(),
    }
    return sorted(skills, key=keys[order])


def _by_success(skills: list[Skill]) -> list[Skill]:
    bounds = lower_bounds(
        np.array([skill.success_count for skill in skills], dtype=np.int64),
        np.array([skill.times_used for skill in skills], dtype=np.int64),
    )
    return [skills[row] for row in np.argsort(-bounds, kind="stable")]
