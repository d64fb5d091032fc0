"""Asking: what the reading commands print is what the library answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skillstore import SkillLibrary
from skillstore.forms import skill_of
from tests.cli.conftest import Run, data, refused

STATE = {"has_key": True, "power": 3, "mood": "good"}


@pytest.mark.parametrize(
    ("sort", "ids"), [("id", [1, 2, 3]), ("name", [1, 2, 3]), ("uses", [1, 3, 2]), ("success", [3, 1, 2])]
)
def test_list_sorts(sort: str, ids: list[int], run: Run, skills: Path) -> None:
    with SkillLibrary.open(skills) as library:
        library.record_outcome(3, True)
    listed = data(run("list", "--sort", sort, "--json"))
    assert [skill["id"] for skill in listed] == ids
    assert [skill["id"] for skill in data(run("list", "--sort", sort, "--limit", "2", "--json"))] == ids[:2]
    assert "embedding" not in listed[0]


def test_list_for_people_is_a_table(run: Run, skills: Path) -> None:
    tool = 'push, {"tool": {"$bytes": "AA=="}}'
    assert run("list").stdout.splitlines() == [
        f"id  name       {'actions':{len(tool)}}  uses  success",
        f" 1  get_key    {'right, pickup':{len(tool)}}     4  75 %",
        f" 2  open_door  {tool}     0  -",
        f" 3  wave       {'wave':{len(tool)}}     0  -",
    ]


def test_an_empty_library_lists_nothing_and_says_so_on_stderr(run: Run, here: Path) -> None:
    SkillLibrary.open("skills", embedding_dim=2).close()
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no skills yet" in result.stderr


def test_a_shown_skill_is_the_skill(run: Run, skills: Path) -> None:
    with SkillLibrary.open(skills, mode="r") as library:
        for skill in library:
            form = data(run("show", str(skill.id), "--json"))
            assert form.pop("success_rate") == skill.success_rate
            assert skill_of(form) == skill


def test_show_for_people_has_all_there_is(run: Run, skills: Path) -> None:
    assert run("show", "1").stdout.splitlines() == [
        "1  get_key",
        "  applies when",
        "    has_key is false",
        '    at is {"$tuple": [2, 2]}',
        "  actions",
        '    1. "right"',
        '    2. "pickup"',
        '  metadata {"level": 1}',
        "  embedding of 2 dimensions",
        "  learned 1 time, used 4 times, succeeded 3 (75 %)",
    ]
    assert "power is from 1 to 5" in run("show", "2").stdout
    assert 'mood is "good" or null' in run("show", "3").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--state", json.dumps(STATE)],
        ["has_key=true", "power=3", "mood=good"],
        ["--state", '{"has_key": true, "power": 3}', 'mood="good"'],
        ["--state", "@state.json"],
        ["--state", "@marked.json"],
    ],
)
def test_search_takes_a_state_in_any_of_its_forms(arguments: list[str], run: Run, skills: Path, here: Path) -> None:
    (here / "state.json").write_text(json.dumps(STATE))
    (here / "marked.json").write_text(json.dumps(STATE), encoding="utf-8-sig")
    with SkillLibrary.open(skills, mode="r") as library:
        expected = library.retrieve_skills(STATE, [0.1, 1.0], 2)
    found = data(run("search", *arguments, "--embedding", "[0.1, 1]", "--top-k", "2", "--json"))
    assert found["exact"] is expected.exact
    assert [(match["skill"]["id"], match["similarity"]) for match in found["matches"]] == [
        (match.skill.id, match.similarity) for match in expected
    ]
    assert [match["skill"]["id"] for match in found["matches"]] == [2, 3]


@pytest.mark.parametrize("command", ["search", "why-not"])
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["has_key"], "KEY=VALUE"),
        (["=1"], "KEY=VALUE"),
        (["a=1", "a=2"], "'a' is given twice"),
        (["--state", '{"a": 1}', "a=1"], "'a' is given twice"),
        (["--state", '{"a": {"b": 1}}', "a.b=1"], "a.b"),
        (["--state", "[1]"], "JSON object"),
        (["--state", '{"a": {"$set": [1]}}'], "$set"),
        (["--state", '{"a": 1e999}'], "finite"),
        (["--state", '{"a": NaN}'], "NaN"),
        (["--state", "@/dev/zero"], "characters of JSON"),
        (["--embedding", "[1, 2, 3]"], "3 dimensions"),
        (["--embedding", "[NaN, 1]"], "NaN"),
        (["--top-k", "0"], "--top-k"),
        (["--top-k", "few"], "--top-k"),
    ],
)
def test_a_fault_in_the_question_is_named(
    command: str, arguments: list[str], word: str, run: Run, skills: Path
) -> None:
    refused(run(command, *arguments), 2, word)


def test_a_least_similarity_needs_something_to_be_similar_to(run: Run, skills: Path) -> None:
    refused(run("search", "--min-similarity", "0.5"), 2, "query_embedding")
    refused(run("search", "--min-similarity", "nan", "--embedding", "[1, 0]"), 2, "min_similarity")


def test_search_without_an_embedding_ranks_by_outcomes(run: Run, skills: Path) -> None:
    found = data(run("search", "has_key=false", 'at={"$tuple": [2, 2]}', "--json"))
    assert [(match["skill"]["id"], match["similarity"]) for match in found["matches"]] == [(1, None), (3, None)]


def test_search_leaves_out_the_less_similar(run: Run, skills: Path) -> None:
    query = ["search", "has_key=true", "power=1", "--embedding", "[0, 1]", "--exact"]
    assert len(data(run(*query, "--min-similarity", "0.5", "--json"))["matches"]) == 2
    assert len(data(run(*query, "--min-similarity", "0.9", "--json"))["matches"]) == 1
    assert run(*query, "--min-similarity", "0.9").stdout.splitlines()[1].split()[:3] == ["1.000", "2", "open_door"]


def test_search_that_finds_nothing_points_to_why_not(run: Run, skills: Path) -> None:
    result = run("search", "mood=bad")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "why-not" in result.stderr


def test_why_not_says_what_is_required_and_what_the_state_has(run: Run, skills: Path) -> None:
    arguments = ["why-not", "has_key=false", "power=9", "--embedding", "[0, 1]"]
    nearest, next_one = data(run(*arguments, "--json"))
    assert (nearest["skill"]["id"], nearest["similarity"]) == (2, 1.0)
    assert nearest["unmet"] == {
        "has_key": {"required": True, "state": False},
        "power": {"required": {"$interval": [1, 5]}, "state": 9},
    }
    assert next_one["unmet"] == {"at": {"required": {"$tuple": [2, 2]}, "state": None}}
    assert run(*arguments).stdout.splitlines() == [
        "2  open_door  (similarity 1.000)",
        "    has_key: needs true, the state has false",
        "    power: needs from 1 to 5, the state has 9",
        "1  get_key  (similarity 0.000)",
        '    at: needs {"$tuple": [2, 2]}, the state has nothing',
    ]


def test_stats_are_those_of_the_library(run: Run, skills: Path) -> None:
    with SkillLibrary.open("skills", mode="r") as library:
        expected = library.get_stats()
    assert data(run("stats", "--json")) == expected
    words = dict(line.split(maxsplit=1) for line in run("stats").stdout.splitlines())
    assert words["total_skills"] == "3"
    assert words["avg_success_rate"] == "0.750"


def test_verify_reads_everything(run: Run, skills: Path) -> None:
    with SkillLibrary.open("skills", mode="r") as library:
        assert data(run("verify", "--json")) == library.verify()
    assert run("verify").stdout.startswith("ok: 3 skills, generation 1, ")


def test_what_only_reads_works_while_another_writes(run: Run, skills: Path) -> None:
    with SkillLibrary.open(skills) as writer:
        writer.record_outcome(2, True)
        assert data(run("show", "2", "--json"))["times_used"] == 1
        for command in (["list"], ["search"], ["why-not"], ["stats"], ["verify"], ["export"]):
            assert run(*command).exit_code == 0
        for command in (
            ["remove", "1"],
            ["snapshot"],
            ["compact"],
            ["add", "x", "--action", "y", "--embedding", "[1,2]"],
        ):
            refused(run(*command), 4, "process")


def test_a_name_cannot_command_the_terminal(run: Run, skills: Path) -> None:
    with SkillLibrary.open(skills) as library:
        library.replace_skill(3, skill_of(
            {"name": "a\x1b[2J\nb", "preconditions": {"c\n": 1}, "action_sequence": ["\r"], "embedding": [1, 1]}
        ))  # fmt: skip
    for command in (["list"], ["show", "3"], ["search", "--state", '{"c\\n": 1}'], ["why-not", "--top-k", "9"]):
        output = run(*command).stdout
        assert "a\\x1b[2J\\nb" in output
        assert all(character.isprintable() or character == "\n" for character in output)
    refused(run("import", "\x1b[2J\udc80"), 1, "\\x1b[2J\\udc80: No such file")


def test_a_skill_is_shown_by_a_name_that_only_it_has(run: Run, skills: Path) -> None:
    assert run("show", "wave").stdout == run("show", "3").stdout
    with SkillLibrary.open(skills) as library:
        twin = {"preconditions": {"x": 1}, "action_sequence": ["wave"], "embedding": [1, 1]}
        library.add_skill(skill_of({"name": "wave", **twin}))
        library.add_skill(skill_of({"name": "2", **twin, "preconditions": {}}))
        library.add_skill(skill_of({"name": "77", **twin, "preconditions": {"y": 1}}))
    refused(run("show", "wave"), 2, "2 skills are called 'wave'", "3, 4")
    assert run("show", "2").stdout.startswith("2  open_door"), "an id comes first"
    assert run("show", "77").stdout.startswith("6  77")
    refused(run("show", "78"), 3, "78")
    refused(run("show", "nobody"), 3, "'nobody'", "'list'")


def test_words_that_may_be_meant_as_truth_are_mentioned_where_nothing_is_found(run: Run, skills: Path) -> None:
    assert "mood=no is text: a truth value is true or false" in run("search", "mood=no").stderr
    assert "truth" not in run("search", "mood=bad").stderr


@pytest.mark.parametrize("word", ["true", "True", "TRUE"])
def test_truth_is_read_as_it_is_meant(word: str, run: Run, skills: Path) -> None:
    found = data(run("search", f"has_key={word}", "power=3", "mood=bad", "--json"))
    assert [match["skill"]["id"] for match in found["matches"]] == [2]
