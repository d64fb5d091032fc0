"""One library: as Libraries, but a single one, at a place and under a name of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from skillstore.encoders import HASHED_WORDS, encoder_named
from skillstore.errors import LibraryNotFoundError
from skillstore.library import SkillLibrary
from skillstore.service import names
from skillstore.service.libraries import Libraries
from skillstore.service.refusals import NotAllowedError


class OneLibrary(Libraries):
    """The library at `place`, called `name`. Where there is none, one that takes texts is made when first asked for.

    With `mode` "r" none is made, and another process may write.
    """

    def __init__(self, place: str | os.PathLike[str], name: str, durability: Any = "full", mode: Any = "rw") -> None:
        """Nothing is opened yet. Raises InvalidInputError for what is no library's name."""
        self._place, self._name = Path(place).absolute(), names.checked(name)
        super().__init__(self._place.parent, durability, mode)

    def names(self) -> list[str]:
        """Its name."""
        return [self._name]

    def create(self, name: str, **_settings: Any) -> SkillLibrary:  # noqa: ARG002 - the interface's
        """Raises NotAllowedError."""
        raise NotAllowedError(f"here is one library, {self._name!r}; no other can be made")

    def delete(self, name: str) -> None:  # noqa: ARG002 - the interface's
        """Raises NotAllowedError."""
        raise NotAllowedError(f"here is one library, {self._name!r}; it is not deleted from here")

    def _prepare(self) -> None:
        pass  # the directory above is somebody else's

    def _is_there(self, name: str) -> bool:
        return name == self._name

    def _opened_at(self, name: str, create: bool, **settings: Any) -> SkillLibrary:  # noqa: ARG002 - the interface's
        try:
            return SkillLibrary.open(self._place, create=False, durability=self._durability, mode=self._mode)
        except LibraryNotFoundError:
            encoder = encoder_named(HASHED_WORDS)
            if self._mode == "r" or encoder is None:
                raise
        return SkillLibrary.open(
            self._place, embedding_dim=encoder.dim, encoder=HASHED_WORDS, durability=self._durability
        )
