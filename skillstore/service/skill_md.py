"""SKILL.md: a skill as the file that agents read, front matter and all; for MCP, the page and the command line.

The file conforms to the Agent Skills specification (agentskills.io): `name` and `description` in front matter, then
Markdown. It has what a skill is, and nothing of how it fared: its digest changes when the skill does, not at each use.
Whatever a skill says stands in code, on one line, so that nothing in it can pass for a heading or a word of ours.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_NAME = 64
MAX_DESCRIPTION = 1024
"""Characters; both are the specification's."""
MAX_BODY = 2**20
"""Characters of steps and of metadata, each; what is beyond is left out, and the file says so."""

_NAME = re.compile(r"(?:[a-z0-9-]+-)?([1-9][0-9]{0,18})")
_SHOWN = 60  # characters of a step or a condition in the description


@dataclass(frozen=True)
class SkillMd:
    """One file. `name` is also the name of its directory; it ends in the skill's id, so a library has it once."""

    name: str
    title: str
    description: str
    metadata: dict[str, str]
    text: str

    @property
    def frontmatter(self) -> dict[str, Any]:
        """What the front matter says, as JSON."""
        return {"name": self.name, "description": self.description, "metadata": self.metadata}

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 figures, over the bytes of the file."""
        return "sha256:" + hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text.encode())


def skill_md(form: dict[str, Any], library: str) -> SkillMd:
    """The file of a skill, given as plain JSON: `skillstore.forms.skill_form`, or a reply of the service.

    >>> form = {"id": 7, "name": "Acquire key", "preconditions": {"has_key": False}, "action_sequence": ["right"],
    ...         "metadata": {}}
    >>> file = skill_md(form, "household")
    >>> file.name, file.description
    ('acquire-key-7', 'Acquire key. Use when has_key is false. 1 step: right')
    """
    name, title = file_name(form), line(form["name"])
    conditions = [f"{fact} {words}" for fact, words in _conditions(form["preconditions"])]
    steps = steps_of(form["action_sequence"])
    metadata = {"library": library, "skill-id": str(form["id"])}
    described = _description(form, title, conditions, steps)
    front = ["---", f"name: {name}", f"description: {_quoted(described)}", "metadata:"]
    front += [f"  {key}: {_quoted(value)}" for key, value in metadata.items()]
    body = [*front, "---", "", f"# {code(title)}", "", *_when(form["preconditions"]), *_steps(steps), *_about(form)]
    return SkillMd(name, title, described, metadata, "\n".join(body) + "\n")


def file_name(form: dict[str, Any]) -> str:
    """Lower-case letters and figures with single hyphens between them, at most 64, the id at the end."""
    plain = unicodedata.normalize("NFKD", form["name"][:1000]).encode("ascii", "ignore").decode().lower()
    number = str(form["id"])
    words = re.sub("[^a-z0-9]+", "-", plain).strip("-")[: MAX_NAME - len(number) - 1].strip("-")
    return f"{words or 'skill'}-{number}"


def id_of(name: str) -> int | None:
    """The id at the end of a `file_name`; None if it cannot be one."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found is not None else None


def steps_of(actions: Any) -> list[Any]:
    """The actions of their JSON form, in which a tuple is tagged."""
    listed: list[Any] = actions["$tuple"] if type(actions) is dict else actions
    return listed


def step(action: Any) -> str:
    """An action on one line, with nothing lost: text that is none is quoted."""
    return action if type(action) is str and action.isprintable() and action.strip() else _json(action)


def line(text: str) -> str:
    """The text on one line, without what a reader would not see."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()) or "(blank)"


def code(text: str) -> str:
    """A code span of Markdown, whatever is in the text."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"


def condition(required: Any) -> str:
    """What a fact must be, in words."""
    if type(required) is dict and len(required) == 1:
        ((tag, inner),) = required.items()
        if tag == "$one_of":
            return f"is one of {', '.join(_json(value) for value in inner)}"
        if tag == "$interval":
            return _between(*inner)
    return f"is {_json(required)}"


def _between(low: float | None, high: float | None) -> str:
    if low is None:
        return f"is at most {_json(high)}"
    return f"is at least {_json(low)}" if high is None else f"is between {_json(low)} and {_json(high)}"


def _conditions(preconditions: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, required in preconditions.items():
        if type(required) is dict and required.keys() == {"$facts"}:
            yield from _conditions(required["$facts"], f"{prefix}{name}.")
        else:
            yield line(prefix + name), condition(required)


def _description(form: dict[str, Any], title: str, conditions: list[str], steps: list[Any]) -> str:
    """What it is, when it applies, what it does: the author's own words first, where there are some."""
    own = form["metadata"].get("description") if type(form["metadata"]) is dict else None
    what = f"{title.rstrip('.')}. {line(own)[:400].rstrip('.')}." if type(own) is str else f"{title.rstrip('.')}."
    when = " and ".join(_cut(words, _SHOWN * 2) for words in conditions) if conditions else "in any state"
    done = ", ".join(_cut(step(action), _SHOWN) for action in steps[:20])
    count = "1 step" if len(steps) == 1 else f"{len(steps)} steps"
    needed = f"{'Use when ' if conditions else 'Use '}{when}"
    return _cut(f"{_cut(what, 500)} {_cut(needed, 300)}. {count}: {done}", MAX_DESCRIPTION)


def _when(preconditions: Any) -> list[str]:
    lines = [f"- {code(fact)} {code(words)}" for fact, words in _conditions(preconditions)]
    if not lines:
        return ["## When it applies", "", "In any state.", ""]
    return ["## When it applies", "", "Only where all of this holds:", "", *_bounded(lines, "conditions"), ""]


def _steps(steps: list[Any]) -> list[str]:
    lines = [f"{number}. {code(step(action))}" for number, action in enumerate(steps, start=1)]
    return ["## Steps", "", *_bounded(lines, "steps")]


def _about(form: dict[str, Any]) -> list[str]:
    if not form["metadata"]:
        return []
    words = _json(form["metadata"])
    return ["", "## Metadata", "", code(words) if len(words) <= MAX_BODY else "Left out here, as it is too long."]


def _bounded(lines: list[str], what: str) -> list[str]:
    size = 0
    for number, text in enumerate(lines):
        size += len(text)
        if size > MAX_BODY:
            return [*lines[:number], "", f"{len(lines) - number} more {what} are left out here: ask for the skill."]
    return lines


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _json(value: Any) -> str:
    """On one line; what a reader would not see, as escapes."""
    words = json.dumps(value, ensure_ascii=False)
    return words if words.isprintable() else "".join(_escaped(letter) for letter in words)


def _quoted(text: str) -> str:
    """A scalar of YAML in double quotes: JSON's are, as long as every letter that YAML does not print is escaped."""
    return _json(text)


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    number = ord(letter)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
