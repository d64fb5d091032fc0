"""Rows: a skill as plain data and as words. Loads the library, so commands import it when they run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cli.output import count, plain, table
from skillstore import Interval, OneOf, Skill
from skillstore.forms import skill_form
from skillstore.preconditions import Condition, flattened, tagged_conditions
from skillstore.values import Value, tagged

HEAD = ("id", "name", "actions", "uses", "success")


def data(skill: Skill) -> dict[str, Any]:
    """The skill as JSON, without its embedding: the form of an export, and the rate."""
    form = {key: value for key, value in skill_form(skill).items() if key != "embedding"}
    return {**form, "success_rate": skill.success_rate}


def row(skill: Skill) -> tuple[Any, ...]:
    """One line of a table under HEAD."""
    return skill.id, skill.name, actions(skill), skill.times_used, rate(skill)


def skills_table(skills: Iterable[Skill]) -> str:
    """Skills under HEAD; empty if there are none."""
    rows = [row(skill) for skill in skills]
    return table(HEAD, rows) if rows else ""


def actions(skill: Skill) -> str:
    """The action sequence in one line: text as it is, anything else as JSON."""
    return ", ".join(action if isinstance(action, str) else value(action) for action in skill.action_sequence)


def rate(skill: Skill) -> str:
    """How often it succeeded, in percent; "-" for a skill never used."""
    return f"{100 * skill.success_rate:.0f} %" if skill.times_used else "-"


def value(anything: Value) -> str:
    """A Value as JSON on one line."""
    return plain(json.dumps(tagged(anything, text=True), ensure_ascii=False))


def condition(required: Condition) -> Any:
    """What a fact must be, as JSON data."""
    return tagged_conditions({"": required}, text=True)[""]


def words(required: Condition) -> str:
    """What a fact must be, in words."""
    if isinstance(required, OneOf):
        return " or ".join(value(allowed) for allowed in required.values)
    if isinstance(required, Interval):
        low, high = required.low, required.high
        return f"at most {high}" if low is None else f"at least {low}" if high is None else f"from {low} to {high}"
    return "nothing" if required is None else value(required)


def page(skill: Skill) -> str:
    """All there is to know of one skill, in words."""
    needs = flattened(skill.preconditions, "the preconditions")
    facts = [f"    {plain(name)} is {words(required)}" for name, required in needs.items()]
    steps = [f"    {number}. {value(action)}" for number, action in enumerate(skill.action_sequence, start=1)]
    used = f"used {count(skill.times_used, 'time')}, succeeded {skill.success_count} ({rate(skill)})"
    return "\n".join(
        [
            f"{skill.id}  {plain(skill.name)}",
            "  applies when" if facts else "  applies everywhere",
            *facts,
            "  actions",
            *steps,
            f"  metadata {value(skill.metadata)}",
            f"  embedding of {count(len(skill.embedding), 'dimension')}",
            f"  learned {count(skill.times_learned, 'time')}, {used}",
        ]
    )
