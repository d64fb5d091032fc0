"""Problems: every error as application/problem+json (RFC 9457). Nothing of the server's machine is in them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException

from skillstore import errors
from skillstore.errors import InvalidInputError
from skillstore.service import refusals

MEDIA_TYPE = b"application/problem+json"


class MalformedError(InvalidInputError):
    """No HTTP request of the kind that is taken, or no JSON."""


class WrongHostError(InvalidInputError):
    """A request for another host than this one."""


class WrongOriginError(InvalidInputError):
    """A request that another site's page made."""


class WrongTypeError(InvalidInputError):
    """A body of a type that is not taken."""


class Kind(NamedTuple):
    """`slug` is the problem's type, after ``urn:skillstore:problem:``."""

    status: int
    slug: str
    title: str


_KINDS: list[tuple[type[Exception], Kind]] = [
    (MalformedError, Kind(400, "malformed", "The request cannot be read")),
    (WrongHostError, Kind(421, "wrong-host", "The request is for another host")),
    (WrongOriginError, Kind(403, "wrong-origin", "Pages of other sites are not answered")),
    (WrongTypeError, Kind(415, "wrong-type", "The body is of a type that is not taken")),
    (refusals.UnknownKeyError, Kind(401, "unknown-key", "A key is needed")),
    (refusals.NotAllowedError, Kind(403, "not-allowed", "The key's role is too low")),
    (refusals.LibraryExistsError, Kind(409, "library-exists", "There is a library of this name already")),
    (refusals.NoteNotFoundError, Kind(404, "note-not-found", "There is no such note")),
    (refusals.ChangedMeanwhileError, Kind(412, "changed-meanwhile", "The skill was changed meanwhile")),
    (refusals.RequestReusedError, Kind(422, "request-reused", "The key of another request was used")),
    (refusals.AnswerForgottenError, Kind(409, "answer-forgotten", "The answer is no longer kept")),
    (refusals.BatchEndedError, Kind(409, "batch-ended", "No batch is open under this token")),
    (refusals.TooLargeError, Kind(413, "too-large", "The body is too long")),
    (refusals.TooSlowError, Kind(408, "too-slow", "The request did not arrive in time")),
    (refusals.TooManyRequestsError, Kind(429, "too-many-requests", "Too many requests")),
    (refusals.InvalidRequestError, Kind(422, "invalid-request", "The request is not of its form")),
    (errors.EncoderMismatchError, Kind(409, "encoder-mismatch", "The library's embeddings are of another encoder")),
    (errors.InvalidInputError, Kind(422, "invalid-input", "What was given cannot be used")),
    (errors.SkillNotFoundError, Kind(404, "skill-not-found", "There is no such skill")),
    (errors.LibraryMovedError, Kind(409, "library-moved", "The library was moved or replaced while it was served")),
    (errors.LibraryNotFoundError, Kind(404, "library-not-found", "There is no such library")),
    (errors.LibraryLockedError, Kind(503, "library-locked", "Another process has the library")),
    (errors.LibraryClosedError, Kind(503, "library-closed", "The library is being closed")),
    (errors.ReadOnlyError, Kind(403, "read-only", "The library is only read")),
    (errors.WriteFailedError, Kind(503, "write-failed", "The disk refused a write")),
    (errors.CorruptLibraryError, Kind(500, "corrupt-library", "The library is damaged")),
    (errors.UnsupportedFormatError, Kind(500, "unsupported-format", "The library is of a newer version")),
    (errors.BackendUnavailableError, Kind(503, "unavailable", "The library cannot be reached")),
]
_UNKNOWN = Kind(500, "defect", "A defect of the server")
_BY_STATUS = {
    404: Kind(404, "no-such-place", "There is nothing at this address"),
    405: Kind(405, "no-such-method", "The address does not take this method"),
}


def kind_of(error: Exception) -> Kind:
    """The first that fits: special ones stand above those they are of."""
    if isinstance(error, HTTPException):
        return _BY_STATUS.get(error.status_code, Kind(error.status_code, "refused", "Refused"))
    return next((kind for of, kind in _KINDS if isinstance(error, of)), _UNKNOWN)


def problem(error: Exception, told: str, request_id: str) -> tuple[Kind, dict[str, Any], list[tuple[bytes, bytes]]]:
    """What to answer: its kind, its body, further headers. `told`: the error's words, as a stranger may read them."""
    kind = kind_of(error)
    body: dict[str, Any] = {
        "type": f"urn:skillstore:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "instance": f"urn:skillstore:request:{request_id}",
    }
    if kind is not _UNKNOWN and not isinstance(error, HTTPException):
        body["detail"] = told[:1000]
    if isinstance(error, refusals.InvalidRequestError):
        body["errors"] = [{"pointer": where, "detail": what} for where, what in error.faults]
    return kind, body, _headers(error, kind)


def _headers(error: Exception, kind: Kind) -> list[tuple[bytes, bytes]]:
    if isinstance(error, refusals.TooManyRequestsError):
        return [(b"retry-after", str(max(1, math.ceil(error.retry_after))).encode())]
    if isinstance(error, HTTPException) and error.headers:
        return [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    if kind.status == 401:
        return [(b"www-authenticate", b'Bearer realm="skillstore", Basic realm="skillstore", charset="UTF-8"')]
    return [(b"retry-after", b"1")] if kind.status == 503 else []
