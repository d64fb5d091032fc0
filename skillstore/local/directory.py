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
    """The right to write in a directory: one process at a time, given back by the system when the process ends."""

    def __init__(self, files: Files) -> None:
        self._files = files
        # The lock file is never removed: whoever waits on a removed one would hold a lock that nobody else sees.
        self._lock = FileLock(
            files.path(LOCK), timeout=0, thread_local=False, preserve_lock_file=True, fallback_to_soft=False
        )

    def acquire(self) -> None:
        """Take it at once. Raises LibraryLockedError naming the process that has it, and since when."""
        try:
            self._lock.acquire()
        except Timeout:
            raise LibraryLockedError(
                f"{self._files.directory} is being written by {self._holder()}; "
                'wait for it, stop it, or open the library with mode="r"'
            ) from None
        try:
            self._note_holder()
        except BaseException:
            self.release()
            raise

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
        self._lock.release()

    def _holder(self) -> str:
        try:
            holder = json.loads(self._files.path(HOLDER).read_bytes()[:4096])
            return f"process {int(holder['pid'])} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"
