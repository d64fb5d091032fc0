"""Train: the figures it prints are the agent's, and a second training begins where the first ended."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from agent import (
    ENCODER_DIM,
    ENCODER_NAME,
    CuriousExplorer,
    Episode,
    GridWorld,
    History,
    ProceduralMemoryAgent,
    train,
)
from cli import lesson
from skillstore import Skill, SkillLibrary
from tests.cli.conftest import Run, refused
from tests.remote.served import served

SHORT = ("train", "--episodes", "12", "--seed", "4")
COLUMNS = ("index", "reward", "steps", "success", "skills", "uses")


def lived(library: SkillLibrary, name: str, episodes: int) -> list[Episode]:
    """The episodes of an agent that was never near the command line."""
    agent = ProceduralMemoryAgent(
        library, np.random.default_rng(4), explorer=CuriousExplorer(), name=name, use_skills=name == "agent"
    )
    return list(train(GridWorld(), agent, episodes, seed=4))


def test_what_is_printed_and_drawn_is_what_the_agent_and_its_control_lived(run: Run, here: Path) -> None:
    printed = json.loads(run(*SHORT, "--json").stdout)
    library = SkillLibrary(embedding_dim=ENCODER_DIM, encoder=ENCODER_NAME)
    for key, name, file in (("episodes", "agent", ""), ("control", "control", "-control")):
        expected = lived(library, name, 12)
        rows = [tuple(row[column] for column in COLUMNS) for row in printed[key]]
        assert rows == [tuple(getattr(episode, column) for column in COLUMNS) for episode in expected]
        assert History.load(f"skills-curves{file}.csv").episodes == expected
    with SkillLibrary.open("skills", mode="r") as kept:
        assert list(kept) == list(library)
    assert {row["uses"] for row in printed["control"]} == {0}
    assert Path(printed["plot"]).read_bytes().startswith(b"\x89PNG")


def test_a_second_training_is_good_from_its_first_episode(run: Run, here: Path) -> None:
    first = json.loads(run(*SHORT, "--json").stdout)
    second = json.loads(run("train", "--episodes", "3", "--seed", "9", "--json").stdout)
    assert first["episodes"][0]["steps"] > 11
    assert [row["index"] for row in second["episodes"]] == [12, 13, 14]
    assert all(row["steps"] <= 11 and row["success"] for row in second["episodes"])
    assert [row["index"] for row in second["control"]] == [12, 13, 14]
    assert [episode.index for episode in History.load("skills-curves.csv")] == list(range(15))


def test_two_short_trainings_are_one_long_one(run: Run, here: Path) -> None:
    whole = json.loads(run(*SHORT, "--json").stdout)
    parts = [json.loads(run("train", "--episodes", n, "--seed", "4", "--json", library="parts").stdout) for n in "57"]
    assert [*parts[0]["episodes"], *parts[1]["episodes"]] == whole["episodes"]
    assert [*parts[0]["control"], *parts[1]["control"]] == whole["control"]


def test_people_read_what_was_learned(run: Run, here: Path) -> None:
    result = run(*SHORT)
    assert result.stderr == "curves: skills-curves.png, skills-curves.csv\n"
    lines = result.stdout.splitlines()
    history, control = History.load("skills-curves.csv").episodes, History.load("skills-curves-control.csv").episodes
    assert lines[0] == "Episodes 1 to 12, means:"
    means = [
        f"{np.mean([episode.steps for episode in group]):.1f}" for group in (history[:1], history[2:], control[2:])
    ]
    assert lines[2].split() == ["steps", *means]
    reached = [sum(episode.success for episode in group) for group in (history[2:], control[2:])]
    assert f"{reached[0]} of 10" in lines[4]
    assert lines[4].endswith(f"{reached[1]} of 10")
    kinds = {line[:30].strip() for line in lines[8:]}
    assert kinds == {"go", "acquire key", "turn closed door into open door"[:30].strip(), "finish at goal"}
    with SkillLibrary.open("skills", mode="r") as library:
        assert f"It knows {len(library)} skills" in result.stdout
        assert f"used skills {library.get_stats()['total_uses']} times" in result.stdout


def test_words_for_an_agent_that_learned_nothing() -> None:
    episode = Episode(index=0, reward=-25.0, steps=250, success=False, skills=0, uses=0)
    assert lesson.words([episode], [], []).splitlines()[-1] == "It knows 0 skills, and has used skills 0 times:"


def test_words_count_each_kind_of_skill() -> None:
    skills = [
        Skill("a", {}, ["x"], [1.0], times_used=1, success_count=1),
        Skill("b", {}, ["y"], [1.0], times_used=4, success_count=1),
        Skill("b", {}, ["z"], [1.0], times_used=4, success_count=3),
        Skill("c", {}, ["w"], [1.0]),
    ]
    episode = Episode(index=0, reward=1.0, steps=3, success=True, skills=4, uses=9)
    rows = [line.split() for line in lesson.words([episode], [], skills).splitlines()[-3:]]
    assert rows == [["b", "2", "8", "50", "%", "z"], ["a", "1", "1", "100", "%", "x"], ["c", "1", "0", "-", "w"]]


def test_without_control_nothing_is_compared(run: Run, here: Path) -> None:
    printed = json.loads(run("train", "--episodes", "2", "--no-control", "--json").stdout)
    assert (len(printed["episodes"]), printed["control"]) == (2, [])
    assert not (here / "skills-curves-control.csv").exists()
    assert "skills off" not in run("train", "--episodes", "1", "--no-control").stdout


def test_the_world_and_the_explorer_are_as_asked(run: Run, here: Path) -> None:
    world = ("--size", "7", "--layout", "locked", "--explorer", "random", "--no-control")
    printed = json.loads(run("train", "--episodes", "2", *world, "--json").stdout)
    assert (printed["size"], printed["layout"]) == (7, "locked")
    library = SkillLibrary(embedding_dim=ENCODER_DIM)
    agent = ProceduralMemoryAgent(library, np.random.default_rng(0))
    expected = list(train(GridWorld(7, layout="locked"), agent, 2, seed=0))
    assert [row["steps"] for row in printed["episodes"]] == [episode.steps for episode in expected]


def test_without_matplotlib_the_figures_are_kept(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("train", "--episodes", "1", "--csv", "figures.csv", "--json")
    assert json.loads(result.stdout)["plot"] is None
    assert "skillstore[plot]" in result.stderr
    assert sorted(path.name for path in here.iterdir()) == ["figures-control.csv", "figures.csv", "skills"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--episodes", "0"], "--episodes"),
        (["--seed", "-1"], "--seed"),
        (["--size", "4"], "--size"),
        (["--size", "1000000"], "--size"),
        (["--layout", "spiral"], "tutorial"),
        (["--plot", "curves.jpg"], ".png"),
        (["--csv", "figures"], ".csv"),
        (["--plot", "/dev/null/curves.png"], "/dev/null"),
        (["--plot", "none/curves.png"], "none"),
        (["--plot", "skills/curves.png"], "inside the library"),
        (["--csv", "skills/deep/figures.csv"], "inside the library"),
    ],
)
def test_a_fault_in_the_arguments_is_named_before_anything_is_made(
    arguments: list[str], word: str, run: Run, here: Path
) -> None:
    refused(run("train", *arguments), 2, word)
    assert list(here.iterdir()) == []


def test_a_library_of_other_embeddings_is_not_trained(run: Run, skills: Path) -> None:
    refused(run("train"), 2, "embedding_dim = 2", "train into another library")
    SkillLibrary.open("other", embedding_dim=ENCODER_DIM, encoder="words-1").close()
    result = run("train", library="other")
    refused(result, 2, "words-1", "train into another library")
    assert "leave" not in result.stderr, "nobody gave anything that could be left out"


def _fails(*_: object) -> None:
    raise RuntimeError("no LaTeX\nhere")


def test_a_drawing_that_fails_loses_nothing_of_the_training(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.plots.draw", _fails)
    result = run("train", "--episodes", "1", "--no-control", "--json")
    assert result.exit_code == 0
    assert (json.loads(result.stdout)["plot"], json.loads(result.stdout)["csv"]) == (None, "skills-curves.csv")
    assert result.stderr == "no skills-curves.png: no LaTeX here\nfigures: skills-curves.csv\n"
    asked = run("train", "--episodes", "1", "--no-control", "--plot", "a.png")
    assert asked.exit_code == 1, "it was asked for"
    assert asked.stdout.startswith("Episode 2:")


def test_figures_that_cannot_be_written_lose_nothing_of_the_training(run: Run, here: Path) -> None:
    (here / "skills-curves.csv").mkdir()
    (here / "skills-curves.png").mkdir()
    result = run("train", "--episodes", "1", "--no-control", "--json")
    assert (result.exit_code, json.loads(result.stdout)["csv"]) == (0, None)
    assert "Is a directory" in result.stderr
    refused(run("train", "--episodes", "1", "--csv", "skills-curves.csv"), 2, "is a directory")


def test_the_curves_of_a_servers_library_stand_in_the_working_directory(run: Run, here: Path) -> None:
    with served(here / "memories") as (address, _):
        result = run("train", "--episodes", "2", library=f"{address}/home")
        again = json.loads(run("train", "--episodes", "1", "--json", library=f"{address}/home").stdout)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "curves: home-curves.png, home-curves.csv\n"
    assert [episode["index"] for episode in again["episodes"]] == [2]
    files = {"home-curves.png", "home-curves.csv", "home-curves-control.csv"}
    assert {path.name for path in here.iterdir()} == {"memories", *files}


def test_one_of_a_thing_is_one(run: Run, here: Path) -> None:
    words = run("train", "--episodes", "1", "--no-control").stdout
    assert words.splitlines()[0] == "Episode 1:"
    episode = Episode(index=0, reward=1.0, steps=1, success=True, skills=1, uses=1)
    skill = Skill("a", {}, ["x"], [1.0], times_used=1, success_count=1)
    assert "It knows 1 skill, and has used skills 1 time:" in lesson.words([episode], [], [skill])
