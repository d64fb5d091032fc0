"""Visitor: somebody with a browser, without the browser: forms are sent as one would, and pages read as HTML."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx

from skillstore.service.http.app import application
from skillstore.service.http.hosts import Hosts
from skillstore.service.keys import Keys
from skillstore.service.service import Service

HOST = "page.test:8750"
HERE = f"http://{HOST}"
FORM = "application/x-www-form-urlencoded"


class Visitor:
    """Knocks at the application of `service`. Keeps cookies, and follows no redirect by itself."""

    def __init__(self, service: Service, keys: Keys | None = None) -> None:
        self.service = service
        self._loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(application(service, Hosts([HOST]), keys=keys))
        self.client = httpx.AsyncClient(transport=transport, base_url=HERE)

    def ask(self, method: str, path: str, **more: Any) -> Seen:
        return Seen(self._loop.run_until_complete(self.client.request(method, path, **more)))

    def get(self, path: str, **more: Any) -> Seen:
        return self.ask("GET", path, **more)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Seen:
        """As a browser sends the form of a page of ours."""
        kind = {"content-type": FORM, "origin": HERE, **headers}
        return self.ask("POST", path, content=urlencode(form or {}), headers=kind)

    def leave(self) -> None:
        self._loop.run_until_complete(self.client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class Seen:
    """An answer; its elements, each a tag with its attributes; its text, one space between words."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        self.body: str = response.text
        parser = _Parser()
        parser.feed(self.body)
        self.elements = parser.elements
        self.text = " ".join("".join(parser.words).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """The elements that have these attributes."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [has for name, has in self.elements if name == tag and wanted.items() <= has.items()]

    def field(self, name: str, tag: str = "input") -> str:
        """What a form has in a field."""
        return self.all(tag, name=name)[0].get("value") or ""

    def names(self) -> list[str]:
        """Where the names of skills lead to, in their order."""
        return [has["href"] or "" for has in self.all("a", class_="name")]


_INLINE = ("a", "b", "bdi", "code", "span")


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _INLINE:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
