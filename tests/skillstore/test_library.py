"""The library in memory and in a directory, each held to the contract of every library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skillstore import SkillLibrary
from skillstore.local.table import Table
from tests.contracts.library_contract import LibraryContract


class TestInMemory(LibraryContract):
    @pytest.fixture(autouse=True)
    def _kept(self) -> None:
        self.libraries: dict[Path, SkillLibrary] = {}

    def opened(self, place: Path, **settings: Any) -> SkillLibrary:
        """Memory ends with the process: closing and opening it again is to go on with the same one."""
        if place in self.libraries:
            self.libraries[place]._backend.closed = False  # type: ignore[misc]
        else:
            self.libraries[place] = SkillLibrary(**settings)
        return self.libraries[place]


class TestInADirectory(LibraryContract):
    def opened(self, place: Path, **settings: Any) -> SkillLibrary:
        return SkillLibrary.open(place, durability="os", **settings)


class TestInSmallSegments(TestInADirectory):
    """The same, with every few skills in a segment of their own."""

    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Table.__init__, "__defaults__", (1, 2))
