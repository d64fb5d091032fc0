"""Problems: the error that an answer tells of (RFC 9457), as the class that the library itself would raise."""

from __future__ import annotations

import json
import re
from typing import Any

from skillstore.errors import (
    AccessDeniedError,
    BackendUnavailableError,
    CorruptLibraryError,
    EncoderMismatchError,
    InvalidInputError,
    LibraryLockedError,
    LibraryMovedError,
    LibraryNotFoundError,
    ReadOnlyError,
    SkillNotFoundError,
    SkillStoreError,
    UnsupportedFormatError,
    WriteFailedError,
)


class NoteNotFoundError(SkillStoreError, LookupError):
    """No note has this key. Becomes a KeyError."""


class LibraryExistsError(SkillStoreError):
    """A library of this name is there: somebody else just made it."""


class BatchEndedError(BackendUnavailableError):
    """The batch is no longer open on the server, and nothing of it was kept."""


_CLASSES: dict[str, type[SkillStoreError]] = {
    "malformed": InvalidInputError,
    "wrong-type": InvalidInputError,
    "too-large": InvalidInputError,
    "invalid-request": InvalidInputError,
    "invalid-input": InvalidInputError,
    "request-reused": InvalidInputError,
    "unknown-key": AccessDeniedError,
    "not-allowed": AccessDeniedError,
    "wrong-host": InvalidInputError,  # the server is known by other names than the one that was given
    "wrong-origin": InvalidInputError,
    "encoder-mismatch": EncoderMismatchError,
    "skill-not-found": SkillNotFoundError,
    "library-moved": LibraryMovedError,
    "library-not-found": LibraryNotFoundError,
    "library-locked": LibraryLockedError,
    "library-exists": LibraryExistsError,
    "note-not-found": NoteNotFoundError,
    "read-only": ReadOnlyError,
    "write-failed": WriteFailedError,
    "unsupported-format": UnsupportedFormatError,
    "batch-ended": BatchEndedError,
}
_DAMAGE = re.compile(r"(.*) is damaged at byte ([0-9]+): (.*)\. Restore a backup, .*", re.DOTALL)


def error_of(status: int, body: bytes, server: str) -> SkillStoreError:
    """What an answer of 400 or above tells of; BackendUnavailableError where there is no such class."""
    form = _form(body)
    slug = str(form.get("type", "")).rpartition(":")[2]
    detail = form.get("detail")
    words = detail if type(detail) is str else f"{server} answered {status} ({form.get('title', 'no problem told')})"
    if slug == "corrupt-library":
        found = _DAMAGE.fullmatch(words)
        if found is not None:
            return CorruptLibraryError(found[1], int(found[2]), found[3])
        return CorruptLibraryError(server, 0, words)
    if slug == "batch-ended":
        words = f"{words}; nothing of it was kept"
    return _CLASSES.get(slug, BackendUnavailableError)(words)


def _form(body: bytes) -> dict[str, Any]:
    try:
        form = json.loads(body)
    except ValueError:
        return {}
    return form if type(form) is dict else {}
