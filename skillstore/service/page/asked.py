"""Asked: what somebody at the page wants, and the few kinds of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from skillstore.errors import SkillNotFoundError
from skillstore.service.callers import LOCAL, ROLES, Caller, Role
from skillstore.service.refusals import InvalidRequestError
from skillstore.service.service import Service


@dataclass(frozen=True)
class Asked:
    """`place`: what stands in the address; `query` and `form`: the last of each name. All of it is only text.

    `prefix`: what the paths of all links begin with, where the server stands below a path.
    """

    service: Service
    caller: Caller
    place: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""

    @property
    def library(self) -> str | None:
        """The name of the library that it is about."""
        return self.place.get("library")

    @property
    def id(self) -> int:
        """The skill that it is about. Raises SkillNotFoundError for what is no id."""
        text = self.place["id"]
        if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text)):
            raise SkillNotFoundError("a skill is found by its id, a whole number")
        return int(text)

    def run(self, operation: str, **request: Any) -> dict[str, Any]:
        """The reply of an operation. A write that has been carried out for this form is answered as it was."""
        once = self.form.get("once")
        return self.service.run(
            operation,
            request,
            library=self.library,
            caller=self.caller,
            request_id=f"page-{once}" if once else None,
        )

    def may(self, role: Role) -> bool:
        return ROLES.index(self.caller.role) >= ROLES.index(role)

    @property
    def has_key(self) -> bool:
        """Whether this came with a key, as it must where there are any."""
        return self.caller != LOCAL

    def whole(self, name: str, otherwise: int, least: int, most: int) -> int:
        """A whole number of the query, within bounds; else `otherwise`."""
        text = self.query.get(name, "")
        return max(least, min(most, int(text))) if text.isdecimal() and len(text) < 19 else otherwise

    def chosen(self, name: str, among: tuple[str, ...]) -> str:
        """One of `among`; the first, if the query has none."""
        given = self.query.get(name)
        return given if given in among else among[0]

    def words(self, name: str, most: int) -> str | None:
        """What somebody wrote, without the blanks around it; None for nothing. Raises InvalidRequestError."""
        text = (self.query.get(name) or self.form.get(name) or "").strip()
        if len(text) > most:
            raise InvalidRequestError([(name, f"at most {most} characters are taken")])
        return text or None


@dataclass(frozen=True)
class Page:
    """A template, and what it shows."""

    template: str
    shown: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True)
class Elsewhere:
    """Go on at `to`, a path of ours without the prefix. `key`: kept in the cookie from now on; "": no more."""

    to: str
    key: str | None = None


@dataclass(frozen=True)
class Unchanged:
    """There is nothing new to show."""


Answer: TypeAlias = Page | Elsewhere | Unchanged
View: TypeAlias = Callable[[Asked], Answer]
