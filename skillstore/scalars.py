"""Scalars: the plain value that an object of another library stands for; and the way out where it stands for none.

A number is a number, whoever made it: numpy's scalars, arrays and tensors without dimensions, members of an IntEnum or
a StrEnum and other instances of subclasses of int, float, str and bytes count as the plain value that they hold,
exactly: np.float32(0.1) is 0.10000000149011612. What a plain value would lose something of is refused: a date, a path,
a Decimal, a plain Enum. Nothing that an object of another library raises comes through.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from os import PathLike
from typing import Any
from uuid import UUID

import numpy as np

from skillstore.errors import InvalidInputError, quote

PLAIN = frozenset((type(None), bool, int, float, str, bytes))
"""The types of scalars; a subclass is none of them."""

_NUMBERS = frozenset((bool, int, float))
_UNTOLD = frozenset("mMV")  # kinds of numpy's types whose item() loses what they mean: dates, spans of time, records
_HELD: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
)


def to_scalar(value: Any) -> Any:
    """The plain value that `value` holds, of a type in PLAIN; `value` itself if it holds none."""
    kind = type(value)
    if kind in PLAIN:
        return value
    for base, read in _HELD:
        if issubclass(kind, base):
            return read(value)
    try:
        return _item(value)
    except Exception:  # noqa: BLE001 - whatever another library raises, this is no scalar
        return value


def _item(value: Any) -> Any:
    """What an array or a tensor without dimensions holds."""
    typed = getattr(value, "dtype", None)
    if len(getattr(value, "shape", ())) or getattr(typed, "kind", None) in _UNTOLD or is_masked(value):
        return value
    if callable(getattr(value, "item", None)):
        found = value.item()
    elif callable(getattr(value, "__array__", None)):
        found = _item(np.asarray(value))
    else:
        return value
    return found if type(found) in (_NUMBERS if typed is None else PLAIN) else value


def is_masked(array: Any) -> bool:
    """Whether `array`, of any type, is one of numpy's masked ones and something in it is masked."""
    return hasattr(array, "filled") and bool(np.any(array.mask))


def require_int(value: Any, what: str, least: int | None = None, most: int | None = None) -> int:
    """`value` as an int. Raises InvalidInputError, which begins with `what`, for anything but a whole number.

    >>> require_int(np.int64(3), "top_k is a whole number from 1", 1)
    3
    """
    number = to_scalar(value)
    if type(number) not in PLAIN:
        number = _index(number)
    if type(number) is not int or (least is not None and number < least) or (most is not None and number > most):
        raise InvalidInputError(f"{what}, not {quote(number)}{_hint(number)}")
    return number


def _index(value: Any) -> Any:
    try:
        return operator.index(value)
    except Exception:  # noqa: BLE001 - whatever another library raises, this is no whole number
        return value


def require_number(value: Any, what: str) -> float:
    """`value` as a finite int or float. Raises InvalidInputError, which begins with `what`; a bool is no number."""
    number = to_scalar(value)
    if type(number) is int or (type(number) is float and math.isfinite(number)):
        return number
    raise InvalidInputError(f"{what}, not {quote(number)}{_hint(number)}")


def require_bool(value: Any, what: str) -> bool:
    """`value` as a bool. Raises InvalidInputError, which begins with `what`; a number is no bool."""
    flag = to_scalar(value)
    if type(flag) is not bool:
        raise InvalidInputError(f"{what}, not {quote(flag)}{_hint(flag)}")
    return flag


def require_text(value: Any, what: str) -> str:
    """`value` as a str, valid Unicode. Raises InvalidInputError, which begins with `what`."""
    text = to_scalar(value)
    if type(text) is not str:
        raise InvalidInputError(f"{what}, not {quote(text)}{_hint(text)}")
    check_text(text, f"{what}; {quote(text)}")
    return text


def require_one_of(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    """`value` as one of the texts that `name` can be. Raises InvalidInputError."""
    what = f"{name} is one of {', '.join(map(repr, allowed))}"
    text = require_text(value, what)
    if text not in allowed:
        raise InvalidInputError(f"{what}, not {quote(text)}")
    return text


def check_text(text: str, where: str) -> None:
    """Raises InvalidInputError, which begins with `where`, for half of a surrogate pair: no Unicode text has one."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"{where} is not valid Unicode text: {error.reason}") from None


def way_out(value: Any) -> str:
    """What to give in place of `value`, which is no plain value: words that end a message."""
    for probe, words in _WAYS_OUT:
        try:
            if hasattr(value, probe) if isinstance(probe, str) else isinstance(value, probe):
                return words
        except Exception:  # noqa: BLE001, S112 - whatever another library raises, it is not this
            continue
    return "give a plain value: None, a bool, int, float, str, bytes, list, tuple or dict"


_WAYS_OUT: tuple[tuple[str | type | tuple[type, ...], str], ...] = (
    (Enum, "give its .value"),
    (Iterator, "give list(...) of it"),
    ("__name__", "give its .__name__"),
    ("__dataclass_fields__", "give dataclasses.asdict(...) of it"),
    (PathLike, "give str(...) of it"),
    ("_asdict", "give tuple(...) of it, or its ._asdict()"),
    (tuple, "give tuple(...) of it"),
    ((Decimal, Fraction), "give float(...) of it, or str(...) where every digit counts"),
    (np.longdouble, "give float(...) of it"),
    ((complex, np.complexfloating), "give its .real and .imag"),
    (UUID, "give str(...) of it"),
    (AbstractSet, "give sorted(...) of it"),
    ((bytearray, memoryview), "give bytes(...) of it"),
    ((np.datetime64, np.timedelta64), "give str(...) of it"),
    ("isoformat", "give its .isoformat()"),
    ("total_seconds", "give its .total_seconds()"),
    ("to_dict", "give its .to_dict(), or .tolist() for its values alone"),
    ("toarray", "give its .toarray()"),
    ("filled", "give its .filled(...), which says what stands for what is masked"),
    ("tolist", "give its .tolist(), or .item() of a single value"),
    ("item", "give its .item()"),
    ("model_dump", "give its .model_dump()"),
    (Iterable, "give list(...) of it"),
)
"""The type of a value, or a name that it has, and what to do about it; the first that fits counts."""


def _hint(value: Any) -> str:
    """The way out, where `value` is of another library: a plain value of the wrong type needs none."""
    return "" if type(value) in PLAIN or type(value) in (list, tuple, dict) else f"; {way_out(value)}"
