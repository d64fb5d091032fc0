"""Refusals: what a service answers instead, beside the errors of a library. Statuses are decided at the edges.

SkillStoreError
├── InvalidInputError
│   └── InvalidRequestError    a request is not of its form; says where, and never what was given there
├── AccessDeniedError
│   ├── UnknownKeyError        no key, or none that is known
│   └── NotAllowedError        the key's role is too low for this
├── LibraryExistsError         a library of this name is there already
├── NoteNotFoundError          no note has this key                       (also a LookupError)
├── ChangedMeanwhileError      the skill is not the version that was expected
├── RequestReusedError         a request id came again with another request
├── AnswerForgottenError       a request was carried out, but what it answered is no longer kept whole
├── BatchEndedError            no batch is open under this token
├── TooLargeError              more bytes than are taken
├── TooSlowError               a request that did not arrive, or could not be begun, in time
└── TooManyRequestsError       over what a key may ask in a time; says when to come again
"""

from __future__ import annotations

from skillstore.errors import AccessDeniedError, InvalidInputError, SkillStoreError


class InvalidRequestError(InvalidInputError):
    """A request is not of its form. `faults`: (where, what) of each; nothing that was given is repeated."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{where or 'the request'}: {what}" for where, what in faults[:5]))
        self.faults = faults


class UnknownKeyError(AccessDeniedError):
    """No key was given, or none that is known."""


class NotAllowedError(AccessDeniedError):
    """The key's role is too low."""


class LibraryExistsError(SkillStoreError):
    """A library of this name is there already."""


class NoteNotFoundError(SkillStoreError, LookupError):
    """No note has this key."""


class ChangedMeanwhileError(SkillStoreError):
    """The skill is not the version that was expected; nothing was written."""


class RequestReusedError(SkillStoreError):
    """A request id came again, with another request; nothing was written."""


class AnswerForgottenError(SkillStoreError):
    """A request was carried out before, but what it answered is no longer kept whole; nothing was written."""


class BatchEndedError(SkillStoreError):
    """No batch is open under this token: it was ended, or waited too long and was abandoned."""


class TooLargeError(SkillStoreError):
    """More bytes than are taken."""


class TooSlowError(SkillStoreError):
    """A request that did not arrive, or could not be begun, in time."""


class TooManyRequestsError(SkillStoreError):
    """Over what may be asked in a time. `retry_after`: seconds until it may be asked again."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
