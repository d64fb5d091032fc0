"""Names: how libraries are called from outside. A name is never a path, and every name is its own directory."""

from __future__ import annotations

import re
from typing import Any

from skillstore.errors import InvalidInputError

PATTERN = "^[a-z0-9][a-z0-9_-]{0,63}$"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_name(name: Any) -> bool:
    """
    >>> is_name("skills-2"), is_name("../etc"), is_name("a\\n")
    (True, False, False)
    """
    return type(name) is str and _NAME.fullmatch(name) is not None


def checked(name: Any) -> str:
    """`name`. Raises InvalidInputError if it is none."""
    if not is_name(name):
        raise InvalidInputError(
            "a library's name has 1 to 64 of a-z, 0-9, '-' and '_', and begins with a letter or figure"
        )
    return str(name)
