"""Extension: the skills extension of the protocol (SEP-2640), ``skills/list`` and ``skills/get``.

Each skill is one file, SKILL.md, with its digest and size; `catalog` has the files. Directories are not read: there is
nothing else in them. A host that knows nothing of it finds the same files among the resources.

``skills/list`` takes a key of ours in ``_meta``, ``skillstore/state``: the facts of the moment. Then only the skills
that apply are listed, the most reliable first. A listing may be partial, by the extension's own words;
`retrieve_skills` is the way to search.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from mcp.server.context import ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp_types import CacheableResult, PaginatedRequestParams, PaginatedResult, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from skillstore.service.mcp import catalog
from skillstore.service.mcp.asking import Asking

IDENTIFIER = "io.modelcontextprotocol/skills"
STATE = "skillstore/state"
"""The key in ``_meta``."""

Context: TypeAlias = ServerRequestContext[Any, Any]
Carry: TypeAlias = Callable[[Context, Callable[[Asking], Any]], Awaitable[Any]]
"""Calls the function with who asks, in a thread; its errors become those of the protocol."""


class GetSkillParams(RequestParams):
    """The address of a SKILL.md."""

    uri: str


class File(BaseModel):
    """One file of a skill; `digest` and `size` are of its bytes."""

    uri: str
    digest: str
    size: int


class SkillEntry(BaseModel):
    """One skill: its front matter, as JSON, and all its files."""

    uri: str
    frontmatter: dict[str, Any]
    resources: list[File]


class ListSkillsResult(PaginatedResult, CacheableResult):
    """A page of skills."""

    skills: list[SkillEntry]


class GetSkillResult(CacheableResult):
    """One skill."""

    skill: SkillEntry


class SkillsExtension(Extension):
    """Additive: two methods."""

    identifier = IDENTIFIER

    def __init__(self, carry: Carry) -> None:
        self._carry = carry

    def methods(self) -> Sequence[MethodBinding]:
        return (
            MethodBinding("skills/list", PaginatedRequestParams, self._list),
            MethodBinding("skills/get", GetSkillParams, self._get),
        )

    async def _list(self, context: Context, params: PaginatedRequestParams) -> dict[str, Any]:
        meta = context.meta or {}
        state: Any = meta.get(STATE)

        def listed(asking: Asking) -> catalog.Page:
            if state is None:
                return catalog.page(asking, params.cursor)
            return catalog.applicable(asking, state, params.cursor)

        page: catalog.Page = await self._carry(context, listed)
        return _told(context, ListSkillsResult(skills=[_entry(one) for one in page.entries], next_cursor=page.cursor))

    async def _get(self, context: Context, params: GetSkillParams) -> dict[str, Any]:
        entry: catalog.Entry = await self._carry(context, lambda asking: catalog.found(asking, params.uri))
        return _told(context, GetSkillResult(skill=_entry(entry)))


def _entry(entry: catalog.Entry) -> SkillEntry:
    file = entry.file
    only = File(uri=entry.uri, digest=file.digest, size=file.size)
    return SkillEntry(uri=entry.uri, frontmatter=file.frontmatter, resources=[only])


def _told(context: Context, result: CacheableResult) -> dict[str, Any]:
    """As JSON. Versions before 2026-07-28 know nothing of caching."""
    form: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        for name in ("ttlMs", "cacheScope", "resultType"):
            form.pop(name, None)
    return form
