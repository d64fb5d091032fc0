"""What worlds and agents are given: numbers of any library as plain ones, and InvalidInputError for what is none."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from skillstore import InvalidInputError


def require_whole(value: Any, what: str, least: int = 0, most: int | None = None) -> int:
    """``value`` as an int. Raises InvalidInputError, which begins with ``what``, for anything but a whole number.

    >>> require_whole(np.int64(5), "a size is a whole number of at least 5", 5)
    5
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except Exception:  # noqa: BLE001 - whatever an object of another library raises, it is no whole number
        number = None
    if number is None:
        raise _wrong(value, what)
    if number < least or (most is not None and number > most):
        raise InvalidInputError(f"{what}, not {number if abs(number) < 2**64 else 'one beyond 64 bits'}")
    return number


def require_share(value: Any, what: str) -> float:
    """``value`` as a float from 0 to 1. Raises InvalidInputError, which begins with ``what``."""
    try:
        number = math.nan if isinstance(value, bool | np.bool_ | str | bytes) else float(value)
    except Exception:  # noqa: BLE001 - as above
        raise _wrong(value, what) from None
    if not 0 <= number <= 1:
        raise InvalidInputError(f"{what}, not {number}")
    return number


def require_flag(value: Any, what: str) -> bool:
    """``value`` as a bool. Raises InvalidInputError, which begins with ``what``."""
    if not isinstance(value, bool | np.bool_):
        raise _wrong(value, f"{what} is True or False")
    return bool(value)


def require_text(value: Any, what: str) -> str:
    """``value`` as a str. Raises InvalidInputError, which begins with ``what``."""
    if not isinstance(value, str):
        raise _wrong(value, what)
    return str.__str__(value)


def require_seed(seed: Any) -> int | None:
    """``seed`` as an int; None stays None. Raises InvalidInputError."""
    return None if seed is None else require_whole(seed, "a seed is a whole number from 0, or None")


def require_action(action: Any, count: int) -> int:
    """``action`` as one of the ``count`` that there are. Raises InvalidInputError."""
    return require_whole(action, f"action must be an int from 0 to {count - 1}", 0, count - 1)


def require_kind(value: Any, kind: Any, what: str) -> None:
    """Raises InvalidInputError, which begins with ``what``, unless ``value`` is of the type or protocol ``kind``."""
    try:
        fits = isinstance(value, kind) and not isinstance(value, type)  # a class is not yet one of its objects
    except Exception:  # noqa: BLE001 - as above
        fits = False
    if not fits:
        raise _wrong(value, what)


def _wrong(value: Any, what: str) -> InvalidInputError:
    return InvalidInputError(f"{what}, not a value of type {type(value).__module__}.{type(value).__qualname__}")
