"""Evaluate and replay: what is printed is what was measured, kept and drawn."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.evaluation import pool
from agent.evaluation.finished import Finished
from agent.evaluation.results import versions
from agent.evaluation.seeds import runs
from agent.evaluation.table import Effort
from agent.evaluation.tables import TABLES
from cli import evaluate as module
from cli.main import skillstore
from tests.cli.conftest import Run, refused, started

SMALL = ("evaluate", "planning", "--seeds", "2", "--training", "3", "--hidden", "2", "--seed", "5")


def test_the_command_has_all_tables_and_says_what_each_is() -> None:
    assert tuple(TABLES) == module.TABLES
    words = skillstore.commands["evaluate"].help or ""
    assert [line.split()[0] for line in words.split("\b\n")[1].split("\n\n")[0].splitlines()] == list(TABLES)


def test_figures_rows_and_picture_are_of_the_same_runs(run: Run, here: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run(*SMALL, "--out", "kept", "--json")
    assert result.exit_code == 0, result.stderr
    (data,) = json.loads(result.stdout)
    rows, _ = pool.run("planning", TABLES["planning"].cases(runs(5, 2), Effort(training=3, hidden=2)))
    expected = TABLES["planning"].lines(rows)
    assert [(line["figure"], line["agent"], line["met"]) for line in data["lines"]] == [
        (line.figure, line.agent, line.met) for line in expected
    ]
    with Path("kept/planning.csv").open() as file:
        assert [int(row["steps"]) for row in csv.DictReader(file)] == [row["steps"] for row in rows]
    assert json.loads(Path("kept/planning.json").read_text()) == data
    assert Path("kept/planning.png").read_bytes().startswith(b"\x89PNG")
    assert "8 of 8" in result.stderr


def test_people_read_a_table_in_markdown_and_a_page_of_what_was_kept(run: Run, here: Path) -> None:
    printed = run(*SMALL, "--out", "kept").stdout
    assert printed.splitlines()[0] == "## What memory saves the planner, after 40 layouts"
    assert "`skillstore evaluate planning --seeds 2 --seed 5 --training 3 --hidden 2`" in printed
    again = run("evaluate", "--out", "kept", "--report", "page.md")
    assert (again.exit_code, again.stdout) == (0, ""), again.stderr
    page = Path("page.md").read_text()
    assert all(line in page for line in printed.splitlines())
    assert "different problem class" in page


def test_faults_are_named_before_anything_runs(run: Run, here: Path) -> None:
    refused(run("evaluate"), 2, "tutorial", "--report")
    refused(run("evaluate", "--report", "page.md"), 2, "--out")
    refused(run("evaluate", "--out", "kept", "--report", "none/page.md"), 2, "none")
    refused(run("evaluate", "--out", "kept", "--report", "page.md", "--seeds", "2"), 2, "--seeds", "TABLE")
    refused(run("evaluate", "tutorial", "--training", "4"), 2, "--training has no effect on tutorial", "--episodes")
    refused(run("evaluate", "transfer", "slips", "--frames", "4"), 2, "--frames", "--training, --hidden")
    refused(run("replay", "--minigrid", "MiniGrid-DoorKey-5x5-v0", "--size", "6"), 2, "--size has no effect")
    refused(run("replay", "--view", "partial"), 2, "--view", "--minigrid")
    refused(run("replay", "--gif", "none/film.gif"), 2, "none")
    refused(run("evaluate", "tutorial", "--world", "maze 8"), 2, "maze 8", "tutorial 5")
    refused(run("evaluate", "juggling"), 2, "juggling")
    refused(run("evaluate", "--out", "nothing", "--report", "page.md"), 1, "nothing")
    assert list(here.iterdir()) == []


def test_a_missing_extra_is_named(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minigrid", None)
    refused(run("evaluate", "partial", "--seeds", "1"), 1, "skillstore[gym]")


def test_without_matplotlib_the_figures_are_kept(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("evaluate", "planning", "--seeds", "1", "--training", "2", "--hidden", "1", "--out", "kept")
    assert "skillstore[plot]" in result.stderr
    assert sorted(path.name for path in Path("kept").iterdir()) == ["planning.csv", "planning.json"]


def test_a_replay_is_an_animation_of_both_episodes(run: Run, here: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    asked = ("replay", "--size", "6", "--training", "8", "--seed", "3", "--gif", "film.gif", "--json")
    before, after = json.loads(run(*asked).stdout)["episodes"]
    assert after["solved"]
    assert after["steps"] < before["steps"]
    with image.open("film.gif") as film:
        assert film.format == "GIF"
        assert film.n_frames >= min(before["steps"], 200) * 0.5  # equal frames in a row are one
    refused(run("replay", "--gif", "film.mp4"), 2, ".gif")


def test_a_replay_of_minigrid(run: Run, here: Path) -> None:
    pytest.importorskip("minigrid", reason="MiniGrid's worlds need pip install 'skillstore[gym]'")
    pytest.importorskip("PIL")
    world = ("--minigrid", "MiniGrid-DoorKey-5x5-v0", "--view", "partial")
    result = run("replay", *world, "--training", "6", "--gif", "film.gif")
    assert "after 6 other layouts: solved" in result.stdout
    refused(run("replay", "--minigrid", "MiniGrid-Nothing-v0"), 1, "MiniGrid-Nothing-v0")


def test_sigterm_ends_all_processes_at_once(here: Path) -> None:
    asked = ("evaluate", "planning", "--seeds", "200", "--training", "2", "--hidden", "1", "--jobs", "2")
    with started(*asked) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the first of many runs is done, and others are under way
        stopped = time.monotonic()
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 143
        assert time.monotonic() - stopped < 30


STOPPED = ("evaluate", "planning", "--seeds", "2", "--training", "2", "--hidden", "1", "--out", "kept")


@pytest.mark.parametrize("more", [(), ("--jobs", "2")])
def test_a_stopped_evaluation_keeps_what_is_finished_and_the_same_command_goes_on(
    more: tuple[str, ...], run: Run, here: Path
) -> None:
    with started(*STOPPED[:3], "200", *STOPPED[4:], *more, start_new_session=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in stderr) == (130, False), stderr
    assert stdout.startswith("## What memory saves the planner")
    kept = Path("kept/planning.unfinished.jsonl")
    assert f"of 800 runs of planning finished, kept in {kept}" in stderr
    assert kept.read_text().count("\n") >= 1


def test_kept_runs_are_not_run_again_and_the_rows_are_the_same(run: Run, here: Path) -> None:
    whole = json.loads(run(*STOPPED[:-1], "whole", "--json").stdout)[0]["lines"]
    cases = TABLES["planning"].cases(runs(0, 2), Effort(training=2, hidden=1))
    kept = Path("kept/planning.unfinished.jsonl")
    half = Finished(cases, kept, versions())
    for index in (0, 5):
        half.add(index, (TABLES["planning"].trial(cases[index]), ""))
    half.add(1, ([], "an error"))
    with kept.open("a") as file:
        file.write('[{"world": "cut o')
    result = run(*STOPPED, "--json")
    assert f"2 runs of 8 finished already, in {kept}" in result.stderr
    assert "3 of 8" in result.stderr
    assert json.loads(result.stdout)[0]["lines"] == whole
    assert Path("kept/planning.csv").read_text() == Path("whole/planning.csv").read_text()
    assert not kept.exists()


def test_runs_of_other_versions_or_other_effort_are_not_taken_for_these(here: Path) -> None:
    cases = TABLES["planning"].cases(runs(0, 1), Effort(training=2, hidden=1))
    Finished(cases, here / "kept", {"numpy": "1"}).add(0, ([{"world": "a"}], ""))
    assert Finished(cases, here / "kept", {"numpy": "1"}).outcomes == {0: ([{"world": "a"}], "")}
    assert Finished(cases, here / "kept", {"numpy": "2"}).outcomes == {}
    others = TABLES["planning"].cases(runs(0, 1), Effort(training=3, hidden=1))
    assert Finished(others, here / "kept", {"numpy": "1"}).outcomes == {}


def test_a_picture_that_fails_loses_no_row(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no fonts")

    monkeypatch.setattr("agent.evaluation.curves.draw", fails)
    result = run("evaluate", "planning", "--seeds", "1", "--training", "2", "--hidden", "1", "--out", "kept")
    assert (result.exit_code, result.stdout[:3]) == (0, "## ")
    assert "no picture: no fonts" in result.stderr


def test_every_table_says_what_of_an_effort_it_goes_by() -> None:
    assert {name for table in TABLES.values() for name in table.effort} == set(module.EFFORT)
    assert set(module.EFFORT) == {field.name for field in dataclasses.fields(Effort)}


def test_ctrl_c_is_for_the_process_that_was_started_and_not_for_its_children() -> None:
    code = "import signal; from agent.evaluation import pool; pool._alone(); signal.raise_signal(signal.SIGINT)"
    subprocess.run([sys.executable, "-c", code], check=True)
