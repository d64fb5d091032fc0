"""Foreign: stand-ins for what objects of other libraries are like, and objects that raise whatever is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


class Tensor:
    """As torch's: on a device, with a gradient, of a type that numpy does not have, until it is told otherwise."""

    def __init__(self, held: Any, refuses: tuple[str, ...] = ()) -> None:
        self._held, self._refuses = np.asarray(held), refuses

    @property
    def shape(self) -> tuple[int, ...]:
        return self._held.shape

    def item(self) -> Any:
        return self._held.item()

    def _without(self, refusal: str) -> Tensor:
        return Tensor(self._held, tuple(other for other in self._refuses if other != refusal))

    def detach(self) -> Tensor:
        return self._without("gradient")

    def cpu(self) -> Tensor:
        return self._without("device")

    def float(self) -> Tensor:
        return self._without("type")

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        if self._refuses:
            raise RuntimeError(f"numpy cannot have this {self._refuses[0]}")
        return self._held


class Scalar:
    """What numpy can read as one number, and nothing more."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.asarray(self._held)


class Series:
    """As a row or a column of pandas: values by label, no Mapping."""

    def __init__(self, held: dict[str, Any]) -> None:
        self._held = held
        self.shape = (len(held),)

    def to_dict(self) -> dict[str, Any]:
        return self._held

    def mask(self) -> Series:
        raise TypeError("a method")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held.values())

    def __len__(self) -> int:
        return len(self._held)

    def __bool__(self) -> bool:
        raise ValueError("the truth of a Series is ambiguous")

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.array(list(self._held.values()))


class BrokenError(Exception):
    """Must never come through."""

    def __str__(self) -> str:
        raise RuntimeError("not even this can be said")


def _broken(*_: Any, **__: Any) -> Any:
    raise BrokenError


class Broken:
    """Raises, whatever is asked of it."""

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = _broken
    __array__ = __index__ = __int__ = __float__ = __getattr__ = __hash__ = _broken


class BrokenNumber(int):
    """A number that it will not tell."""

    __repr__ = __eq__ = __index__ = __int__ = __float__ = __hash__ = __bool__ = _broken
    __lt__ = __le__ = __gt__ = __ge__ = _broken


class BrokenText(str):
    """Text that it will not tell."""

    __slots__ = ()
    __repr__ = __str__ = __eq__ = __hash__ = __len__ = encode = strip = isascii = _broken


class BrokenMapping(Mapping[str, Any]):
    """Has a length, and nothing in it can be read."""

    __getitem__ = __iter__ = __repr__ = _broken

    def __len__(self) -> int:
        return 1


class Endless(Mapping[str, Any]):
    """Holds itself."""

    def __getitem__(self, key: str) -> Endless:
        return self

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1
