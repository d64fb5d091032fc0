"""Address: where a server's library is, read of ``http://host:port/name``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from skillstore.errors import InvalidInputError

_ABOVE = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Address:
    """`server`: what all addresses there begin with, without a "/" at its end; `name`: the library's."""

    server: str
    name: str

    @classmethod
    def of(cls, where: str) -> Address:
        """Raises InvalidInputError, without repeating a password that stands in `where`.

        >>> Address.of("http://localhost:8750/household")
        Address(server='http://localhost:8750', name='household')
        >>> Address.of("https://skills.example/memory/household").library
        'https://skills.example/memory/v1/libraries/household'
        """
        try:
            parts = urlsplit(where)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise _refused(str(error)) from None
        if parts.username is not None or parts.password is not None:
            raise _refused("a key does not stand in it, but is given as key=..., or in SKILLSTORE_KEY")
        if not host or parts.query or parts.fragment or not where.isascii() or not where.isprintable() or " " in where:
            raise _refused("it has a host and a name, and nothing besides")
        above, _, name = parts.path.rstrip("/").rpartition("/")
        if _ABOVE.fullmatch(above) is None or _NAME.fullmatch(name) is None:
            raise _refused("its name has 1 to 64 of a-z, 0-9, '-' and '_', and begins with a letter or figure")
        return cls(f"{parts.scheme}://{parts.netloc}{above.rstrip('/')}", name)

    @property
    def libraries(self) -> str:
        """Of all libraries of the server."""
        return f"{self.server}/v1/libraries"

    @property
    def library(self) -> str:
        """Of this one."""
        return f"{self.libraries}/{self.name}"

    def __str__(self) -> str:
        return f"{self.server}/{self.name}"


def _refused(what: str) -> InvalidInputError:
    return InvalidInputError(f"a server's library is at http://HOST:PORT/NAME: {what}")
