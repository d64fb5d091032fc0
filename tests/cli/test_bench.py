"""Bench: what the command prints is what it measured, row by row."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from click.testing import Result

from skillstore import Skill
from skillstore.bench import measure, tables
from skillstore.bench.exam import Exam, saved
from skillstore.bench.flat import Resolver
from skillstore.bench.pairs import paired
from skillstore.bench.peers.client import Client
from skillstore.bench.peers.known import KNOWN
from skillstore.bench.threads import Running, environment, limited
from skillstore.bench.trial import TrialError, tried
from skillstore.bench.workload import Workload
from skillstore.preconditions import is_applicable
from tests.cli.conftest import Run, refused

SMALL = ("--skills", "600", "--dim", "8", "--queries", "3")
KINDS = ("standard", "banded", "tied", "broad", "distinct", "four")


def measured(result: Result) -> Any:
    """The figures; what goes on is told on stderr meanwhile."""
    assert result.exit_code == 0, result.stderr
    assert "queries" in result.stderr
    return json.loads(result.stdout)


def test_bench_measures_every_row_against_the_flat_index(run: Run, here: Path) -> None:
    found = measured(run("bench", *SMALL, "--json", "--plot", "curves.png"))
    assert [row["row"] for row in found["rows"]] == ["0.1 %", "1 %", "10 %", "29 %", "50 %", "tied", "distinct", "four"]
    for row in found["rows"]:
        assert row["recall"] == 1.0, "a library this small answers exactly"
        assert row["exact"] == 1.0
        assert (row["short"], row["inapplicable"], row["queries"], row["peers"]) == (0, 0, 3, {})
        assert 0 < row["again ms"] <= row["again p99 ms"]
        assert set(row["flat parts ms"]) == {"resolve", "pack", "search", "whole"}
        assert row["times faster"]["new"] > row["times faster than its search"]["new"] > 0
    shares = [row["applicable"] for row in found["rows"]]
    assert shares[:5] == sorted(shares[:5])
    assert (here / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [(line["contender"], line["kind"]) for line in found["contenders"]] == [
        ("skillstore", kind) for kind in ("banded", "standard", "broad", "tied", "distinct", "four")
    ]
    for row in found["rows"]:
        assert all(0 < ran <= 1 for ran in (row["ran"], row["alone"]["ran"]))
        assert all(0 < row["alone"][name]["ms"] <= row["alone"][name]["p99 ms"] for name in ("new", "again"))
    assert all(line["disk MB"] > 600 * 8 * 4e-6 and line["open s"] > 0 for line in found["contenders"])


def test_bench_adds_in_batches_and_finds_what_was_planted(run: Run) -> None:
    found = measured(run("bench", "--skills", "600", "--dim", "64", "--queries", "1", "--row", "29 %", "--json"))
    (adding,) = found["adding"]
    for batches in (adding["drawn"], adding["empty set"]):
        assert batches["found"] == batches["planted"] > 1000
        assert batches["per second"] > 0


def test_bench_keeps_its_libraries_and_uses_them_again(run: Run, here: Path) -> None:
    asked = ("bench", *SMALL, "--row", "four", "--keep", "kept", "--peers", "faiss-ivf", "--json")
    first, again = measured(run(*asked)), measured(run(*asked))
    assert all("added per second" in line for line in first["contenders"])
    assert not any("added per second" in line for line in again["contenders"])
    assert [line["contender"] for line in again["contenders"]] == ["skillstore", "faiss-ivf"]
    assert again["rows"][0]["applicable"] == first["rows"][0]["applicable"]
    assert (here / "kept" / "four-600x8-0" / "MANIFEST").exists()
    assert (here / "kept" / "peers" / "faiss-ivf-four-600x8-0" / "index.faiss").exists()


def test_bench_goes_through_all_sizes_and_leaves_nothing_behind(run: Run, here: Path) -> None:
    sizes = ("--skills", "200", "--skills", "300", "--dim", "8", "--dim", "4")
    found = measured(run("bench", *sizes, "--queries", "2", "--row", "tied", "--json", "--plot", "curves.png"))
    assert [(row["skills"], row["dim"]) for row in found["rows"]] == [(200, 8), (200, 4), (300, 8), (300, 4)]
    assert [path.name for path in here.iterdir()] == ["curves.png"]


def test_what_is_not_kept_is_removed_as_soon_as_it_is_measured(tmp_path: Path) -> None:
    told: list[int] = []

    def tell(_: str) -> None:
        told.append(len([path for path in tmp_path.iterdir() if path.name.startswith(("four", "tied"))]))
        assert len(list((tmp_path / "peers").glob("*"))) <= 1

    rows = tuple(row for row in measure.ROWS if row.name in ("four", "tied"))
    measurement = measure.Measurement(tmp_path, 0, 1, rows, ("faiss-flat", "faiss-ivf"), 60, 1, tell)
    measurement.run([(300, 4)])
    assert [row["row"] for row in measurement.rows] == ["tied", "four"]
    assert max(told) == 1
    assert list((tmp_path / "peers").iterdir()) == []


@pytest.mark.parametrize("name", KNOWN)
def test_every_peer_answers_with_what_applies_or_is_said_to_be_missing(run: Run, name: str) -> None:
    peer = KNOWN[name]
    rows = ("--row", "1 %", "--row", "10 %")
    found = measured(run("bench", "--skills", "1000", "--dim", "8", "--queries", "5", *rows, "--peers", name, "--json"))
    if not peer.installed():
        assert found["left_out"] == {name: f"not installed; pip install {peer.install}"}
        return
    assert found["left_out"] == {}
    for row in found["rows"]:
        figures = row["peers"][name]
        assert figures["inapplicable"] == 0
        assert figures["queries"] == 5
        assert 0 < figures["search ms"] <= figures["ms"] <= figures["p99 ms"]
        assert figures["recall"] > (0.3 if name in ("faiss-ivf", "faiss-hnsw") else 0.9), row["row"]
    line = next(line for line in found["contenders"] if line["contender"] == name)
    assert min(line["added per second"], line["open s"], line["disk MB"]) > 0


def test_the_table_shows_ours_the_flat_index_and_the_peers(run: Run) -> None:
    result = run("bench", *SMALL, "--row", "10 %", "--peers", "faiss-flat,faiss-hnsw")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("600 skills, 8 dimensions, one thread")
    for words in ("10 %", "ours, asked before", "| faiss-hnsw ", "skillstore  ", "faiss-flat  "):
        assert any(words in line for line in lines), words
    assert max(map(len, lines)) <= 125


def test_bench_goes_on_without_a_peer_that_is_not_there_or_too_slow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KNOWN["duckdb"], "modules", ("there_is_no_such_module",))
    result = run("bench", *SMALL, "--row", "four", "--peers", "duckdb,faiss-hnsw", "--patience", "0.01")
    assert result.exit_code == 0, result.stderr
    assert "duckdb is left out: not installed; pip install duckdb pyarrow" in result.stdout
    assert "faiss-hnsw is left out: four-600x8-0: it took longer than 0.01 s" in result.stdout


def test_bench_refuses_what_is_not_there(run: Run) -> None:
    refused(run("bench", "--row", "7 %"), 2, "there is no row '7 %'", "'29 %'")
    refused(run("bench", "--peers", "faiss-ivf,oracle"), 2, "there is no peer 'oracle'", "faiss-hnsw")


def test_a_trial_that_raises_or_takes_too_long_says_so_in_one_line() -> None:
    with pytest.raises(TrialError, match=r"^KeyError: 'no such work'$"):
        tried({"work": "no such work"}, 60, 1, lambda _: None)
    start = time.monotonic()
    with pytest.raises(TrialError, match=r"longer than 0\.01 s"):
        tried({"work": "no such work"}, 0.01, 1, lambda _: None)
    assert time.monotonic() - start < 30


def test_truth_is_the_linear_scan() -> None:
    workload = Workload(500, 6, "standard", seed=5)
    resolver, skills = Resolver(), list(workload.skills())
    for skill in skills:
        resolver.take(skill.preconditions)
    exam = Exam.of(workload.questions(130), resolver, np.stack([skill.embedding for skill in skills]), 10)
    for place, question in enumerate(exam.questions):
        rows = [row for row, skill in enumerate(skills) if is_applicable(skill.preconditions, question.state)]
        products = [float(skills[row].embedding @ exam.queries[place]) for row in rows]
        best = [rows[i] for i in np.argsort(-np.array(products))[:10]]
        assert exam.truth[place].tolist() == best
        assert exam.applicable[place] == len(rows)


def test_marks_tell_what_is_missing_and_what_does_not_apply(tmp_path: Path) -> None:
    resolver = Resolver()
    for number in range(40):
        resolver.take({"even": number % 2 == 0})
    workload = Workload(40, 4)
    vectors = np.concatenate(list(workload.vectors()))
    (question,) = workload.questions(1)
    exam = Exam.of([type(question)({"even": True}, question.embedding)] * 2, resolver, vectors, 10)
    best = exam.truth[0].tolist()
    assert exam.marked([best, best]) == {"recall": 1.0, "short": 0, "inapplicable": 0}
    assert exam.marked([best[:9], [*best[:8], 1, 3]]) == {"recall": pytest.approx(0.85), "short": 1, "inapplicable": 2}
    assert exam.marked([[], best[:5] * 2]) == {"recall": 0.25, "short": 2, "inapplicable": 0}
    exam.save(tmp_path / "exam.npz")
    queries, bits, width = saved(tmp_path / "exam.npz")
    assert (queries.tolist(), bits.tolist(), width) == (exam.queries.tolist(), exam.bits.tolist(), 2)


def test_over_fetching_goes_on_until_enough_apply(tmp_path: Path) -> None:
    sets = np.zeros(1000, dtype=np.int32)
    sets[[700, 800, 999]] = 1
    Client.keep(tmp_path, sets)
    counts: list[int] = []

    def fetch(count: int) -> Any:
        counts.append(count)
        return np.arange(count)

    client = Client(tmp_path)
    assert client.over_fetched(fetch, np.array([False, True]), 2) == [700, 800]
    assert client.over_fetched(fetch, np.array([False, True]), 10) == [700, 800, 999]
    assert client.over_fetched(fetch, np.array([True, False]), 2) == [0, 1]
    assert counts == [1000, 1000, 8]
    assert client.over_fetched(fetch, np.array([False, False]), 2) == []
    Client.keep(tmp_path, np.repeat(np.array([0, 1], dtype=np.int32), [700, 300]))  # enough apply, but far away
    counts.clear()
    assert Client(tmp_path).over_fetched(fetch, np.array([False, True]), 10) == list(range(700, 710))
    assert counts == [66, 264, 1000]


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_skills_are_those_of_the_constructor(kind: str) -> None:
    workload = Workload(300, 24, kind, seed=3)
    skills = list(workload.skills())
    raw = workload._embeddings(workload._generator(0), 300)[0]
    for skill, embedding in zip(skills, raw, strict=True):
        made = Skill(skill.name, skill.preconditions, skill.action_sequence, embedding, skill.metadata)
        assert made == skill
        assert made.embedding.dtype == skill.embedding.dtype
        assert not skill.embedding.flags.writeable
    assert np.array_equal(np.stack([skill.embedding for skill in skills]), np.concatenate(list(workload.vectors())))
    assert not {skill.name for skill in skills} & {skill.name for skill in workload.later(50)}


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("standard", "14c59b726522658b"),
        ("banded", "9043bd36fb0830eb"),
        ("tied", "9c0b85224bdb61af"),
        ("broad", "09073a75aafb163a"),
        ("distinct", "e15eb564a626e2a2"),
        ("four", "d87adb38fd98654a"),
    ],
)
def test_the_same_seed_demands_and_asks_the_same_for_ever(kind: str, digest: str) -> None:
    workload = Workload(12_000, 2, kind, seed=3)
    said = [f"{skill.name} {skill.preconditions}" for skill in workload.skills()]
    said += [str(question.state) for question in workload.questions(60, "b")]
    assert hashlib.sha256("\n".join(said).encode()).hexdigest()[:16] == digest


def test_what_waited_is_not_to_be_quoted() -> None:
    running = Running()
    time.sleep(0.2)
    assert running.share() < 0.5
    row = {
        "skills": 9,
        "dim": 2,
        "row": "tied",
        "ran": 0.99,
        "alone": {"ran": 0.96},
        "peers": {"chroma": {"ran": 0.42}},
    }
    assert list(tables._disturbed([row])) == ["do not quote tied, chroma: the process ran for 42 % of the time only"]


def test_threads_are_limited_and_given_back() -> None:
    before = faiss.omp_get_max_threads()
    with limited(1):
        assert faiss.omp_get_max_threads() == 1
        if sys.platform == "linux":
            assert len(os.sched_getaffinity(0)) == 1
    assert faiss.omp_get_max_threads() == before
    assert environment(3)["OMP_NUM_THREADS"] == "3"


def test_a_stopped_bench_prints_and_draws_the_rows_that_are_finished(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = paired

    def stopped(*arguments: Any) -> Any:
        measured_so_far.append(1)
        if len(measured_so_far) > 2:
            raise KeyboardInterrupt
        return whole(*arguments)

    measured_so_far: list[int] = []
    monkeypatch.setattr(measure, "paired", stopped)
    result = run("bench", *SMALL, "--json", "--plot", "curves.png")
    assert result.exit_code == 130
    assert [row["row"] for row in json.loads(result.stdout)["rows"]] == ["0.1 %", "1 %"]
    assert "stopped; 2 rows finished" in result.stderr
    assert (here / "curves.png").exists()
    measured_so_far.clear()
    assert "1 % " in run("bench", *SMALL).stdout
    assert [path.name for path in here.iterdir()] == ["curves.png"]


def test_a_picture_that_cannot_be_drawn_loses_no_figure(run: Run, here: Path) -> None:
    result = run("bench", *SMALL, "--row", "tied", "--plot", "curves.png", "--json")
    assert (result.exit_code, len(json.loads(result.stdout)["rows"])) == (1, 1)
    assert "no picture: " in result.stderr
    assert "'29 %'" in result.stderr
    refused(run("bench", *SMALL, "--plot", "none/curves.png"), 2, "none")
    refused(run("bench", *SMALL, "--plot", "curves.bmp"), 2, ".png")
    (here / "file").touch()
    refused(run("bench", *SMALL, "--keep", "file"), 2, "--keep")
