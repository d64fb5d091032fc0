"""Asking: who asks, and about which libraries: what a transport knows, and a tool needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skillstore.errors import InvalidInputError, LibraryNotFoundError
from skillstore.service.callers import ROLES, Caller, Role
from skillstore.service.names import is_name
from skillstore.service.service import Service

_TOLD = 20  # libraries that an error names


@dataclass(frozen=True)
class Asking:
    """`fixed`: the one library that it is about; None: any that the caller sees, which tools then take by name."""

    service: Service
    caller: Caller
    fixed: str | None = None
    may_delete: bool = False

    def names(self) -> list[str]:
        """The libraries that can be asked, ascending."""
        if self.fixed is not None:
            return [self.fixed]
        return [name for name in self.service.libraries.names() if self.caller.sees(name)]

    def library(self, named: str | None) -> str:
        """The one that is meant. Raises InvalidInputError or LibraryNotFoundError, which say what there is."""
        if self.fixed is not None:
            return self.fixed
        there = self.names()
        if named is None:
            if len(there) == 1:
                return there[0]
            raise InvalidInputError(f"which library? give its name as 'library'; {_said(there)}")
        if not is_name(named) or named not in there:
            raise LibraryNotFoundError(f"there is no library {named!r:.80}; {_said(there)}")
        return named

    def may(self, role: Role) -> bool:
        """Whether the caller's role is enough."""
        return ROLES.index(self.caller.role) >= ROLES.index(role)

    def run(
        self, operation: str, request: dict[str, Any], library: str | None, request_id: str | None = None
    ) -> dict[str, Any]:
        """As `Service.run`. Blocks."""
        return self.service.run(operation, request, library=library, caller=self.caller, request_id=request_id)


def _said(there: list[str]) -> str:
    if not there:
        return "there is none yet: whoever runs the server makes one"
    more = f" and {len(there) - _TOLD} more" if len(there) > _TOLD else ""
    return f"there {'is' if len(there) == 1 else 'are'} {', '.join(there[:_TOLD])}{more}"
