"""Endpoint: one operation, over HTTP. The request is put together of address, query, body and headers."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl, quote

from skillstore.errors import LibraryNotFoundError
from skillstore.service import requests
from skillstore.service.fields import MAX_REQUEST_KEY
from skillstore.service.http import bodies
from skillstore.service.http.lanes import Lanes
from skillstore.service.http.metrics import Metrics
from skillstore.service.http.problems import MalformedError
from skillstore.service.http.visit import JSON, Receive, Scope, Send, Visit, answer, visit_of
from skillstore.service.http.ways import Way
from skillstore.service.names import is_name
from skillstore.service.refusals import ChangedMeanwhileError, InvalidRequestError
from skillstore.service.service import Service

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_KEY = re.compile(rb"[!-~][ -~]{0,%d}" % (MAX_REQUEST_KEY - 1))
_TAG = re.compile(rb'(?:W/)?"([!#-~]*)"')
_TAGS = re.compile(rb'\*|(?:W/)?"[!#-~]*"(?:\s*,\s*(?:W/)?"[!#-~]*")*')
_WORDS = {"true": True, "false": False}
_MANY = 100
_SLOW = frozenset({"snapshot", "compact", "verify", "settle", "delete_library", "create_library", "list_libraries"})


class Endpoint:
    """ASGI for one way."""

    def __init__(self, way: Way, service: Service, lanes: Lanes, metrics: Metrics) -> None:
        self._way, self._service, self._lanes, self._metrics = way, service, lanes, metrics
        self._operation = way.operation
        self._route = way.path.replace(":path", "")
        self._named = "{library}" in way.path
        kinds = self._operation.request.model_json_schema().get("properties", {})
        self._wholes = frozenset(name for name, field in kinds.items() if field.get("type") == "integer")
        self._words = frozenset(name for name, field in kinds.items() if _may_be_boolean(field))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = visit_of(scope)
        visit.route = self._route
        headers = visit.headers
        fields = dict(scope["path_params"])
        library = fields.pop("library", None)
        batch = fields.pop("batch", None) or _text(headers, b"skillstore-batch")
        if library is not None and not self._operation.about_a_library:
            fields["name"], library = library, None
        if self._named and not is_name(library or fields.get("name")):
            raise LibraryNotFoundError(f"there is no library {library or fields.get('name')!r:.80}")
        visit.caller.check(self._operation.role, library)  # before a body of a stranger is read
        if scope["query_string"]:
            _take_query(fields, scope["query_string"])
        if fields:
            self._read_texts(fields)
            self._check_address(scope["path_params"].keys() & self._wholes, fields)
        await self._take_body(fields, receive, headers)
        if b"if-match" in headers or b"if-none-match" in headers:
            self._take_conditions(fields, headers)
        asked = requests.read(self._operation.request, fields)
        reply = await self._carried_out(asked, library, visit, request_key(headers), batch)
        await self._answer(send, reply, headers, scope)

    def _read_texts(self, fields: dict[str, Any]) -> None:
        """What the request wants as a number or a boolean, of texts from the address that are one."""
        for name, text in fields.items():
            if name in self._wholes and _WHOLE.fullmatch(text):
                fields[name] = int(text)
            elif name in self._words and text in _WORDS:
                fields[name] = _WORDS[text]

    def _check_address(self, names: Collection[str], fields: dict[str, Any]) -> None:
        """Raises InvalidRequestError for a number that is not written in the one way: it stands in the path."""
        wrong = [name for name in names if type(fields[name]) is not int]
        if wrong:
            raise InvalidRequestError([(f"/{name}", "the address needs a whole number here") for name in sorted(wrong)])

    async def _take_body(self, fields: dict[str, Any], receive: Receive, headers: dict[bytes, bytes]) -> None:
        body = await bodies.whole(receive, headers)
        where = self._way.body
        if where is None:
            if body.strip() not in (b"", b"{}"):
                raise MalformedError("this takes no body")
            return
        if not body and where == "" and not self._needs_body():
            return
        bodies.check_type(headers, JSON)
        form = bodies.form_of(body) if self._operation.writes else bodies.form_of_question(body)
        if where:
            fields[where] = form
        elif type(form) is not dict:
            raise InvalidRequestError([("", "the body is a JSON object")])
        else:
            twice = form.keys() & fields.keys()
            if twice:
                raise InvalidRequestError([(f"/{name}", "stands in the address already") for name in sorted(twice)])
            fields.update(form)

    def _needs_body(self) -> bool:
        return any(field.is_required() for field in self._operation.request.model_fields.values())

    def _take_conditions(self, fields: dict[str, Any], headers: dict[bytes, bytes]) -> None:
        if not _TAGS.fullmatch(headers.get(b"if-none-match", b"*").strip()):
            raise MalformedError('If-None-Match is entity tags ("...", "...") or *')
        if "expected" not in self._operation.request.model_fields:
            return
        if headers.get(b"if-none-match", b"").strip() == b"*":
            raise ChangedMeanwhileError("If-None-Match: * asks for what is not there; this is about what is")
        given = headers.get(b"if-match", b"*").strip()
        if given != b"*":
            tag = _TAG.fullmatch(given)
            if tag is None:
                raise MalformedError('If-Match is one entity tag ("...") or *')
            if given.startswith(b"W/") or not re.fullmatch(rb"[0-9a-f]{32}", tag[1]):
                raise ChangedMeanwhileError("the skill is not the version that was expected")
            fields["expected"] = tag[1].decode()

    async def _carried_out(
        self, asked: requests.Request, library: str | None, visit: Visit, key: str | None, batch: str | None
    ) -> dict[str, Any]:
        operation, service = self._operation, self._service
        name, caller = operation.name, visit.caller

        def run() -> dict[str, Any]:
            return service.run(name, asked, library=library, caller=caller, request_id=key, batch=None)

        if operation.about_a_library and (batch is not None or operation.change is None):

            def submit() -> Any:
                return service.submit(name, asked, library=library, caller=caller, request_id=key, batch=batch)

            future = await self._lanes.write(submit) if name == "begin_batch" else submit()
            reply: dict[str, Any] = await asyncio.shield(asyncio.wrap_future(future))
            return reply
        if operation.writes or name in _SLOW:
            return await self._lanes.write(run)
        start = time.perf_counter()
        slow = getattr(asked, "exact", False) or getattr(asked, "k", 0) > _MANY
        reply = await self._lanes.read((library or "", f"{name} slow" if slow else name), run)
        if name == "retrieve_skills":
            self._metrics.retrieved(len(reply["matches"]), time.perf_counter() - start)
        return reply

    async def _answer(self, send: Send, reply: dict[str, Any], headers: dict[bytes, bytes], scope: Scope) -> None:
        status, more = self._way.status, []
        here = visit_of(scope).prefix + quote(scope["path"])
        version = reply.get("version")
        if version is not None:
            more.append((b"etag", f'"{version}"'.encode()))
            if scope["method"] in ("GET", "HEAD") and _matches(headers.get(b"if-none-match"), version):
                await answer(send, 304, None, headers=more)
                return
        if self._operation.name == "add_skill":
            status = 201 if reply["created"] else 200
            more.append((b"location", f"{here}/{reply['id']}".encode()))
        elif self._operation.name == "create_library":
            more.append((b"location", f"{here}/{reply['name']}".encode()))
        await answer(send, status, reply, headers=more)


def _may_be_boolean(field: dict[str, Any]) -> bool:
    return any(kind.get("type") == "boolean" for kind in (field, *field.get("anyOf", ())))


def _take_query(fields: dict[str, Any], query: bytes) -> None:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict",
                          max_num_fields=20)  # fmt: skip
    except ValueError:
        raise MalformedError("the query is not name=value pairs in UTF-8") from None
    for name, value in pairs:
        if name in fields:
            raise InvalidRequestError([(f"/{name[:80]}", "is given twice")])
        fields[name] = value


def request_key(headers: dict[bytes, bytes]) -> str | None:
    given = headers.get(b"idempotency-key")
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        raise MalformedError(f"an Idempotency-Key has 1 to {MAX_REQUEST_KEY} printable ASCII characters")
    return given.decode("ascii")


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    given = headers.get(name)
    return None if given is None else given.decode("latin-1")


def _matches(given: bytes | None, version: str) -> bool:
    if given is None:
        return False
    return given.strip() == b"*" or version.encode() in _TAG.findall(given)
