"""Prefixes: the path below which a proxy has this server, such as /memory of https://host/memory/.

A proxy says it in the header X-Forwarded-Prefix, or who starts the server by an option. It goes into links, redirects
and cookies, so only plain paths are accepted: no other host, no markup and no other header can be made of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from skillstore.errors import InvalidInputError
from skillstore.service.http.visit import Scope

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)
_LONGEST = 200


def check_prefix(given: str) -> str:
    """`given`, without a "/" at its end; "" for the root. Raises InvalidInputError for what is no plain path."""
    prefix = given.rstrip("/")
    if prefix and (len(prefix) > _LONGEST or _PREFIX.fullmatch(prefix) is None):
        raise InvalidInputError(
            f"{given!r:.80} is no path to serve below: give /memory or /tools/memory, of letters, digits and -_."
        )
    return prefix


def prefix_of(headers: Mapping[bytes, bytes], own: str) -> str:
    """The prefix of one request: what its proxy says, if that is a plain path; else `own`, that of the server."""
    said = headers.get(b"x-forwarded-prefix")
    if said is None:
        return own
    try:
        return check_prefix(said.decode("ascii"))
    except (InvalidInputError, UnicodeDecodeError):
        return own


def strip_prefix(scope: Scope, prefix: str) -> None:
    """Take `prefix` off the path of a request whose proxy left it there."""
    if prefix and (scope["path"] == prefix or scope["path"].startswith(f"{prefix}/")):
        scope["path"] = scope["path"][len(prefix) :] or "/"
        raw = scope.get("raw_path")
        if raw is not None and raw.startswith(prefix.encode()):
            scope["raw_path"] = raw[len(prefix) :] or b"/"
