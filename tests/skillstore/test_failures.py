"""Calls of the system that fail, one at a time, and a disk that is full: errors are typed, nothing is lost or leaks."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from skillstore import SkillLibrary, SkillStoreError, WriteFailedError
from skillstore.local import files
from tests.contracts.library_contract import skill
from tests.skillstore import failing
from tests.skillstore.failing import FailingOs, FullOs, Life

LONG = os.environ.get("SKILLSTORE_TESTS") == "long"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    failing.small(monkeypatch)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
@pytest.mark.parametrize("fault", failing.FAULTS)
def test_a_call_that_fails_is_reported_or_made_good_and_nothing_is_lost_or_leaks(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call in turn: `python -m tests.benchmarks.faults`."""
    calls = FailingOs()
    whole = Life(tmp_path / "whole", calls, monkeypatch)
    assert whole.error is None
    assert {"write", "preadv", "pread", "fdatasync", "fsync", "replace", "unlink"} <= set(calls.calls)
    whole.check()
    first, every = failing.FAULTS.index(fault), 1 if LONG else 40
    before, reported = failing.resources(), 0
    for fails in range(first, len(calls.calls), every):
        life = Life(tmp_path / str(fails), FailingOs(fails, fault), monkeypatch)
        reported += life.error is not None
        assert fault != "short" or life.error is None
        life.check()
    assert failing.resources() == before
    assert fault == "short" or reported


def test_on_a_full_disk_everything_can_be_read_and_all_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "skills"
    disk = FullOs(place, 20_000)
    monkeypatch.setattr(files, "os", disk)
    with SkillLibrary.open(place, embedding_dim=2, same_skill=None) as library:
        kept = 0
        with pytest.raises(WriteFailedError, match="make room"):  # noqa: PT012 - until it is full
            while True:
                library.add_skill(skill(f"s{kept}", {"n": kept}, metadata={"pad": "x" * 300}))
                kept += 1
        _check_readable(library, kept)
    for mode in ("r", "rw"):  # also opened on a full disk
        library = SkillLibrary.open(place, mode=mode)
        library.verify()
        _check_readable(library, kept)
        with suppress(WriteFailedError):  # there may be no room for the seal
            library.close()
    disk.room += 200 * kept  # not enough for another copy of all, but for noting what is to go
    with SkillLibrary.open(place) as library:
        for skill_id in range(1, kept - 2):
            library.remove_skill(skill_id)
        library.compact()
        library.compact()  # a generation may be kept until the next but one
        assert sum(path.stat().st_size for path in place.iterdir()) < 20_000 / 2
        library.add_skills([skill(f"new {n}", {"new": n}) for n in range(9)])
    with SkillLibrary.open(place, mode="r") as library:
        assert len(library) == 12


def test_a_compaction_for_which_there_is_no_room_loses_nothing_and_its_files_go_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "skills"
    disk = FullOs(place, 10**9)
    monkeypatch.setattr(files, "os", disk)
    with SkillLibrary.open(place, embedding_dim=2, same_skill=None) as library:
        library.add_skills([skill(f"s{n}", {"n": n}) for n in range(50)])
        before = sum(path.stat().st_size for path in place.iterdir())
        disk.room = before + 2000
        with pytest.raises(SkillStoreError):
            library.compact()
        _check_readable(library, 50)
    disk.room = before + 500
    with SkillLibrary.open(place) as library:
        library.record_outcome(1, True)
        _check_readable(library, 50)


def _check_readable(library: SkillLibrary, count: int) -> None:
    assert [each.name for each in library] == [f"s{number}" for number in range(count)]
    assert library.retrieve_skills({"n": count - 1}, [1.0, 0.0])[0].skill.name == f"s{count - 1}"
