"""A library that is dropped is closed; one that is open belongs to the process that opened it."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from skillstore import InvalidInputError, LibraryClosedError, LibraryLockedError, Skill, SkillLibrary
from skillstore.local.files import Files
from tests.contracts.library_contract import skill


def _keep(place: Path, name: str) -> None:
    library = SkillLibrary.open(place, embedding_dim=2)
    library.add_skill(skill(name, {"name": name}))


def test_a_library_that_is_dropped_is_closed_and_sealed(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    for name in ("first", "second", "third"):
        _keep(place, name)
        assert (place / "seal").exists()
    with SkillLibrary.open(place, mode="r") as library:
        assert [kept.name for kept in library] == ["first", "second", "third"]


def test_dropping_a_library_ends_its_threads(tmp_path: Path) -> None:
    before = threading.active_count()
    library = SkillLibrary.open(tmp_path / "skills", embedding_dim=2, durability="interval")
    library.add_skill(skill())
    assert threading.active_count() > before
    del library
    assert threading.active_count() == before


def test_a_library_whose_disk_failed_is_collected_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(files: Files, fd: int) -> None:
        raise OSError(5, "Input/output error")

    place = tmp_path / "skills"
    library = SkillLibrary.open(place, embedding_dim=2)
    monkeypatch.setattr(Files, "sync", refuse)
    for _ in range(2):
        with suppress(Exception):
            library.add_skill(skill())
    monkeypatch.undo()
    del library
    gc.collect()
    SkillLibrary.open(place).close()


@pytest.mark.parametrize(
    "part",
    [iter, SkillLibrary.skills, lambda library: library.notes, lambda library: library.add_skills([skill("third")])],
    ids=["iterator", "skills", "notes", "additions"],
)
def test_what_a_library_gave_keeps_it_open(part: Callable[[SkillLibrary], Any], tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2, same_skill=None) as library:
        library.add_skills([skill("first"), skill("second")])
        library.notes["a"] = 1
    used = part(SkillLibrary.open(place))
    assert len(list(used)) in (1, 2)
    with suppress(LibraryLockedError):
        SkillLibrary.open(place).close()
    del used
    gc.collect()
    SkillLibrary.open(place).close()


def test_a_batch_keeps_its_library_open(tmp_path: Path) -> None:
    place = tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2).batch(), pytest.raises(LibraryLockedError):
        SkillLibrary.open(place)
    SkillLibrary.open(place).close()


def _in_memory(place: Path) -> SkillLibrary:
    return SkillLibrary(embedding_dim=2)


def _in_a_directory(place: Path) -> SkillLibrary:
    return SkillLibrary.open(place, embedding_dim=2)


def _read(place: Path) -> SkillLibrary:
    SkillLibrary.open(place, embedding_dim=2).close()
    return SkillLibrary.open(place, mode="r")


@pytest.mark.parametrize("opened", [_in_memory, _in_a_directory, _read])
@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_library_is_not_copied_and_the_way_that_works_is_told(
    opened: Callable[[Path], SkillLibrary], copied: Callable[[Any], Any], tmp_path: Path
) -> None:
    place = tmp_path / "skills"
    with opened(place) as library:
        way_out = "hand over its skills" if opened is _in_memory else f"hand over '{place}' and open the library there"
        with pytest.raises(InvalidInputError, match=f"a library cannot be pickled or copied: {way_out}"):
            copied(library)
        with pytest.raises(InvalidInputError, match="cannot be pickled or copied"):
            copied(library.notes) if copied is not copy.copy else copied(library)


def test_a_library_is_not_handed_to_a_spawned_process(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        process = multiprocessing.get_context("spawn").Process(target=len, args=(library,))
        with pytest.raises(InvalidInputError, match='open the library there, with mode="r"'):
            process.start()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are tested where there are any")
@pytest.mark.parametrize("opened", [_in_memory, _in_a_directory, _read])
def test_a_forked_child_is_told_the_way_that_works(opened: Callable[[Path], SkillLibrary], tmp_path: Path) -> None:
    with opened(tmp_path / "skills") as library:
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=_tell, args=(library, theirs))
        child.start()
        assert ours.poll(30)
        told = ours.recv()
        child.join()
    way_out = "hand over its skills, list(library), before the fork" if opened is _in_memory else 'with mode="r"'
    assert "belongs" in told
    assert way_out in told


def _tell(library: SkillLibrary, to: Any) -> None:
    try:
        to.send(f"answered {library.retrieve_skills({})}")
    except LibraryClosedError as error:
        to.send(str(error))


FORKS = """
import os, sys
from skillstore import SkillLibrary
library = SkillLibrary.open(sys.argv[1], embedding_dim=2)
if os.fork():
    os.kill(os.getpid(), 9)
print("forked", flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are tested where there are any")
def test_a_forked_child_does_not_keep_the_lock_of_a_parent_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKS, str(tmp_path / "skills")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "forked\n"
        parent.wait()
        with SkillLibrary.open(tmp_path / "skills") as library:
            library.add_skill(Skill("after", {}, ["go"], [1, 0]))
        parent.communicate("end\n")
