"""Catalog: the skills as files, each a SKILL.md at an address of its own, page by page.

    skill://LIBRARY/NAME-ID/SKILL.md

The last part before the file is the skill's name in its front matter, as SEP-2640 has it, and ends in the skill's id.
It follows the skill's name: once that is replaced, the old address is no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skillstore.errors import InvalidInputError, LibraryNotFoundError, SkillNotFoundError
from skillstore.service.fields import MAX_K
from skillstore.service.mcp.asking import Asking
from skillstore.service.skill_md import SkillMd, file_name, id_of, skill_md

PAGE = 100
TEMPLATE = "skill://{library}/{name}/SKILL.md"

_ADDRESS = re.compile(r"skill://([a-z0-9][a-z0-9_-]{0,63})/([a-z0-9-]{1,64})/SKILL\.md")
_CURSOR = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})/(0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Entry:
    """A file and its address."""

    uri: str
    file: SkillMd


@dataclass(frozen=True)
class Page:
    """`cursor`: what the next page is asked with; None: this was the last."""

    entries: list[Entry]
    cursor: str | None


def page(asking: Asking, cursor: str | None) -> Page:
    """Library by library, by ascending id. Cost: that of reading PAGE skills. Raises InvalidInputError.

    What is added meanwhile comes in a later page, or at the next time; nothing comes twice. Of several libraries, one
    that cannot be opened is left out.
    """

    def some(library: str, after: int, room: int) -> tuple[list[dict[str, Any]], int | None]:
        listed = asking.run("list_skills", {"after": after, "limit": room}, library)
        return listed["skills"], listed["next"]

    return _page(asking, cursor, some)


def applicable(asking: Asking, state: Any, cursor: str | None) -> Page:
    """As `page`, but only what applies in `state`, the most reliable first; of each library at most MAX_K skills."""

    def some(library: str, start: int, room: int) -> tuple[list[dict[str, Any]], int | None]:
        asked = {"state": state, "k": min(start + room + 1, MAX_K)}
        found = asking.run("retrieve_skills", asked, library)["matches"][start:]
        return [match["skill"] for match in found[:room]], start + room if len(found) > room else None

    return _page(asking, cursor, some)


def _page(
    asking: Asking, cursor: str | None, some: Callable[[str, int, int], tuple[list[dict[str, Any]], int | None]]
) -> Page:
    """`some(library, after, room)`: skills, and after what there are more."""
    names = asking.names()
    first, after = _place(cursor, names)
    entries: list[Entry] = []
    for name in names:
        if name < first or (asking.fixed is None and asking.service.libraries.problem(name) is not None):
            continue
        if len(entries) == PAGE:
            return Page(entries, f"{name}/0")
        forms, more = some(name, after if name == first else 0, PAGE - len(entries))
        entries += [_entry(form, name) for form in forms]
        if more is not None:
            return Page(entries, f"{name}/{more}")
    return Page(entries, None)


def found(asking: Asking, uri: str) -> Entry:
    """The file at the address. Raises SkillNotFoundError, in words that say what is there instead."""
    place = _ADDRESS.fullmatch(uri)
    skill_id = id_of(place[2]) if place else None
    if place is None or skill_id is None or skill_id >= 2**62:
        raise SkillNotFoundError(f"no skill is served at {uri!r:.200}; addresses are of the form {TEMPLATE}")
    library, name = place[1], place[2]
    try:
        if library not in asking.names():
            raise LibraryNotFoundError
        form = asking.run("get_skill", {"id": skill_id, "embeddings": False}, library)["skill"]
    except (LibraryNotFoundError, SkillNotFoundError):
        raise SkillNotFoundError(f"no skill is served at {uri}; list the resources, or call retrieve_skills") from None
    if file_name(form) != name:
        raise SkillNotFoundError(f"no skill is served at {uri}; skill {skill_id} is at {address(form, library)}")
    return _entry(form, library)


def address(form: dict[str, Any], library: str) -> str:
    """Where the file of a skill is."""
    return f"skill://{library}/{file_name(form)}/SKILL.md"


def _entry(form: dict[str, Any], library: str) -> Entry:
    return Entry(address(form, library), skill_md(form, library))


def _place(cursor: str | None, names: list[str]) -> tuple[str, int]:
    """Where to go on."""
    if cursor is None:
        return (names[0] if names else "", 0)
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[2]) > 2**62:
        raise InvalidInputError("this is no cursor of this server; begin without one")
    return found[1], int(found[2])
