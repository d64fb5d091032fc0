"""What a library hands back: immutable values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from skillstore.embedding import Vector
from skillstore.skill import Skill
from skillstore.values import Value

T = TypeVar("T")


@dataclass(frozen=True)
class Match:
    """A skill that applies, and its cosine to the query in [-1, 1]; None when no query embedding was given."""

    skill: Skill
    similarity: float | None


@dataclass(frozen=True)
class NearMiss:
    """A skill that does not apply, its cosine to the query (or None), and why.

    `unmet` maps each fact that does not hold to (what is required, what the state has or None).
    """

    skill: Skill
    similarity: float | None
    unmet: dict[str, tuple[Value, Value]]


@dataclass(frozen=True)
class Added:
    """What became of a skill that was added.

    skill       as the library keeps it now: the new one, or the kept one it was merged into
    created     False if it was merged
    similarity  cosine to the skill it was merged into, as that was first stored; None if it was created
    """

    skill: Skill
    created: bool
    similarity: float | None


class Damage(NamedTuple):
    """The bytes of `file` at `offset` are not those that were written."""

    file: str
    offset: int
    what: str


@dataclass(frozen=True)
class Repair:
    """What of a library is damaged, and what repairing it gives up, or gave up.

    damaged     none: there is nothing to do
    gives_up    in words; none: nothing is lost, whatever is damaged
    skills      how many the library has then
    kept_aside  the damaged files as they were, once the repair was applied
    generation  the one that the repair made; None before
    """

    damaged: tuple[Damage, ...]
    gives_up: tuple[str, ...]
    skills: int
    kept_aside: tuple[str, ...] = ()
    generation: int | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged


class _Answers(Sequence[T]):
    """An immutable sequence."""

    def __init__(self, items: Sequence[T]) -> None:
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._items)!r})"


class Matches(_Answers[Match]):
    """Matches, best first. `exact`: the answer equals that of a scan over all skills."""

    def __init__(self, items: Sequence[Match], exact: bool) -> None:
        super().__init__(items)
        self.exact = exact


class NearMisses(_Answers[NearMiss]):
    """Near misses, nearest first."""


class Additions(Sequence[Added]):
    """What became of many added skills, in the order given, in columns that cannot be written.

    ids            int64 (n,): the id that holds each skill now
    created        bool (n,): False where it was merged
    similarities   float32 (n,): as `Added.similarity`, NaN for None

    An item is read from the library when asked for, so it shows the skill as it is then.
    """

    def __init__(
        self,
        ids: NDArray[np.int64],
        created: NDArray[np.bool_],
        similarities: Vector,
        get: Callable[[int], Skill],
    ) -> None:
        for column in (ids, created, similarities):
            column.setflags(write=False)
        self.ids, self.created, self.similarities, self._get = ids, created, similarities, get

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Added: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Added]: ...
    def __getitem__(self, index: int | slice) -> Added | Sequence[Added]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        similarity = self.similarities[index]
        return Added(
            self._get(int(self.ids[index])),
            bool(self.created[index]),
            None if np.isnan(similarity) else float(similarity),
        )

    def __repr__(self) -> str:
        created = int(np.count_nonzero(self.created))
        return f"<{len(self)} additions: {created} created, {len(self) - created} merged>"
