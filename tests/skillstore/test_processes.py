"""Several processes: one writes, others read; a fork, a kill and a crash give the lock back, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from skillstore import LibraryClosedError, LibraryLockedError, LibraryNotFoundError, ReadOnlyError, SkillLibrary
from skillstore.local import table
from skillstore.local.follower import Follower
from skillstore.local.table import Table
from tests.benchmarks.kill import AIMS, survive
from tests.benchmarks.processes import Colony
from tests.contracts.library_contract import skill

WRITER = """
import sys
from skillstore import Skill, SkillLibrary
library = SkillLibrary.open(sys.argv[1], embedding_dim=2, same_skill=None)
for line in sys.stdin:
    word, name = line.split()
    if word == "add":
        library.add_skill(Skill(name, {"n": 1}, ["go"], [1, 0]))
    elif word == "batch":
        batch = library.batch()
        batch.__enter__()
        library.add_skills(Skill(f"{name}{n}", {"n": 1}, ["x" * 1000], [0, 1]) for n in range(3000))
    elif word == "end":
        batch.__exit__(None, None, None)
    else:
        getattr(library, word)()
    print("done", flush=True)
"""


class Writer:
    """Another process that has the library open for writing."""

    def __init__(self, place: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.do("verify", "-")

    def do(self, word: str, name: str = "-") -> None:
        """Returns when the change is acknowledged."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, name, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_reader_sees_at_once_what_another_process_committed(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    writer = Writer(place)
    with SkillLibrary.open(place, mode="r") as reader:
        assert list(reader) == []
        seen = []
        for turn, between in enumerate(["add", "snapshot", "add", "compact", "add"]):
            writer.do("add", f"n{turn}")
            seen.append(f"n{turn}")
            assert [match.skill.name for match in reader.retrieve_skills({"n": 1}, [1, 0], top_k=9)] == seen
            writer.do(between, f"m{turn}")
            seen += [f"m{turn}"] if between == "add" else []
            assert [kept.name for kept in reader] == seen
        moment = iter(reader)
        writer.do("batch", "b")
        assert len(reader) == len(seen)
        writer.do("end")
        writer.do("compact")
        assert len(reader) == len(seen) + 3000
        assert [kept.name for kept in moment] == seen
        writer.do("close")
        assert len(reader) == len(seen) + 3000
        assert reader.verify()["skills"] == len(seen) + 3000
    writer.kill()


def test_a_reader_reads_only_what_is_new_in_a_new_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_LIKE_SMALL", 1)
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, same_skill=None) as library:
        library.add_skills([skill(f"old {n}", {"n": n % 3}, [n, 1]) for n in range(30)])
        library.snapshot()
        with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
            held = iter(reader)
            assert next(held).name == "old 0"
            before = seen(reader).segments[0]
            library.remove_skill(2)
            library.record_outcome(3, True)
            library.add_skills([skill(f"new {n}", {"n": n % 5}, [1, n]) for n in range(9)])
            library.snapshot()
            assert list(reader) == list(library)
            for state in ({"n": 1}, {"n": 4}, {}):
                assert reader.retrieve_skills(state, [1, 2], 9) == library.retrieve_skills(state, [1, 2], 9)
            assert len(seen(reader).segments) == 2
            assert np.shares_memory(seen(reader).segments[0].matrix, before.matrix)
            assert [kept.times_used for kept in held] == [0] * 29
            library.compact()
            assert list(reader) == list(library)


def seen(reader: SkillLibrary) -> Table:
    return cast("Follower", reader._backend)._table


def test_a_reader_changes_nothing_and_says_so(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2) as library:
        library.add_skill(skill())
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    with SkillLibrary.open(place, mode="r") as reader:
        for change in (
            lambda: reader.add_skill(skill()),
            lambda: reader.add_skills([skill()]),
            lambda: reader.restore_skills([skill(id=9)]),
            lambda: reader.record_outcome(1, True),
            lambda: reader.remove_skill(1),
            lambda: reader.replace_skill(1, skill()),
            lambda: reader.notes.update(a=1),
            lambda: reader.notes.pop("a"),
            lambda: reader.batch().__enter__(),
            reader.snapshot,
            reader.compact,
        ):
            with pytest.raises((ReadOnlyError, KeyError)):
                change()
        assert len(reader) == 1
    with pytest.raises(LibraryClosedError):
        len(reader)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_a_reader_of_a_library_that_was_removed_says_so(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    SkillLibrary.open(place, embedding_dim=2).close()
    with SkillLibrary.open(place, mode="r") as reader:
        (place / "MANIFEST").unlink()
        with pytest.raises(LibraryNotFoundError):
            len(reader)


def test_a_second_writer_is_refused_with_the_holders_process_id(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    writer = Writer(place)
    with pytest.raises(LibraryLockedError, match=rf"process {writer.process.pid} on .* since 20"):
        SkillLibrary.open(place)
    writer.do("add", "kept")
    writer.kill()  # the system gives the lock back
    with SkillLibrary.open(place) as library:
        assert [kept.name for kept in library] == ["kept"]


def test_a_second_writer_in_the_same_process_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2):
        with pytest.raises(LibraryLockedError, match=r"in this process already.*library\.close\(\)"):
            SkillLibrary.open(place)
        with SkillLibrary.open(place, mode="r") as reader:
            assert len(reader) == 0
    SkillLibrary.open(place).close()


FORKED = """
import os, sys
from skillstore import *
library = SkillLibrary.open(sys.argv[1], embedding_dim=2)
library.add_skill(Skill("before", {}, ["go"], [1, 0]))
for child_closes in (False, True):
    child = os.fork()
    if not child:
        for use in (lambda: len(library), lambda: library.add_skill(Skill("c", {"c": 1}, ["go"], [1, 0])),
                    library.snapshot, lambda: library.notes.update(a=1)):
            try:
                use()
                os._exit(3)
            except LibraryClosedError:
                pass
        if child_closes:
            library.close()
        del library
        sys.exit(0)  # an ordinary end: destructors run
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print("forked", flush=True)
    sys.stdin.readline()
library.add_skill(Skill("after", {"a": 1}, ["go"], [1, 0]))
library.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are tested where there are any")
def test_a_forked_child_neither_uses_the_library_nor_gives_its_lock_back(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with subprocess.Popen(
        [sys.executable, "-c", FORKED, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        for _ in range(2):
            assert parent.stdout.readline() == "forked\n"
            with pytest.raises(LibraryLockedError, match=f"process {parent.pid} "):
                SkillLibrary.open(place)
            print(file=parent.stdin, flush=True)
    assert parent.returncode == 0
    with SkillLibrary.open(place) as library:
        assert [kept.name for kept in library] == ["before", "after"]


@pytest.fixture
def interrupted() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupted")
def test_ctrl_c_inside_a_batch_leaves_nothing_of_it(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2) as library:
        library.add_skill(skill("kept"))
        with pytest.raises(KeyboardInterrupt), library.batch():  # noqa: PT012 - the batch is what raises
            library.add_skills(skill(preconditions={"n": n}) for n in range(100))
            os.kill(os.getpid(), signal.SIGINT)
        assert [kept.name for kept in library] == ["kept"]
        library.add_skill(skill("later", {"a": 1}))
    with SkillLibrary.open(place, mode="r") as again:
        assert [(kept.id, kept.name) for kept in again] == [(1, "kept"), (2, "later")]


def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    told = survive(tmp_path, kills=8, seed=1)
    assert told["kills"] == 8
    assert sum(told[f"killed in {phase}"] for phase in AIMS) > 0
    assert told["acknowledged"] > 0


def test_readers_of_other_processes_see_whole_changes_only_and_never_less_than_before(tmp_path: Path) -> None:
    colony = Colony(tmp_path / "skills", seed=1)
    colony.live(6, readers=3, between=1)
    for checked in ("whole", "pair", "forward", "held", "second writers refused", "writers killed"):
        assert colony.told[checked] > 0, checked
