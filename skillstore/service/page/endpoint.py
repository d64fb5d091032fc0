"""Endpoint: one view as ASGI, behind the gate. What fails is shown as a page, too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

from skillstore.errors import LibraryNotFoundError, SkillStoreError
from skillstore.service.http import bodies
from skillstore.service.http.cookies import key_cookie
from skillstore.service.http.gate import NOBODY
from skillstore.service.http.problems import MalformedError, WrongOriginError, kind_of
from skillstore.service.http.visit import Receive, Scope, Send, Visit, answer_bytes, visit_of
from skillstore.service.page.asked import Answer, Asked, Elsewhere, Page, View
from skillstore.service.page.rendering import rendered
from skillstore.service.service import Service

MAX_FORM = 2**20
"""Bytes of a form."""
_FORM = b"application/x-www-form-urlencoded"
_HTML = b"text/html; charset=utf-8"
_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"same-origin"),  # with none at all, forms would come without a usable Origin
    (b"x-frame-options", b"DENY"),
]


class Endpoint:
    """`open_`: also for who has no key yet; all others are sent to the place where one is entered."""

    def __init__(self, route: str, view: View, service: Service, open_: bool = False) -> None:
        self._route, self._view, self._service, self._open = route, view, service, open_

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = visit_of(scope)
        visit.route = self._route
        if visit.caller == NOBODY and not self._open:
            await self._send(Elsewhere(f"/sign-in?to={quote(_here(scope), safe='')}"), None, visit, send)
            return
        asked = Asked(self._service, visit.caller, scope["path_params"], prefix=visit.prefix)
        try:
            form = await _form(visit, receive) if scope["method"] == "POST" else {}
            asked = replace(asked, query=_pairs(scope["query_string"]), form=form)
            given = await asyncio.to_thread(self._view, asked)
        except SkillStoreError as error:
            kind = kind_of(error)
            shown = {"title": kind.title, "words": self._service.told(error)[:1000]}
            given = Page("trouble.html", shown, kind.status)
            if isinstance(error, LibraryNotFoundError):
                asked = Asked(self._service, visit.caller, prefix=visit.prefix)  # no way leads into it
        await self._send(given, asked, visit, send)

    async def _send(self, given: Answer, asked: Asked | None, visit: Visit, send: Send) -> None:
        if isinstance(given, Page):
            assert asked is not None  # noqa: S101 - only who was asked is shown a page
            body = await asyncio.to_thread(rendered, given.template, asked, given.shown)
            await answer_bytes(send, given.status, body, _HTML, _HEADERS)
        elif isinstance(given, Elsewhere):
            headers = [*_HEADERS, (b"location", f"{visit.prefix}{given.to}".encode())]
            if given.key is not None:
                headers.append((b"set-cookie", key_cookie(visit.headers, given.key, visit.prefix)))
            await answer_bytes(send, 303, b"", _HTML, headers)
        else:
            await answer_bytes(send, 204, b"", _HTML, _HEADERS)


async def _form(visit: Visit, receive: Receive) -> Mapping[str, str]:
    """The fields of a form that a page of ours sent: the gate has seen that an Origin, where there is one, is ours."""
    if b"origin" not in visit.headers:
        raise WrongOriginError("a form says which page it comes from, in its Origin header")
    bodies.check_type(visit.headers, _FORM)
    return _pairs(await bodies.whole(receive, visit.headers, MAX_FORM))


def _pairs(text: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50))
    except ValueError:
        raise MalformedError("the form's fields are not name=value pairs in UTF-8") from None


def _here(scope: Mapping[str, Any]) -> str:
    """The address that was asked for, to come back to; of a form, the page at its own address."""
    if scope["method"] == "POST":
        return "/"
    query = scope["query_string"].decode("ascii", "replace")
    return quote(scope["path"]) + (f"?{query}" if query else "")


class File:
    """An asset, by its name."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self._files = files

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        visit_of(scope).route = "/assets/{name}"
        found = self._files.get(scope["path_params"]["name"])
        if found is None:
            await answer_bytes(send, 404, b"there is no such file", b"text/plain; charset=utf-8")
            return
        kept = (b"cache-control", b"public, max-age=31536000, immutable")
        await answer_bytes(send, 200, found.body, found.kind, [kept])
