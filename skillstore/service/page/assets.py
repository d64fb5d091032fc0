"""Assets: the few files that pages are drawn with. Their addresses change with their bytes: browsers keep them."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import NamedTuple

_KINDS = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".svg": b"image/svg+xml"}


class Asset(NamedTuple):
    """A file, what it is, and what its address ends with."""

    body: bytes
    kind: bytes
    mark: str


def _read() -> dict[str, Asset]:
    found = {}
    for file in files(__package__).joinpath("assets").iterdir():
        kind = next((kind for ending, kind in _KINDS.items() if file.name.endswith(ending)), None)
        if kind is not None:
            body = file.read_bytes()
            found[file.name] = Asset(body, kind, hashlib.sha256(body).hexdigest()[:12])
    return found


ASSETS = _read()


def address(name: str) -> str:
    """Where a page finds it."""
    return f"/assets/{name}?v={ASSETS[name].mark}"
