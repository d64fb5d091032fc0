"""A disk that fails at every single moment of a library's life, and signals: what was acknowledged is there.

For power cuts and kills at every moment see tests/crashes.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skillstore import LibraryNotFoundError, SkillLibrary, SkillStoreError, WriteFailedError
from skillstore.local import changes, opening, writer
from skillstore.local.directory import HOLDER
from skillstore.local.files import Files
from skillstore.local.table import Table
from tests.contracts.library_contract import StoppedError, skill
from tests.skillstore.faulty import Disk, FaultyFiles
from tests.skillstore.scan import exact

LONG = os.environ.get("SKILLSTORE_TESTS") == "long"
Contents = Any


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little suffices to take every path: segments, batches of many frames, snapshots by themselves."""
    monkeypatch.setattr(Table.__init__, "__defaults__", (1, 3))
    monkeypatch.setattr(writer, "FRAME_TARGET", 500)
    monkeypatch.setattr(changes, "_LONGEST", 500)
    monkeypatch.setattr(opening, "Files", _Unsynced)


class _Unsynced(Files):
    """For the checks afterwards, which no power cut interrupts."""

    def sync(self, fd: int) -> None:
        pass

    def sync_directory(self) -> None:
        pass


def _batch(library: SkillLibrary) -> None:
    with library.batch():
        for number in range(5):
            library.add_skill(skill(f"batch {number}", {"batch": number}))
        library.record_outcome(1, True)
        library.notes["plan"] = "b" * 300


def _noted(library: SkillLibrary) -> None:
    library.notes["plan"] = {"n": 1}


STEPS: list[Callable[[SkillLibrary], object]] = [
    lambda library: library.add_skill(skill("one", {"a": 1})),
    lambda library: library.add_skills([skill(str(n), {"n": n}) for n in range(4)]),
    _batch,
    lambda library: library.snapshot(),
    lambda library: library.record_outcome(1, True),
    lambda library: library.remove_skill(2),
    lambda library: library.replace_skill(3, skill("other", {"b": 1}, actions=["new"])),
    _noted,
    lambda library: library.snapshot(),
    lambda library: library.add_skill(skill("merged", {"a": 1})),
    lambda library: library.once("asked", lambda: library.add_skill(skill("asked", {"asked": 1})).skill.id),
    lambda library: library.compact(),
    _batch,
    lambda library: library.close(),
]


def contents(library: SkillLibrary) -> Contents:
    return exact([exact(each) for each in library]), exact(dict(library.notes))


class Life:
    """One run of STEPS on a disk: what was acknowledged, and what may be there besides."""

    def __init__(self, place: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.allowed = [_expected()[0][0]]
        self.place, self.opened = place, False
        self.error: BaseException | None = None
        monkeypatch.setattr(FaultyFiles, "disk", disk, raising=False)
        with monkeypatch.context() as patched:
            patched.setattr(opening, "Files", FaultyFiles)
            try:
                self._live()
            except SkillStoreError as error:
                self.error = error

    def _live(self) -> None:
        self.library = SkillLibrary.open(self.place, embedding_dim=2)
        self.opened = True
        for step, before, after in zip(STEPS, *_expected(), strict=True):
            self.allowed = [before, after]
            step(self.library)
            self.allowed = [after]


def _expected(_kept: list[list[Contents]] = []) -> tuple[list[Contents], list[Contents]]:  # noqa: B006 - computed once
    """The contents before and after each step, by a library in memory."""
    if not _kept:
        library = SkillLibrary(embedding_dim=2)
        states = [contents(library)]
        for step in STEPS[:-1]:
            step(library)
            states.append(contents(library))
        _kept.extend([states, [*states[1:], states[-1]]])
    return _kept[0], _kept[1]


def _check_recovered(place: Path, life: Life) -> None:
    for mode in ("r", "rw"):
        try:
            with SkillLibrary.open(place, mode=mode, create=False) as library:
                assert contents(library) in life.allowed
                life.allowed = [contents(library)]  # a second recovery changes nothing
                if mode == "rw":
                    library.verify()
        except LibraryNotFoundError:
            assert not life.opened
    with SkillLibrary.open(place, embedding_dim=2) as library:
        asked = next((kept.id for kept in library if kept.name == "asked"), None)
        assert library.once("asked", lambda: None) == asked
        later = library.add_skill(skill("later", {"later": 1})).skill
    with SkillLibrary.open(place, mode="r") as library:
        assert list(library)[-1] == later


def _moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int) -> range:
    """The numbers of the calls to interrupt: all in the long form, else every fourth."""
    disk = Disk()
    life = Life(tmp_path / "whole", disk, monkeypatch)
    assert life.error is None
    assert sum(call.startswith("replace MANIFEST") for call in disk.calls) >= 4
    assert "replace seal" in disk.calls
    return range(len(disk.calls)) if LONG else range(first, len(disk.calls), 4)


def test_a_disk_that_fails_at_any_moment_is_reported_and_nothing_acknowledged_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fails in _moments(tmp_path, monkeypatch, first=2):
        life = Life(tmp_path / f"full-{fails}", Disk(fails=fails), monkeypatch)
        assert isinstance(life.error, SkillStoreError)
        if life.opened:
            _check_refusing(life)
        _check_recovered(life.place, life)


def _check_refusing(life: Life) -> None:
    """After a failed write the library can be read and closed, and takes no change."""
    closed = "closed" in repr(life.library)
    if not closed:
        assert contents(life.library) == life.allowed[0]
        for change in (STEPS[0], _noted, SkillLibrary.snapshot):
            with pytest.raises(WriteFailedError, match="open it again"):
                change(life.library)
        with pytest.raises(WriteFailedError), life.library.batch():
            pass
        assert contents(life.library) == life.allowed[0]
    life.library.close()


def test_an_interrupt_between_the_rename_of_a_snapshot_and_its_end_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(FaultyFiles):
        def replace(self, source: str, target: str) -> None:
            super().replace(source, target)
            if armed and target == "MANIFEST":
                armed.clear()
                raise KeyboardInterrupt

    armed: list[bool] = []
    monkeypatch.setattr(FaultyFiles, "disk", Disk(), raising=False)
    monkeypatch.setattr(opening, "Files", Interrupted)
    library = SkillLibrary.open(tmp_path / "skills", embedding_dim=2)
    STEPS[1](library)
    armed.append(True)
    with pytest.raises(KeyboardInterrupt):
        library.snapshot()
    acknowledged = 4
    for number in range(3):
        try:
            library.add_skill(skill(str(number), {"late": number}))
            acknowledged += 1
        except WriteFailedError:
            break
    library.close()
    with SkillLibrary.open(tmp_path / "skills") as again:
        assert len(again) == acknowledged


def test_the_names_of_a_new_library_and_of_what_is_above_it_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Recording(Files):
        def _sync_directory(self, path: Path) -> None:
            synced.append(path)
            super()._sync_directory(path)

    synced: list[Path] = []
    monkeypatch.setattr(opening, "Files", Recording)
    SkillLibrary.open(tmp_path / "new" / "skills", embedding_dim=2).close()
    assert synced[:2] == [tmp_path / "new", tmp_path]
    (tmp_path / "made").mkdir()
    synced.clear()
    SkillLibrary.open(tmp_path / "made", embedding_dim=2).close()
    assert synced[0] == tmp_path


def test_the_interval_thread_and_snapshots_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Files):
        def sync(self, fd: int) -> None:
            time.sleep(0.002)  # so that the two would meet at nearly every turn
            super().sync(fd)

    monkeypatch.setattr(writer, "INTERVAL", 0.0005)
    monkeypatch.setattr(opening, "Files", Slow)
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, durability="interval", same_skill=None) as library:
        for _ in range(30):
            library.add_skill(skill())
            library.snapshot()
    with SkillLibrary.open(tmp_path / "skills", mode="r") as again:
        assert len(again) == 30


def test_who_cannot_note_the_holder_does_not_keep_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2):
        pass

    class Failing(Files):
        def create(self, name: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(opening, "Files", Failing)
        with pytest.raises(SkillStoreError) as caught:
            SkillLibrary.open(tmp_path / "skills")
    assert caught.value.__traceback__ is not None  # which holds on to every object of the attempt
    SkillLibrary.open(tmp_path / "skills").close()
    assert (tmp_path / "skills" / HOLDER).exists()


def test_a_part_of_a_batch_undone_after_it_was_written_takes_nothing_else_with_it(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library, library.batch():
        library.add_skill(skill("before"))
        with pytest.raises(StoppedError), library.batch():  # noqa: PT012 - the batch is what raises
            library.add_skills([skill(str(n), {"n": n}) for n in range(50)])
            raise StoppedError
        library.add_skill(skill("after", {"a": 1}))
    with SkillLibrary.open(tmp_path / "skills", mode="r") as again:
        assert [(kept.id, kept.name) for kept in again] == [(1, "before"), (2, "after")]
