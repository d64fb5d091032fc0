"""SKILL.md: what agents read, whatever a skill says."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from skillstore import Interval, OneOf, Skill
from skillstore.forms import skill_form
from skillstore.service.skill_md import MAX_BODY, MAX_DESCRIPTION, SkillMd, code, condition, id_of, skill_md

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def file_of(name: str = "acquire key", actions: Any = ("right", "pickup"), **more: Any) -> SkillMd:
    skill = Skill(name, more.pop("preconditions", {}), actions, [1.0], more.pop("metadata", {}), id=7, **more)
    return skill_md(skill_form(skill), "home")


def parts(file: SkillMd) -> tuple[Any, str]:
    """(front matter as YAML has it, body)."""
    empty, front, body = re.split("^---$", file.text, maxsplit=2, flags=re.MULTILINE)
    assert empty == ""
    return yaml.safe_load(front), body


def test_it_says_when_and_what() -> None:
    file = file_of(
        preconditions={"has_key": False, "door": {"far": Interval(0, 3), "kind": OneOf("red", "blue")}},
        actions=["right", {"tool": "push", "args": [1]}],
        metadata={"description": "Gets the key", "source": "episode 7"},
    )
    front, body = parts(file)
    assert front["name"] == "acquire-key-7"
    assert front["description"].startswith("acquire key. Gets the key. Use when has_key is false and door.far is betw")
    assert "2 steps: right, " in front["description"]
    assert front["metadata"] == {"library": "home", "skill-id": "7"}
    assert "- `has_key` `is false`\n" in body
    assert '- `door.kind` `is one of "red", "blue"`\n' in body
    assert '1. `right`\n2. `{"tool": "push", "args": [1]}`\n' in body
    assert '"source": "episode 7"' in body


@pytest.mark.parametrize(
    ("required", "words"),
    [
        ({"$interval": [0, 3]}, "is between 0 and 3"),
        ({"$interval": [None, 3]}, "is at most 3"),
        ({"$interval": [0.5, None]}, "is at least 0.5"),
        ({"$one_of": ["a", None, [1]]}, 'is one of "a", null, [1]'),
        ({"$tuple": [1, 2]}, 'is {"$tuple": [1, 2]}'),
        ({"$bytes": "AAE="}, 'is {"$bytes": "AAE="}'),
        (None, "is null"),
        ("a\nb", 'is "a\\nb"'),
    ],
)
def test_conditions_have_words(required: Any, words: str) -> None:
    assert condition(required) == words


def test_the_digest_is_of_the_bytes_and_changes_with_the_skill_but_not_with_its_use() -> None:
    file = file_of()
    assert file.digest == "sha256:" + hashlib.sha256(file.text.encode()).hexdigest()
    assert file.size == len(file.text.encode())
    assert file_of(times_used=9, success_count=4, times_learned=3) == file
    for other in (file_of("Acquire key"), file_of(actions=["right"]), file_of(preconditions={"a": 1})):
        assert other.digest != file.digest


@given(
    name=st.text(min_size=1, max_size=200).filter(lambda text: text.strip() != ""),
    action=st.text(max_size=200),
    fact=st.text(min_size=1, max_size=50).filter(lambda text: "." not in text),
    value=st.one_of(st.text(max_size=50), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.binary(max_size=5)),
    words=st.text(max_size=200),
)
def test_whatever_a_skill_says_the_file_is_whole_and_says_nothing_else(
    name: str, action: str, fact: str, value: Any, words: str
) -> None:
    file = file_of(name, [action, "end"], preconditions={fact: value}, metadata={"description": words})
    front, body = parts(file)
    assert front == file.frontmatter
    assert NAME.fullmatch(file.name)
    assert len(file.name) <= 64
    assert id_of(file.name) == 7
    assert 1 <= len(file.description) <= MAX_DESCRIPTION
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert headings[1:] == ["## When it applies", "## Steps", "## Metadata"]
    assert len(headings) == 4
    lines = body.split("\n")
    assert lines[lines.index("## Steps") + 3] == "2. `end`"


@pytest.mark.parametrize("text", ["a", "`", "``a", "a`", "```", "` ` `` ", "a``b`c"])
def test_a_code_span_ends_where_it_should(text: str) -> None:
    span = code(text)
    fence = re.match("`+", span)
    assert fence is not None
    ticks = fence[0]
    assert span.endswith(ticks)
    assert text in span
    inner = span[len(ticks) : -len(ticks)]
    assert all(len(run) != len(ticks) for run in re.findall("`+", inner))


def test_steps_of_several_lines_lose_nothing() -> None:
    _, body = parts(file_of(actions=["first\n---\n# not a heading"]))
    assert '1. `"first\\n---\\n# not a heading"`' in body


def test_names_of_any_letters_are_names_of_files() -> None:
    assert file_of("Öffne die Tür!").name == "offne-die-tur-7"
    assert file_of("扉を開ける").name == "skill-7"
    assert file_of("x" * 8000).name == "x" * 62 + "-7"


def test_what_is_too_long_is_left_out_and_said() -> None:
    file = file_of(actions=["x" * 1000] * 3000, metadata={"m": "y" * (MAX_BODY + 1)})
    assert file.size < 2 * MAX_BODY
    assert "more steps are left out here" in file.text
    assert "Left out here, as it is too long." in file.text


@pytest.mark.parametrize("name", ["", "7a", "a-", "a-07", "a-0", "A-7", "a-7\n", "-", "a_7", "a-" + "9" * 20])
def test_what_no_file_is_called_has_no_id(name: str) -> None:
    assert id_of(name) is None
