"""Every error of the library, one tree.

    SkillStoreError
    ├── InvalidInputError        what was given cannot be used; nothing was written      (also a ValueError)
    │   └── EncoderMismatchError the library's embeddings come from another encoder
    ├── SkillNotFoundError       no skill has this id                                    (also a LookupError)
    ├── LibraryNotFoundError     there is no library at this place                       (also a LookupError)
    │   └── LibraryMovedError    what stands at the path is not what was opened: moved, removed or replaced
    ├── LibraryLockedError       somebody has it open for writing; says which process, and since when
    ├── LibraryClosedError       used after close(), or in a forked child
    ├── ReadOnlyError            a change was asked of a library opened with mode="r"
    ├── WriteFailedError         the disk refused a write or a sync; nothing is acknowledged until reopened
    ├── CorruptLibraryError      bytes on disk are not what was written; says file and offset
    ├── UnsupportedFormatError   the library was written by a newer version
    ├── BackendUnavailableError  the place where the skills live cannot be reached
    └── AccessDeniedError        a server does not know the key, or the key may not do this

Each message names the thing and the way out. Exit codes and HTTP statuses are decided at the edges, not here.
"""

from __future__ import annotations

from typing import Any


class SkillStoreError(Exception):
    """The root of the tree."""


class InvalidInputError(SkillStoreError, ValueError):
    """What was given cannot be used; nothing was written."""


class EncoderMismatchError(InvalidInputError):
    """The library keeps embeddings of another encoder; similarities between the two would mean nothing."""


class SkillNotFoundError(SkillStoreError, LookupError):
    """No skill of the library has this id."""


class LibraryNotFoundError(SkillStoreError, LookupError):
    """There is no library at this place, and none may be created there."""


class LibraryMovedError(LibraryNotFoundError):
    """The directory, or a file that the library consists of, was moved, removed or replaced while it was open.

    Nothing was written and nothing of the change was acknowledged. The message says where the acknowledged skills are.
    """


class LibraryLockedError(SkillStoreError):
    """The library is open for writing, in another process or in this one."""


class LibraryClosedError(SkillStoreError):
    """The library was closed, or belongs to the parent of this forked process."""


class ReadOnlyError(SkillStoreError):
    """The library was opened with mode="r"."""


class WriteFailedError(SkillStoreError):
    """A write or sync failed: the change in flight was not acknowledged, and no further one is taken until reopened.

    Or a backup, or the library of one, could not be made; then all else goes on.
    """


class CorruptLibraryError(SkillStoreError):
    """The bytes of `file` at `offset` are not those that were written."""

    def __init__(self, file: str, offset: int, what: str) -> None:
        super().__init__(
            f"{file} is damaged at byte {offset}: {what}. Restore a backup, or see what `repair` would give up; "
            "nothing was changed"
        )
        self.file = file
        self.offset = offset
        self.what = what


class UnsupportedFormatError(SkillStoreError):
    """The library was written by a newer version of skillstore than this one."""


class BackendUnavailableError(SkillStoreError):
    """The place where the skills live cannot be reached."""


class AccessDeniedError(SkillStoreError):
    """A server does not know the key that was given, or none was, or the key may not do what was asked."""


def quote(value: Any, most: int = 80) -> str:
    """`value` as a message shows it, `most` characters of it, whatever its own ``__repr__`` does.

    >>> quote(10**5000), quote("a" * 100, most=10)
    ('<builtins.int>', "'aaaaaaaa…")
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a broken repr, a number too long to be shown: it is refused for another reason
        text = f"<{type_name(value)}>"
    return text if len(text) <= most else text[: most - 1] + "…"


def type_name(value: Any) -> str:
    """The type of `value`, with the module that it comes from."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
