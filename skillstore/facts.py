"""Facts: what people write as ``name = value``, read in one way on the command line and on the page, as plain JSON.

A value is read by how it is written:

    true, false, null      as JSON writes them, as Python does (True, False, None), or in capitals
    3, -2.5, .5, 1e3       a number
    "...", [...], {...}    JSON; whatever stands in quotes is text: "true", "3"
    anything else          text as it is: deep red, yes, 007, 2026-05-01; nothing at all is empty text
"""

from __future__ import annotations

import math
import re
from typing import Any

from skillstore.errors import InvalidInputError
from skillstore.forms import parsed

_WORDS = {"true": True, "false": False, "null": None, "none": None}
_NOT_FINITE = {"nan", "inf", "infinity"}
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_QUOTED_NAME = re.compile(r'("(?:[^"\\]|\\.)*")\s*[=:]')
_SEPARATOR = re.compile(r'=|:(?=\s|$|["\[{])')  # so that a name may have a colon in it, as "door:open=true"


def read_fact(text: str) -> tuple[str, Any]:
    """The name and the value of ``name = value`` or ``name: value``; a comma at the end is left out.

    Raises InvalidInputError for anything else, and for a comparison: a state says what is.

    >>> read_fact("has_key=True"), read_fact('"room": 3,'), read_fact("colour = deep red")
    (('has_key', True), ('room', 3), ('colour', 'deep red'))
    """
    line = text.strip().rstrip(",")
    name, word = _parts(line)
    if not name:
        raise InvalidInputError(f"a fact is written as name = value, not {line!r:.80}")
    if name.endswith(("!", "<", ">")) or word.startswith("="):
        raise InvalidInputError(
            f"{line!r:.80} is a comparison; a state says what is, as name = value (text that begins with = is put in "
            "double quotes)"
        )
    return name, read_value(word)


def read_value(text: str) -> Any:
    """The value that a word stands for. Raises InvalidInputError for a number that is not finite, and broken JSON.

    >>> [read_value(word) for word in ("None", "1e3", ".5", "007", "no", '"true"', "")]
    [None, 1000.0, 0.5, '007', 'no', 'true', '']
    """
    word = text.strip()
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if word.lstrip("+-").lower() in _NOT_FINITE:
        raise InvalidInputError(f"{word} is not a finite number; as text it is put in double quotes")
    if _NUMBER.fullmatch(word):
        return _number(word)
    if not word.startswith(('"', "[", "{")):
        return word
    try:
        return parsed(word)
    except InvalidInputError as error:
        raise InvalidInputError(
            f'{word!r:.60} begins like JSON ({error}); as text it is put in double quotes, with \\" for each inside'
        ) from None


def _parts(line: str) -> tuple[str, str]:
    """What stands before and after the "=" or ":" of a fact; a name that is quoted without its quotes."""
    quoted = _QUOTED_NAME.match(line)
    if quoted is not None:
        return str(parsed(quoted[1])), line[quoted.end() :].strip()
    found = _SEPARATOR.search(line) or re.search(":", line)
    if found is None:
        return "", ""
    return line[: found.start()].strip(), line[found.end() :].strip()


def _number(word: str) -> int | float:
    try:
        number = int(word) if _WHOLE.fullmatch(word) else float(word)
    except ValueError:  # more digits than Python reads
        raise InvalidInputError(f"a number of {len(word)} digits is too long; as text it is put in quotes") from None
    if not math.isfinite(number):
        raise InvalidInputError(f"{word:.40} is too large a number; as text it is put in double quotes")
    return number
