"""Backend: what is asked of the place where skills live.

A backend decides everything that must be decided in one go with the data: ids, merges, ranks. It is handed values that
`SkillLibrary` has checked, and the *state*, never lists of ids: which skills apply is its own affair. Every method may
be called from any thread, and raises LibraryClosedError after `close`, ReadOnlyError where it cannot write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from skillstore.answers import Added, Additions, Matches, NearMisses
from skillstore.embedding import MAX_DIM, Vector
from skillstore.errors import EncoderMismatchError, InvalidInputError, quote
from skillstore.preconditions import State
from skillstore.scalars import require_int, require_number, require_one_of, require_text
from skillstore.skill import Skill
from skillstore.values import Value

Progress: TypeAlias = Callable[[int, int], object]
"""Told, now and then, how many bytes of how many are done."""

DEDUP_SCOPES = ("preconditions", "library")
DURABILITIES = ("full", "interval", "os")
SAME_SKILL = 0.9
MAX_REQUESTS = 10_000
"""How many requests a library remembers; the oldest are forgotten first."""
MAX_REQUEST_ID = 200
"""Characters of a request's id."""
MAX_ANSWER = 4096
"""Bytes of a request's answer, as it is stored."""


class _Kept(Enum):
    KEPT = "what the library keeps"


KEPT = _Kept.KEPT
"""Stands for a setting that is not given, where None has a meaning of its own."""


@dataclass(frozen=True)
class Settings:
    """What a library keeps for good, chosen at its creation.

    embedding_dim  length of every embedding
    encoder        name of what makes the embeddings; None if nobody said
    same_skill     an added skill more similar than this to one it could merge into is merged; None: never
    dedup_scope    "preconditions": only skills with the same preconditions merge; "library": any two
    """

    embedding_dim: int
    encoder: str | None = None
    same_skill: float | None = SAME_SKILL
    dedup_scope: str = DEDUP_SCOPES[0]

    @classmethod
    def checked(cls, embedding_dim: Any, encoder: Any, same_skill: Any, dedup_scope: Any) -> Settings:
        """Settings of values from outside. Raises InvalidInputError."""
        return cls(_dim(embedding_dim), _encoder(encoder), _same_skill(same_skill), _dedup_scope(dedup_scope))


def _dim(value: Any) -> int:
    return require_int(value, f"embedding_dim is a whole number from 1 to {MAX_DIM}", 1, MAX_DIM)


def _encoder(value: Any) -> str | None:
    if value is None:
        return None
    name = require_text(value, "an encoder is known by a printable name")
    if not name or not name.isprintable():
        raise InvalidInputError(f"an encoder is known by a printable name, not {quote(name)}")
    return name


def _same_skill(value: Any) -> float | None:
    if value is None:
        return None
    what = "same_skill is a cosine from -1 to 1, or None"
    cosine = require_number(value, what)
    if not -1.0 <= cosine <= 1.0:
        raise InvalidInputError(f"{what}, not {quote(cosine)}")
    return float(cosine)


def _dedup_scope(value: Any) -> str:
    return require_one_of(value, "dedup_scope", DEDUP_SCOPES)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "embedding_dim": _dim,
    "encoder": _encoder,
    "same_skill": _same_skill,
    "dedup_scope": _dedup_scope,
}


@dataclass(frozen=True)
class Wanted:
    """The settings a user names when opening a library; KEPT: whatever the library keeps."""

    embedding_dim: Any = KEPT
    encoder: Any = KEPT
    same_skill: Any = KEPT
    dedup_scope: Any = KEPT

    def new(self) -> Settings:
        """Settings of a library that is created now. Raises InvalidInputError."""
        if self.embedding_dim is KEPT:
            raise InvalidInputError("a new library needs embedding_dim, the length of its embeddings")
        given = {name: value for name, value in vars(self).items() if value is not KEPT}
        return Settings.checked(**{"encoder": None, "same_skill": SAME_SKILL, "dedup_scope": DEDUP_SCOPES[0], **given})

    def agree(self, kept: Settings) -> None:
        """Raises InvalidInputError (for the encoder: EncoderMismatchError) if the library keeps another value."""
        for name, value in vars(self).items():
            have = getattr(kept, name)
            if value is not KEPT and _CHECKS[name](value) != have:
                error = EncoderMismatchError if name == "encoder" else InvalidInputError
                raise error(
                    f"the library keeps {name} = {have!r}, not {quote(value)}; open it without naming {name}, or open "
                    "another library"
                )


class Backend(Protocol):
    """See `SkillLibrary`, whose methods of the same names say what each promises."""

    @property
    def settings(self) -> Settings: ...

    @property
    def closed(self) -> bool: ...

    def add(self, skill: Skill) -> Added: ...

    def add_many(self, skills: Iterable[Skill], keep_ids: bool) -> Additions:
        """One commit. With `keep_ids` nothing is merged, and ids must be above all given so far, ascending."""
        ...

    def retrieve(
        self, state: State, query: Vector | None, top_k: int, min_similarity: float | None, exact: bool
    ) -> Matches: ...

    def why_not(self, state: State, query: Vector | None, top_k: int) -> NearMisses: ...

    def record_outcome(self, skill_id: int, success: bool) -> None: ...

    def get(self, skill_id: int) -> Skill: ...

    def remove(self, skill_id: int) -> None: ...

    def replace(self, skill_id: int, skill: Skill) -> Skill: ...

    def count(self) -> int: ...

    def skills(self, after: int) -> Iterator[Skill]:
        """All skills of one moment with an id above `after`, by ascending id."""
        ...

    def stats(self) -> dict[str, Value]: ...

    def note_keys(self) -> list[str]:
        """Ascending."""
        ...

    def get_note(self, key: str) -> Value:
        """Raises KeyError."""
        ...

    def set_note(self, key: str, value: Value) -> None: ...

    def remove_note(self, key: str) -> None:
        """Raises KeyError."""
        ...

    def once(self, request_id: str, change: Callable[[], Value]) -> Value: ...

    def batch(self) -> AbstractContextManager[None]: ...

    def check_in_place(self) -> None: ...

    def snapshot(self) -> int: ...

    def compact(self) -> int: ...

    def settle(self) -> None: ...

    def verify(self) -> dict[str, Value]: ...

    def backup(self, target: Path | BinaryIO, progress: Progress | None) -> dict[str, Value]: ...

    def close(self) -> None: ...
