"""Requests: carried out once, remembered as long as is promised, answered no sooner than they are durable."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from skillstore import CorruptLibraryError, ReadOnlyError, SkillLibrary, WriteFailedError
from skillstore.backend import MAX_REQUESTS
from skillstore.local import opening, table
from skillstore.local.changes import Request, record_of
from skillstore.local.files import Files
from skillstore.local.records import packed
from tests.contracts.library_contract import skill

pytestmark = pytest.mark.damages


def carried_out(library: SkillLibrary) -> list[str]:
    """The ids that are remembered, oldest first."""
    return list(library._backend._table.requests)  # type: ignore[union-attr]


def test_the_oldest_requests_are_forgotten_first(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2, durability="os") as library:
        with library.batch():
            for number in range(MAX_REQUESTS):
                library.once(f"r{number}", lambda number=number: number)  # type: ignore[misc]
        assert library.once("r0", lambda: "again") == 0
        library.snapshot()
        library.once("last", lambda: None)
    with SkillLibrary.open(tmp_path / "skills") as library:
        assert carried_out(library) == [f"r{number}" for number in range(1, MAX_REQUESTS)] + ["last"]
        assert library.once("r1", lambda: "again") == 1
        assert library.once("r0", lambda: "again") == "again"


def test_forgetting_is_the_same_in_the_journal_and_in_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_REQUESTS", 3)
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        for number in (1, 2, 3, 4, 1, 4, 5):
            library.once(f"r{number}", lambda: None)
        assert carried_out(library) == ["r4", "r1", "r5"]
    for _ in range(2):
        with SkillLibrary.open(tmp_path / "skills") as library:
            assert carried_out(library) == ["r4", "r1", "r5"]
            library.snapshot()


def test_a_reader_refuses_requests_and_takes_up_what_they_changed(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
            library.once("a", lambda: library.add_skill(skill()).skill.id)
            assert len(reader) == 1
            with pytest.raises(ReadOnlyError):
                reader.once("a", lambda: 2)
        library.once("b", lambda: None)


class _Held(Files):
    """Syncs wait until they may go on, and fail if they shall."""

    held: threading.Event
    syncing: threading.Event
    fails = False

    def sync(self, fd: int) -> None:
        self.syncing.set()
        assert self.held.wait(60)
        if self.fails:
            raise OSError(5, "Input/output error")
        super().sync(fd)


@pytest.mark.parametrize("fails", [False, True])
def test_a_kept_answer_is_not_given_before_its_commit_is_durable(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = []

    def ask(answer: str) -> None:
        try:
            answers.append(library.once("a", lambda: answer))
        except WriteFailedError:
            answers.append("failed")

    monkeypatch.setattr(_Held, "held", threading.Event(), raising=False)
    monkeypatch.setattr(_Held, "syncing", threading.Event(), raising=False)
    monkeypatch.setattr(opening, "Files", _Held)
    _Held.held.set()
    library = SkillLibrary.open(tmp_path / "skills", embedding_dim=2)
    _Held.held.clear()
    _Held.syncing.clear()
    threads = [threading.Thread(target=ask, args=(answer,), daemon=True) for answer in ("first", "second")]
    threads[0].start()
    assert _Held.syncing.wait(60)
    threads[1].start()
    threads[1].join(0.1)
    assert answers == []
    monkeypatch.setattr(_Held, "fails", fails)
    _Held.held.set()
    for thread in threads:
        thread.join(60)
    assert answers == (["failed", "failed"] if fails else ["first", "first"])
    library.close()


@pytest.mark.parametrize(
    "change",
    [Request("", packed(1)), Request("x" * 201, packed(1)), Request("a", packed(2)), Request("b", b"\xc1"),
     Request("b", packed("x" * 4100)), Request("b", packed({"$tuple": 1})), Request(1, packed(1)), Request("b", None)],  # type: ignore[arg-type]
    ids=range(8),
)  # fmt: skip
def test_a_request_that_cannot_be_is_damage_though_its_checksum_holds(change: Request, tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        library.once("a", lambda: 1)
        library._backend._storage.write([record_of(change)], closes=True)  # type: ignore[union-attr]
    with pytest.raises(CorruptLibraryError):
        SkillLibrary.open(tmp_path / "skills")


@pytest.mark.parametrize(
    "pairs",
    [[(str(number), packed(1)) for number in range(MAX_REQUESTS + 1)], [("", packed(1))], [("a", b"\xc1")], [("a",)],
     [("a", packed(1), 2)], [("a", packed(1)), ("a", packed(1))], [("a", 5)]],
    ids=range(7),
)  # fmt: skip
def test_requests_that_cannot_be_are_damage_in_a_snapshot(pairs: Any, tmp_path: Path) -> None:
    class Forged(OrderedDict[str, bytes]):
        def items(self) -> Any:
            return pairs

    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        library._backend._table.requests = Forged()  # type: ignore[union-attr]
        library.snapshot()
    with pytest.raises(CorruptLibraryError):
        SkillLibrary.open(tmp_path / "skills")
