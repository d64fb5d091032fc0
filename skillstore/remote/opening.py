"""Opening: the backend for a server's library, which is made there if it may be."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import Any

from skillstore.backend import Settings, Wanted
from skillstore.errors import InvalidInputError, LibraryNotFoundError
from skillstore.remote.address import Address
from skillstore.remote.backend import RemoteBackend
from skillstore.remote.problems import LibraryExistsError
from skillstore.remote.wire import Wire, no_answer

KEY = "SKILLSTORE_KEY"
"""The environment variable that has a key."""
_PATIENCE = 2.0  # seconds: an address that is wrong is told of soon


def opened(where: str, wanted: Wanted, durability: str, writes: bool, create: bool, key: str | None) -> RemoteBackend:
    """Raises InvalidInputError, EncoderMismatchError, LibraryNotFoundError, AccessDeniedError,
    BackendUnavailableError, and what the server says of a library that it cannot open.
    """
    address = Address.of(where)
    wire = Wire(address.server, _key(os.environ.get(KEY) if key is None else key))
    try:
        stats = _stats(wire, address, wanted, writes and create)
        settings = _settings(stats, address)
        wanted.agree(settings)
        if durability != "full" and durability != stats["durability"]:
            raise InvalidInputError(f"the server's durability is {stats['durability']!r}, not {durability!r}")
    except BaseException:
        wire.close()
        raise
    return RemoteBackend(settings, wire, address, writes)


def _stats(wire: Wire, address: Address, wanted: Wanted, create: bool) -> Any:
    try:
        return wire.ask("GET", address.library, again=True, slow=True, patience=_PATIENCE)
    except LibraryNotFoundError:
        if not create:
            raise
    new = vars(wanted.new())
    with suppress(LibraryExistsError):  # somebody was faster: what it keeps is compared, as of any other
        wire.ask("POST", address.libraries, {"name": address.name, **new}, again=True, key=secrets.token_hex(16))
    return wire.ask("GET", address.library, again=True)


def _settings(stats: Any, address: Address) -> Settings:
    try:
        names = ("embedding_dim", "encoder", "same_skill", "dedup_scope")
        return Settings.checked(*(stats[name] for name in names))
    except (KeyError, TypeError, InvalidInputError):
        raise no_answer(address.server) from None


def _key(key: str | None) -> str | None:
    if key is not None and (type(key) is not str or not key or not key.isascii() or not key.isprintable()):
        raise InvalidInputError("a key is text as 'skillstore keys add' shows it: sk_...")
    return key
