"""Changing: adding, merging, removing, and what stays as it was when it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skillstore import Interval, OneOf, Skill, SkillLibrary
from tests.cli.conftest import Run, data, refused

LINE = '{"name": "a", "preconditions": {}, "action_sequence": ["x"], "embedding": [1, 2]}'


def kept(library: str = "skills") -> list[Skill]:
    with SkillLibrary.open(library, mode="r") as opened:
        return list(opened)


def test_the_first_skill_makes_the_library(run: Run, here: Path) -> None:
    added = data(
        run(
            "add", "press",
            "--actions", '["aim", {"tool": "hand", "at": {"$tuple": [1, 2]}}]',
            "--preconditions", '{"a": {"$one_of": [1, null]}, "b": {"c": false, "d": {"$interval": [1, null]}}}',
            "--embedding", "[3, 0, 4]",
            "--metadata", '{"raw": {"$bytes": "AA=="}}',
            "--json",
        )
    )  # fmt: skip
    (skill,) = kept()
    assert skill == Skill(
        "press",
        {"a": OneOf(1, None), "b": {"c": False, "d": Interval(1, None)}},
        ["aim", {"tool": "hand", "at": (1, 2)}],
        [3.0, 0.0, 4.0],
        {"raw": b"\x00"},
        id=1,
    )
    assert (added["id"], added["created"], added["similarity"]) == (1, True, None)
    assert added["skill"]["name"] == "press"


def test_actions_may_be_given_one_by_one_and_embeddings_from_a_file_or_stdin(run: Run, here: Path) -> None:
    (here / "vector.json").write_text("[1, 0]")
    assert run("add", "a", "--action", "x", "--action", "[1]", "--embedding", "@vector.json").exit_code == 0
    assert run("add", "b", "--action", "y", "--embedding", "-", given="[0, 1]").exit_code == 0
    first, second = kept()
    assert first.action_sequence == ["x", "[1]"]
    assert first.embedding.tolist() == [1.0, 0.0]
    assert second.embedding.tolist() == [0.0, 1.0]


def test_a_merge_is_said_and_into_what(run: Run, skills: Path) -> None:
    again = ["add", "salute", "--action", "lift", "--preconditions", '{"mood": {"$one_of": [null, "good"]}}']
    merged = data(run(*again, "--embedding", "[1, 0.9]", "--json"))
    assert (merged["id"], merged["created"], merged["skill"]["name"]) == (3, False, "wave")
    assert 0.99 < merged["similarity"] < 1.0
    words = run(*again, "--embedding", "[1, 0.9]").stdout
    assert words == "merged into skill 3 (wave): similarity 0.999; it was learned 3 times\n"
    words = run(*again, "--embedding", "[1, -1]").stdout
    assert words == "created skill 4 (salute)\n"
    assert [skill.times_learned for skill in kept()] == [1, 1, 3, 1]


@pytest.mark.parametrize(
    "text",
    [
        LINE + "\n\n" + LINE.replace("2]", "-2]"),
        "\n\n" + LINE + "\n" + LINE.replace("2]", "-2]") + "\n",
        json.dumps([json.loads(LINE), json.loads(LINE.replace("2]", "-2]"))]),
        json.dumps([json.loads(LINE), json.loads(LINE.replace("2]", "-2]"))], indent=2),
    ],
)
def test_skills_come_from_a_file_in_lines_or_as_one_json(text: str, run: Run, here: Path) -> None:
    (here / "new.json").write_text(text)
    assert data(run("add", "--from", "new.json", "--json")) == [
        {"id": 1, "created": True, "similarity": None},
        {"id": 2, "created": True, "similarity": None},
    ]
    words = run("add", "--from", "-", given=text).stdout
    assert words == "0 skills created, 2 merged into skills much like them; the library has 2 skills\n"


def test_one_skill_over_many_lines_is_one_skill(run: Run, here: Path) -> None:
    assert run("add", "--from", "-", given=json.dumps(json.loads(LINE), indent=2)).exit_code == 0
    assert [skill.name for skill in kept()] == ["a"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LINE + "\n" + LINE[:40], ["stdin, line 2", "not JSON"]),
        (LINE + "\n" + LINE.replace("[1, 2]", "[1, 2, 3]"), ["3 dimensions", "keeps 2"]),
        (LINE + "\n\n" + LINE.replace("[1, 2]", "[1, NaN]"), ["line 3", "NaN"]),
        (LINE + "\n" + LINE.replace("[1, 2]", "[1, 1" + "0" * 400 + "]"), ["line 2", "too large"]),
        (LINE + "\n[1]", ["line 2", "JSON object"]),
        (LINE[:40] + "\n" + LINE, ["not JSON"]),
        (f"[{LINE}, {LINE.replace('name', 'title')}]", ["skill 2", "'name'"]),
        ("", ["no skill"]),
        (b"\xff\xfe\x00", ["UTF-8"]),
    ],
)
def test_a_file_with_a_fault_adds_nothing_and_the_fault_is_named(
    text: str | bytes, words: list[str], run: Run, skills: Path
) -> None:
    refused(run("add", "--from", "-", given=text), 2, *words)
    assert len(kept()) == 3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["add"], "NAME"),
        (["add", "x", "--action", "y"], "--embedding"),
        (["add", "x", "--embedding", "[1, 2]"], "--action"),
        (["add", "x", "--embedding", "[1, 2]", "--action", "y", "--actions", "[1]"], "either"),
        (["add", "x", "--from", "file"], "--from"),
        (["add", "--from", "file", "--metadata", "{}"], "--from"),
        (["add", " ", "--embedding", "[1, 2]", "--action", "y"], "name"),
        (["add", "x", "--embedding", "[1, 2", "--action", "y"], "not JSON"),
        (["add", "x", "--embedding", "[NaN, 1]", "--action", "y"], "NaN"),
        (["add", "x", "--embedding", "[1e999, 1]", "--action", "y"], "infinite"),
        (["add", "x", "--embedding", "[0, 0]", "--action", "y"], "zero"),
        (["add", "x", "--embedding", "[]", "--action", "y"], "non-empty"),
        (["add", "x", "--embedding", '"text"', "--action", "y"], "vector"),
        (["add", "x", "--embedding", "[[1, 2]]", "--action", "y"], "vector"),
        (["add", "x", "--embedding", "[true, 2]", "--actions", "7"], "list"),
        (["add", "x", "--embedding", "[1, 2]", "--actions", "[]"], "empty"),
        (["add", "x", "--embedding", "[1, 2]", "--actions", '[{"$odd": 1}]'], "$odd"),
        (["add", "x", "--embedding", "[1, 2]", "--action", "y", "--preconditions", "[1]"], "preconditions"),
        (["add", "x", "--embedding", "[1, 2]", "--action", "y", "--preconditions", '{"a": 1, "a": 2}'], "twice"),
        (["add", "x", "--embedding", "[1, 2]", "--action", "y", "--preconditions", "[" * 100_000], "nested"),
        (["add", "x", "--embedding", "[1, 2]", "--action", "y", "--metadata", "7"], "metadata"),
        (["add", "x", "--embedding", "[1, 2]", "--action", "y", "--metadata", "1" * 5000], "digits"),
        (["remove"], "ID"),
    ],
)
def test_a_fault_in_the_arguments_changes_nothing_and_is_named(
    arguments: list[str], word: str, run: Run, skills: Path
) -> None:
    before = kept()
    refused(run(*arguments), 2, word)
    assert kept() == before
    refused(run(*arguments, library="none"), 2, word)
    assert not Path("none").exists()


def test_another_number_of_dimensions_is_refused(run: Run, skills: Path) -> None:
    refused(run("add", "x", "--embedding", "[1, 2, 3]", "--action", "y"), 2, "3 dimensions", "keeps 2")
    refused(run("search", "--embedding", "[1, 2, 3]"), 2, "3 dimensions", "keeps 2")
    assert len(kept()) == 3


@pytest.mark.parametrize("command", [["add", "--from"], ["import"]])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(command: list[str], run: Run, skills: Path) -> None:
    refused(run(*command, "/dev/zero"), 2, "characters of JSON")


def test_remove_says_what_it_removed(run: Run, skills: Path) -> None:
    assert run("remove", "2", "1", "2").stdout == "removed skill 2 (open_door)\nremoved skill 1 (get_key)\n"
    assert [skill.id for skill in kept()] == [3]
    assert data(run("remove", "3", "--json")) == [{"id": 3, "name": "wave"}]


@pytest.mark.parametrize("missing", ["9", str(10**30), "0"])
def test_remove_removes_all_or_none(missing: str, run: Run, skills: Path) -> None:
    refused(run("remove", "1", missing), 3, missing)
    assert len(kept()) == 3


def test_snapshot_and_compact_start_generations(run: Run, skills: Path) -> None:
    assert data(run("snapshot", "--json")) == {"generation": 2}
    assert run("snapshot").stdout == "generation 3\n"
    before = data(run("stats", "--json"))["disk_bytes"]
    run("remove", "2", "3")
    after = data(run("compact", "--json"))
    assert after["generation"] == 5
    assert after["disk_bytes"] < before
    assert run("compact").stdout.startswith("generation 7, ")
    assert [(skill.id, skill.times_used) for skill in kept()] == [(1, 4)]


@pytest.mark.parametrize("command", [["remove", "1"], ["snapshot"], ["compact"], ["list"], ["export", "new.jsonl"]])
def test_only_adding_makes_a_library(command: list[str], run: Run, here: Path) -> None:
    refused(run(*command), 3, "there is no library at skills")
    assert list(here.iterdir()) == []


def test_skills_are_removed_by_id_or_by_a_name_that_only_they_have(run: Run, skills: Path) -> None:
    assert data(run("remove", "wave", "1", "3", "--json")) == [{"id": 3, "name": "wave"}, {"id": 1, "name": "get_key"}]
    refused(run("remove", "open_door", "nobody"), 3, "'nobody'")
    assert [skill.name for skill in kept()] == ["open_door"]
    with SkillLibrary.open(skills) as library:
        library.add_skill(Skill("open_door", {"other": 1}, ["pull"], [1.0, 0.0]))
    refused(run("remove", "open_door"), 2, "2 skills", "2, 4")
    assert len(kept()) == 2
