"""Wires that fail as connections do: scripted, or a real one that loses some answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from skillstore import SkillLibrary

Answer = httpx.Response | Exception
STATS = {
    "total_skills": 0, "embedding_dim": 2, "encoder": None, "same_skill": 0.9, "dedup_scope": "preconditions",
    "durability": "full", "takes_text": False,
}  # fmt: skip


def problem(status: int, slug: str, detail: str = "words", **headers: str) -> httpx.Response:
    """What a server refuses with."""
    body = {"type": f"urn:skillstore:problem:{slug}", "title": "t", "status": status, "detail": detail}
    return httpx.Response(status, json=body, headers=headers)


class Script(httpx.BaseTransport):
    """Says how the library is when it is opened, then `answers`, one after another; `asked` are the requests since."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.first: httpx.Request | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if self.first is None:
            self.first = request
            return httpx.Response(200, json=STATS)
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


class Lossy(httpx.BaseTransport):
    """The real one; where `lost` says so, the answer is lost, `before` or after the server did what was asked."""

    def __init__(self, inner: httpx.BaseTransport, lost: Callable[[httpx.Request], bool], before: bool = False) -> None:
        self.inner, self.lost, self.before = inner, lost, before
        self.losses = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        loses = self.lost(request)
        self.losses += loses
        if loses and self.before:
            raise httpx.WriteError("lost on the way there")
        response = self.inner.handle_request(request)
        if loses:
            response.read()
            raise httpx.ReadError("lost on the way back")
        return response


def install(monkeypatch: pytest.MonkeyPatch, transport: httpx.BaseTransport) -> None:
    """Wires opened from now on use it."""
    monkeypatch.setattr(httpx, "HTTPTransport", lambda **_given: transport)


def between(library: SkillLibrary, transport: Callable[[httpx.BaseTransport], httpx.BaseTransport]) -> Any:
    """What `transport` makes of a connection of `library` takes the place of all its connections."""
    backend: Any = library._backend
    wire = backend._wire
    made = transport(wire._connect())
    wire._idle.clear()
    wire._connect = lambda: made
    return made


def without_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes only by sleeping, which takes none; the pauses."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    return pauses
