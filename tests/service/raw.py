"""Raw: HTTP as bytes, for what no client would send."""

from __future__ import annotations

import json
import socket
from typing import Any


def exchange(port: int, data: bytes, *, end: bool = False) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to `data`; status 0 if the connection was closed without one.

    `end`: nothing more is sent.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
        except OSError:  # it was refused before all was sent; the answer is there all the same
            pass
        return _answer(connection)


def _answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        part = _part(connection)
        if not part:
            return 0, {}, received
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in rest)}
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        part = _part(connection)
        if not part:
            break
        body += part
    return int(line.split()[1]), headers, body


def _part(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def request(
    method: str,
    place: str | bytes,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    host: str | None = "127.0.0.1:{port}",
    more: list[tuple[str, str]] | None = None,
    port: int = 0,
) -> bytes:
    """The bytes of a request; a header given as "" is left out."""
    place = place if isinstance(place, bytes) else place.encode("utf-8", "surrogateescape")
    lines = [f"{method} ".encode() + place + b" HTTP/1.1"]
    named = {"Host": host.format(port=port) if host is not None else ""}
    if body is not None:
        named |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    named |= headers or {}
    lines += [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in named.items() if value]
    lines += [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in more or []]
    return b"\r\n".join([*lines, b"", body or b""])


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
