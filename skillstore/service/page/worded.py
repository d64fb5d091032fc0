"""Worded: values in their tagged form, as people read them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST = 300
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
_AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def flat(preconditions: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each fact by its dotted name, and the condition on it."""
    for name, condition in preconditions.items():
        if type(condition) is dict and "$facts" in condition:
            yield from flat(condition["$facts"], f"{prefix}{name}.")
        else:
            yield prefix + name, condition


def conditions(preconditions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each fact and what it must be.

    >>> conditions({"has_key": False, "door": {"$facts": {"at": {"$interval": [0, 3]}}}})
    [('has_key', 'false'), ('door.at', '0 to 3')]
    """
    return [(name, wanted(condition)) for name, condition in flat(preconditions)]


def fitting(condition: Any) -> str:
    """A value that meets the condition, as JSON: any of those that do."""
    if type(condition) is dict and "$one_of" in condition:
        condition = condition["$one_of"][0]
    elif type(condition) is dict and "$interval" in condition:
        condition = next(bound for bound in condition["$interval"] if bound is not None)
    elif type(condition) is dict and list(condition) == ["$tuple"]:
        condition = condition["$tuple"]
    return json.dumps(condition, ensure_ascii=False)


def wanted(condition: Any) -> str:
    """What a fact must be."""
    if type(condition) is dict and "$one_of" in condition:
        return " or ".join(value(each) for each in condition["$one_of"][:20])[:_LONGEST]
    if type(condition) is dict and "$interval" in condition:
        low, high = condition["$interval"]
        if low is None or high is None:
            return f"at most {high}" if low is None else f"at least {low}"
        return f"{low} to {high}"
    return "nothing" if condition is None else value(condition)


def value(given: Any) -> str:
    """A value on one line; text as it is."""
    if type(given) is str:
        return shortened(given)
    if type(given) is dict and list(given) == ["$tuple"]:
        given = given["$tuple"]
    return shortened(json.dumps(given, ensure_ascii=False, separators=(", ", ": ")))


def shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def indented(given: Any) -> str:
    """As JSON, to read and to change."""
    return json.dumps(given, ensure_ascii=False, indent=2)


def number(count: float) -> str:
    """
    >>> number(12345), number(0.5)
    ('12\u202f345', '0.5')
    """
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(count: int) -> str:
    """
    >>> size(2310), size(7)
    ('2.3 KiB', '7 B')
    """
    power = min(len(_BYTES) - 1, max(0, count.bit_length() - 1) // 10)
    return f"{count / 1024**power:.{1 if power else 0}f} {_BYTES[power]}"


def ago(when: float) -> str:
    """How long since, in round words."""
    seconds = max(0.0, time.time() - when)
    for length, word in _AGES:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {word}{'s' if count > 1 else ''} ago"
    return "just now"


def percent(share: float) -> str:
    """A share that is not all never reads as all, nor one that is not nothing as nothing.

    >>> percent(0.999), percent(1.0), percent(0.001)
    ('99\u202f%', '100\u202f%', '1\u202f%')
    """
    rounded = round(100 * share)
    rounded = min(rounded, 99) if share < 1 else 100
    return f"{max(rounded, 1) if share > 0 else 0}\N{NARROW NO-BREAK SPACE}%"
