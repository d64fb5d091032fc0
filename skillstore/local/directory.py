"""Directory: the names in a library's directory, who may write there, and how a file is replaced."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
from datetime import datetime, timezone

from filelock import FileLock, Timeout

from skillstore.errors import LibraryLockedError
from skillstore.local.files import Files

MANIFEST = "MANIFEST"
PREVIOUS = "MANIFEST.previous"
SEAL = "seal"
LOCK = "lock"
HOLDER = "lock.holder"
REPLACING = ".new"
_OURS = re.compile(
    r"(journal|counts|segment|cells)-\d{6,15}|(MANIFEST(\.previous)?|seal)(\.new)?|lock|lock\.holder", re.ASCII
)
_SEGMENT = re.compile(r"segment-\d{6,15}", re.ASCII)


def journal_name(generation: int) -> str:
    return f"journal-{generation:06d}"


def number_of(name: str, kind: str) -> int:
    """The number in the name of a file of this kind ("journal", "segment" ...); 0 for the name of anything else."""
    return int(name.removeprefix(f"{kind}-")) if name.startswith(f"{kind}-") and is_ours(name) else 0


def counts_name(generation: int) -> str:
    return f"counts-{generation:06d}"


def segment_name(number: int) -> str:
    return f"segment-{number:06d}"


def cells_name(segment: int) -> str:
    return f"cells-{segment:06d}"


def has_next(number: int) -> bool:
    """Whether a file of the next number would be known by its name."""
    return number + 1 < 10**15


def is_ours(name: str) -> bool:
    """Whether a library may have made a file of this name."""
    return _OURS.fullmatch(name) is not None


def is_segment(name: object) -> bool:
    """Whether `name` is that of a segment's file."""
    return isinstance(name, str) and _SEGMENT.fullmatch(name) is not None


def replace(files: Files, name: str, data: bytes) -> None:
    """Durably replace `name`, or make it: after a crash it holds the old bytes or the new ones, never a mixture."""
    prepare(files, name, data)
    finish(files, name)


def prepare(files: Files, name: str, data: bytes) -> None:
    """The first half of `replace`: the new bytes are on the disk, beside the old."""
    fd = files.create(name + REPLACING)
    try:
        files.write(fd, data)
        files.sync(fd)
    finally:
        files.close(fd)


def finish(files: Files, name: str) -> None:
    """The second half of `replace`."""
    files.replace(name + REPLACING, name)
    files.sync_directory()


class WriterLock:
    """The right to write in a directory: one process at a time, given back by the system when the process ends.

    Two locks stand for it: that of the file LOCK, which every file system knows, and that of the directory itself,
    which stays when somebody removes the file.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._file: tuple[int, int] | None = None  # device and inode of the lock file that is held
        # The lock file is never removed: whoever waits on a removed one would hold a lock that nobody else sees.
        self._lock = FileLock(
            files.path(LOCK), timeout=0, thread_local=False, preserve_lock_file=True, fallback_to_soft=False,
            on_acquired=self._identify,
        )  # fmt: skip

    def acquire(self) -> None:
        """Take it at once.

        Raises LibraryLockedError naming the process that has it, and since when, or saying that it is this one.
        """
        if not self._files.lock_directory():
            raise self._taken()
        try:
            self._lock.acquire()
            self._note_holder()
        except Timeout:
            self.release()
            raise self._taken() from None
        except BaseException:
            self.release()
            raise

    def _identify(self, fd: int) -> None:
        self._file = self._files.file_of(fd)

    def is_linked(self) -> bool:
        """Whether the lock file in the directory is the one that is held: nobody removed or replaced it."""
        return self._files.file_of(LOCK) == self._file

    def _note_holder(self) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": now}
        try:
            fd = self._files.create(HOLDER)
            try:
                self._files.write(fd, json.dumps(holder).encode())
            finally:
                self._files.close(fd)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):  # who is to make room must be let in
                raise

    def release(self) -> None:
        """Give both locks back. A forked child, which never had them, must not call this."""
        try:
            self._lock.release()
        finally:
            self._files.unlock_directory()

    def _taken(self) -> LibraryLockedError:
        if self._files.is_locked_here():
            return LibraryLockedError(
                f"{self._files.directory} is open for writing in this process already: use that SkillLibrary, or close "
                "it first with library.close() (`with SkillLibrary.open(...) as library:` closes it by itself); "
                'mode="r" reads beside it'
            )
        return LibraryLockedError(
            f"{self._files.directory} is being written by {self._holder()}; "
            'wait for it, stop it, or open the library with mode="r"'
        )

    def _holder(self) -> str:
        try:
            fd = self._files.open(HOLDER)
            try:
                holder = json.loads(self._files.read(fd, 0, 4096))
            finally:
                self._files.close(fd)
            return f"process {int(holder['pid'])} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"
