"""Callers: who asks, and what they may. A role is for some libraries, or for all; others do not exist for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from skillstore.errors import LibraryNotFoundError
from skillstore.service.refusals import NotAllowedError

Role: TypeAlias = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = ("read", "write", "admin")
"""Each may what those before it may."""


@dataclass(frozen=True)
class Caller:
    """`name` tells callers apart, for request ids, batches and limits; `libraries` None: all of them."""

    name: str
    role: Role
    libraries: frozenset[str] | None = None

    def sees(self, library: str) -> bool:
        """Whether the library exists for this caller."""
        return self.libraries is None or library in self.libraries

    def check(self, role: Role, library: str | None = None) -> None:
        """Raises LibraryNotFoundError if the caller does not see `library`, NotAllowedError if the role is too low."""
        if library is not None and not self.sees(library):
            raise LibraryNotFoundError(f"there is no library {library!r}")
        if ROLES.index(self.role) < ROLES.index(role):
            raise NotAllowedError(f"this needs the role {role!r}; the key has {self.role!r}")


LOCAL = Caller("local", "admin")
"""Who asks on a service without keys, or from inside the process: everything is allowed."""
