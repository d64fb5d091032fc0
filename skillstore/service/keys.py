"""Keys: who may ask, kept beside the libraries in a file that only its owner can read, and hashed there.

A key is ``sk_<id>_<secret>``, the secret 256 random bits; what is kept is its SHA-256, which nobody can turn back, so
a slow hash would protect nothing more. Secrets are compared in constant time.

    keys.json = {"format": [1, 0], "keys": [{"id", "name", "role", "libraries": [...] | null, "sha256", "created"} ...]}
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from skillstore.errors import BackendUnavailableError, InvalidInputError, UnsupportedFormatError
from skillstore.service import names
from skillstore.service.callers import ROLES, Caller, Role
from skillstore.service.refusals import UnknownKeyError

FILE = "keys.json"
FORMAT = [1, 0]
_KEY = re.compile(r"sk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_LOOK = 1.0  # seconds after which a change of the file counts at the latest
_NOBODY = "0" * 64  # the hash that unknown ids are compared with
_MAX_NAME = 100


@dataclass(frozen=True)
class Key:
    """`libraries` None: all of them, those to come included."""

    id: str
    name: str
    role: Role
    libraries: list[str] | None
    sha256: str
    created: str

    def caller(self) -> Caller:
        return Caller(self.id, self.role, None if self.libraries is None else frozenset(self.libraries))


class Keys:
    """The keys of one directory; what another process changes counts within a second."""

    def __init__(self, directory: Path) -> None:
        """Raises InvalidInputError for a file that is none, or that others may read."""
        self._path = directory / FILE
        self._looked = time.monotonic()
        self._stamp = self._identity()
        self._kept = self._read()

    def __bool__(self) -> bool:
        self._look()
        return bool(self._kept)

    def all(self) -> list[Key]:
        """In the order they were added."""
        self._look()
        return list(self._kept.values())

    def caller(self, key: str) -> Caller:
        """Who has this key. Raises UnknownKeyError, after the same work for any key of the right form."""
        self._look()
        found = _KEY.fullmatch(key)
        if found is None:
            raise UnknownKeyError("the key is not known")
        kept = self._kept.get(found[1])
        same = hmac.compare_digest(_hash(found[2]), _NOBODY if kept is None else kept.sha256)
        if kept is None or not same:
            raise UnknownKeyError("the key is not known")
        return kept.caller()

    def add(self, name: str, role: str, libraries: list[str] | None) -> tuple[Key, str]:
        """A new key, and the words that are it: they are not kept, and never shown again. Durable on return.

        Raises InvalidInputError, BackendUnavailableError.
        """
        key, words = _made(name, role, libraries)
        self._change(lambda kept: kept.update({key.id: key}))
        return key, words

    def remove(self, key_id: str) -> Key:
        """The key is known no more. Durable on return. Raises InvalidInputError if there is none of this id."""
        removed: list[Key] = []

        def remove(kept: dict[str, Key]) -> None:
            if key_id not in kept:
                raise InvalidInputError(f"there is no key {key_id!r:.80}; 'skillstore keys list' has them")
            removed.append(kept.pop(key_id))

        self._change(remove)
        return removed[0]

    # the file

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        stamp = self._identity()
        if stamp != self._stamp:
            self._kept = {}  # should it be unreadable, nobody is known
            self._kept = self._read()
            self._stamp = stamp

    def _identity(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> dict[str, Key]:
        try:
            with self._path.open(encoding="utf-8") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise InvalidInputError(f"{self._path} can be read by others; take that away: chmod 600")
                form = json.load(file)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise BackendUnavailableError(f"{self._path} cannot be read ({error.strerror})") from error
        except ValueError as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(f"{self._path} is not a file of keys; remove it and add the keys again") from None
        return _keys_of(form, self._path)

    def _change(self, change: Callable[[dict[str, Key]], None]) -> None:
        try:
            with self._locked():
                kept = self._read()
                change(kept)
                self._write(kept)
                self._stamp, self._kept = self._identity(), kept
        except OSError as error:
            raise BackendUnavailableError(f"{self._path} cannot be written ({error.strerror})") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_name("keys.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, kept: dict[str, Key]) -> None:
        form = {"format": FORMAT, "keys": [asdict(key) for key in kept.values()]}
        fresh = self._path.with_name(FILE + ".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(form, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _made(name: str, role: str, libraries: list[str] | None) -> tuple[Key, str]:
    if not 1 <= len(name) <= _MAX_NAME or not name.isprintable():
        raise InvalidInputError(f"a key's name has 1 to {_MAX_NAME} printable characters")
    if role not in ROLES:
        raise InvalidInputError(f"a key's role is one of {', '.join(ROLES)}, not {role!r:.80}")
    if libraries is not None:
        libraries = sorted({names.checked(library) for library in libraries})
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Key(key_id, name, role, libraries, _hash(secret), created), f"sk_{key_id}_{secret}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _keys_of(form: Any, path: Path) -> dict[str, Key]:
    if type(form) is dict and type(form.get("format")) is list and form["format"][:1] != FORMAT[:1]:
        raise UnsupportedFormatError(f"{path} has format {form['format']}; upgrade skillstore to read it")
    try:
        kept = {key["id"]: Key(**key) for key in form["keys"]}
        for key in kept.values():
            texts = (key.id, key.name, key.sha256, key.created)
            if key.role not in ROLES or len(key.sha256) != len(_NOBODY) or not all(type(t) is str for t in texts):
                raise TypeError
            if key.libraries is not None and not all(names.is_name(library) for library in key.libraries):
                raise TypeError
    except (TypeError, KeyError, AttributeError):
        raise InvalidInputError(f"{path} is not a file of keys; remove it and add the keys again") from None
    return kept
