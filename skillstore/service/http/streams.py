"""Streams: a library out of the server whole, and into it, however long it is."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import IO, Any

from skillstore.errors import InvalidInputError, UnsupportedFormatError
from skillstore.forms import MAX_TEXT
from skillstore.interchange import export_lines, import_lines
from skillstore.library import SkillLibrary
from skillstore.service import once
from skillstore.service.callers import Role
from skillstore.service.http import bodies
from skillstore.service.http.bodies import GoneError
from skillstore.service.http.endpoint import request_key
from skillstore.service.http.lanes import Lanes
from skillstore.service.http.problems import MalformedError
from skillstore.service.http.visit import Receive, Scope, Send, answer, visit_of
from skillstore.service.service import Service
from skillstore.service.shown import skill_data
from skillstore.skill import MAX_COUNT

JSON_LINES = b"application/x-ndjson"
BACKUP = b"application/octet-stream"
MAX_IMPORT = 4 * 2**30
"""Bytes of an import."""
_MAX_LINE = MAX_TEXT
_BLOCK = 2**18
_AFTER = re.compile(rb"after=(0|[1-9][0-9]{0,18})")
_line = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_PATIENCE = 60.0
"""Seconds in which who is sent something has to take the next part."""


class Out:
    """GET: the library as a stream. `write(library, file, after)` runs in a thread, and fails where who asked is gone.

    `after` is of the query, where one is taken (`from_id`), else 0.
    """

    def __init__(
        self, route: str, role: Role, kind: bytes, ending: str, write: Callable[[SkillLibrary, Any, int], Any],
        service: Service, lanes: Lanes, from_id: bool = False,
    ) -> None:  # fmt: skip
        self._route, self._role, self._kind, self._ending = route, role, kind, ending
        self._write, self._service, self._lanes, self._from_id = write, service, lanes, from_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = visit_of(scope)
        visit.route = self._route
        name = scope["path_params"]["library"]
        visit.caller.check(self._role, name)
        after = self._after(scope["query_string"])
        library = await self._lanes.stream(lambda: self._service.libraries.get(name))
        disposition = f'attachment; filename="{name}{self._ending}"'.encode()
        headers = [(b"content-type", self._kind), (b"content-disposition", disposition)]
        flow = _Outflow(send, headers, asyncio.get_running_loop())
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        watching = asyncio.ensure_future(_gone(receive, flow))
        try:
            await self._lanes.stream(lambda: self._write(library, flow, after))
            await flow.end()
        finally:
            watching.cancel()

    def _after(self, query: bytes) -> int:
        if not query:
            return 0
        given = _AFTER.fullmatch(query)
        if not self._from_id or given is None or int(given[1]) > MAX_COUNT:
            raise MalformedError("this takes after=ID as its query" if self._from_id else "this takes no query")
        return int(given[1])


class In:
    """POST: an export's lines, as one commit. They are all here before the library is touched: nobody waits for a
    slow sender."""

    def __init__(self, route: str, service: Service, lanes: Lanes) -> None:
        self._route, self._service, self._lanes = route, service, lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = visit_of(scope)
        visit.route = self._route
        name = scope["path_params"]["library"]
        visit.caller.check("write", name)
        if scope["query_string"]:
            raise MalformedError("this takes no query")
        bodies.check_type(visit.headers, JSON_LINES)
        key = request_key(visit.headers)
        with tempfile.TemporaryFile() as file:
            digest = hashlib.blake2b(digest_size=16)
            async for part in bodies.stream(receive, visit.headers, MAX_IMPORT):
                digest.update(part)
                await self._lanes.stream(lambda part=part: file.write(part))  # type: ignore[misc]
            file.seek(0)

            def change(library: SkillLibrary) -> Any:
                if key is None:
                    return _imported(library, file)
                request_id = once.request_id(visit.caller, key)
                return once.once(library, request_id, "import", digest.hexdigest(), lambda: _imported(library, file))

            reply = await self._lanes.write(lambda: self._service.libraries.use(name, change, writes=True))
        await answer(send, 200, reply)


class _Outflow:
    """A file to write to, in a thread, whose other end is an answer. The first block begins it."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]], loop: asyncio.AbstractEventLoop) -> None:
        self._send, self._headers, self._loop = send, headers, loop
        self._begun = False
        self.gone = False

    def write(self, data: bytes) -> int:
        if self.gone:
            raise GoneError
        taken = asyncio.run_coroutine_threadsafe(self._pass_on(bytes(data)), self._loop)
        try:
            taken.result(_PATIENCE)
        except FutureTimeoutError:
            taken.cancel()
            raise GoneError from None
        return len(data)

    def flush(self) -> None:
        pass

    async def end(self) -> None:
        await self._begin()
        await self._send({"type": "http.response.body", "body": b""})

    async def _pass_on(self, data: bytes) -> None:
        await self._begin()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})


def write_lines(library: SkillLibrary, file: Any, _after: int) -> None:
    """The library's export."""
    _write_blocks(export_lines(library), file)


def write_skills(library: SkillLibrary, file: Any, after: int) -> None:
    """Its skills of one moment, a line each."""
    _write_blocks((_line(skill_data(skill, "base64")) for skill in library.skills(after)), file)


def _write_blocks(lines: Iterable[str], file: Any) -> None:
    held, size = [], 0
    for line in lines:
        held.append(line.encode() + b"\n")
        size += len(held[-1])
        if size >= _BLOCK:
            file.write(b"".join(held))
            held, size = [], 0
    file.write(b"".join(held))


def write_backup(library: SkillLibrary, file: Any, _after: int) -> None:
    """The library's backup; only its last block makes it one."""
    library.backup(file)


def _imported(library: SkillLibrary, file: IO[bytes]) -> dict[str, int]:
    try:
        added = import_lines(library, _lines(file))
    except UnsupportedFormatError as error:  # of what was sent, not of what is here
        raise InvalidInputError(str(error)) from None
    created = int(added.created.sum())
    return {"created": created, "merged": len(added) - created}


def _lines(file: IO[bytes]) -> Iterator[str]:
    while line := file.readline(_MAX_LINE + 1):
        if len(line) > _MAX_LINE:
            raise InvalidInputError(f"a line has at most {_MAX_LINE} bytes")
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise InvalidInputError("a line is not UTF-8") from None


async def _gone(receive: Receive, flow: _Outflow) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    flow.gone = True
