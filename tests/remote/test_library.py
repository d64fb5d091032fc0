"""The library of a server, held to the contract of every library."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from skillstore import SkillLibrary
from tests.contracts.library_contract import LibraryContract


class TestOverHttp(LibraryContract):
    @pytest.fixture(autouse=True)
    def _served(self, server: str) -> None:
        self.server = server

    def opened(self, place: Path, **settings: Any) -> SkillLibrary:
        name = sha256(str(place).encode()).hexdigest()[:32]
        return SkillLibrary.open(f"{self.server}/{name}", **settings)
