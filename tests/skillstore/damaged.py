"""Damaged: a small closed library that uses every kind of file, and all that may happen to its bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from skillstore import CorruptLibraryError, SkillLibrary, UnsupportedFormatError
from skillstore.local import cells, segment, table
from tests.contracts.library_contract import skill
from tests.skillstore.scan import answers, exact

Mode = Literal["r", "rw"]
MODES: tuple[Mode, ...] = ("r", "rw")
Files = dict[str, bytes]
DIM = 2

NAMES = ("MANIFEST", "MANIFEST.previous", "cells-000001", "counts-000002", "counts-000003", "journal-000002",
         "journal-000003", "lock", "lock.holder", "seal", "segment-000001", "segment-000002")  # fmt: skip

PREVIOUS = ("MANIFEST.previous", "counts-000002", "journal-000002")
"""Files that are kept for `repair` alone."""

HARMLESS = ("seal", "cells", "lock", *PREVIOUS)
"""Names of files begin with these whose bytes no answer depends on."""

_STATES: list[dict[str, Any]] = [{}, {"n": 0}, {"n": 1, "z": 1, "room": {"light": True}}]


def with_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of few skills have cells, and are asked through them; none are merged, however fast the keeper is."""
    monkeypatch.setattr(table, "_LIKE_SMALL", 1)
    monkeypatch.setattr(cells, "SMALLEST", 3)
    monkeypatch.setattr(cells, "_FARTHEST", 1)
    for name in ("_FEW", "_MANY", "_SAMPLE"):
        monkeypatch.setattr(segment, name, 1)


class Damage(NamedTuple):
    """What happened to `name`; `files` are those that are different, None for one that is gone."""

    kind: str
    name: str
    files: Mapping[str, bytes | None]

    @property
    def expected(self) -> tuple[str, ...]:
        """What may come of it."""
        if self.kind == "older" and self.name == "seal":
            return "right", "refused"  # it may tell of a journal that had another end
        if not all(name.startswith(HARMLESS) for name in self.files):
            return ("refused",)
        return ("right", "unverified") if any(name in PREVIOUS for name in self.files) else ("right",)


class Closed:
    """A closed library: its files' bytes, the same files as they were earlier, and those of a twin of equal content."""

    def __init__(self, files: Files, earlier: list[Files], twin: Files, whole: Any) -> None:
        self.files, self.earlier, self.twin, self.whole = files, earlier, twin, whole

    @classmethod
    def made(cls, place: Path) -> Closed:
        """In new directories below `place`."""
        earlier = _life(place / "one")
        files = earlier.pop()
        twin = _life(place / "twin").pop()
        write(place / "whole", files)
        found = cls(files, earlier, twin, None)
        with SkillLibrary.open(place / "whole", mode="r") as library:
            assert not library.retrieve_skills({"n": 1}, [1.0, 0.5], 1).exact, "cells are not asked"
            found.whole = seen(library)
        return found

    def damages(self, name: str, apart: int = 0) -> Iterator[Damage]:
        """All that may happen to the file `name`; with `apart` only one bit of each so many bytes is flipped, and one
        of each seven times as many truncations is there."""
        data = self.files[name]
        for position in range(0, len(data), apart or 1):
            for bit in [position // apart % 8] if apart else range(8):
                flipped = bytearray(data)
                flipped[position] ^= 1 << bit
                yield Damage("bit flipped", name, {name: bytes(flipped)})
        for size in range(0, len(data), 7 * apart or 1):
            yield Damage("cut short", name, {name: data[:size]})
        for more in (b"\0", bytes(100), b"\xff" + data):
            yield Damage("grown", name, {name: data + more})
        yield Damage("deleted", name, {name: None})
        if self.twin.get(name, data) != data:
            yield Damage("of another library", name, {name: self.twin[name]})
        yield from self._mixed_up(name, data)

    def _mixed_up(self, name: str, data: bytes) -> Iterator[Damage]:
        kind = name.split("-")[0]
        for other, content in self.files.items():
            if other > name:
                yield Damage("swapped", name, {name: content, other: data})
        for files in self.earlier:
            for other, content in files.items():
                if other.split("-")[0] == kind and content != data:
                    yield Damage("older", name, {name: content})

    def outcome(self, place: Path, mode: Mode, damage: Damage) -> str:
        """ "right" or "refused" of the library with this damage; "unverified" if its answers are right, but `verify`
        says that something is damaged. Raises AssertionError for a wrong answer.
        """
        shutil.rmtree(place, ignore_errors=True)
        changed = {**self.files, **damage.files}
        files = {name: data for name, data in changed.items() if data is not None}
        write(place, files)
        answered = None
        try:
            with SkillLibrary.open(place, mode=mode, create=False) as library:
                answered = seen(library)
                assert answered == self.whole, (mode, damage)
                library.verify()
                if mode == "rw":
                    added = library.add_skill(skill("later", {"later": 1})).skill
        except (CorruptLibraryError, UnsupportedFormatError):
            if answered is not None:
                return "unverified"
            after = {path.name: path.read_bytes() for path in place.iterdir()}
            same = {name: data for name, data in after.items() if not name.startswith("lock")}
            assert same == {name: data for name, data in files.items() if not name.startswith("lock")}, (mode, damage)
            return "refused"
        if mode == "rw":
            with SkillLibrary.open(place, mode="r") as library:
                assert list(library)[-1] == added
        return "right"


def _life(place: Path) -> list[Files]:
    """The files of a library each time that it was closed, the last with all kinds of them."""
    closed = []
    steps = (_filled, _renewed, _changed)
    for step in steps:
        with SkillLibrary.open(place, embedding_dim=DIM, encoder="e") as library:
            step(library)
            library.settle()
        closed.append(read(place))
    return closed


def _filled(library: SkillLibrary) -> None:
    library.add_skills([skill(f"s{n}", {"n": n % 2}, [n + 1, 1]) for n in range(4)])
    library.notes["plan"] = (1, b"x")
    library.snapshot()
    library.record_outcome(1, False)


def _renewed(library: SkillLibrary) -> None:
    library.remove_skill(1)
    library.add_skill(skill("nested", {"room": {"light": True}}))
    library.snapshot()
    library.record_outcome(3, False)


def _changed(library: SkillLibrary) -> None:
    library.record_outcome(2, True)
    library.add_skill(skill("last", {"z": 1}))


def read(place: Path) -> Files:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def write(place: Path, files: Files) -> None:
    place.mkdir()
    for name, data in files.items():
        (place / name).write_bytes(data)


def seen(library: SkillLibrary) -> Any:
    """All contents, and the answers to some questions, the approximate ones too."""
    queries: list[Any] = [None, np.array([1.0, 0.5]), np.array([-1.0, 2.0])]
    asked = [(state, query) for state in _STATES for query in queries]
    return (
        [exact(each) for each in library],
        exact(dict(library.notes)),
        [answers(library.retrieve_skills(state, query, 2)) for state, query in asked],
        [answers(library.retrieve_skills(state, query, 9, exact=True)) for state, query in asked],
        [answers(library.why_not(state, query, 9)) for state, query in asked],
        library.get_stats()["total_uses"],
    )
