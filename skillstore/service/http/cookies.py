"""Cookies: the one in which a browser keeps the key that somebody entered at the page. Scripts cannot read it, and
pages of other sites cannot send it. Browsers share cookies among the ports of a host, so its name has the port.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_KEY = re.compile(rb"sk_[A-Za-z0-9_-]{1,100}")
_PORT = re.compile(rb".*:([0-9]{1,5})")


def is_key(text: str) -> bool:
    """Whether it has the form of a key."""
    return text.isascii() and _KEY.fullmatch(text.encode()) is not None


def key_in(headers: Mapping[bytes, bytes]) -> str | None:
    """The key that the browser keeps for this address, if it does."""
    name = _name(headers)
    for pair in headers.get(b"cookie", b"").split(b";"):
        found, _, value = pair.strip().partition(b"=")
        if found == name and _KEY.fullmatch(value):
            return value.decode()
    return None


def key_cookie(headers: Mapping[bytes, bytes], key: str, prefix: str = "") -> bytes:
    """The Set-Cookie that keeps `key` until the browser is closed, for paths below `prefix`; "" ends it at once.

    Of a form that came by https it is sent by https only: the Origin says which, whatever a proxy in front speaks here.
    """
    if key and not is_key(key):
        raise ValueError("not a key")
    end = b"" if key else b"; Max-Age=0"
    secure = b"; Secure" if headers.get(b"origin", b"").lower().startswith(b"https://") else b""
    return _name(headers) + b"=" + key.encode() + f"; Path={prefix}/; HttpOnly; SameSite=Strict".encode() + secure + end


def _name(headers: Mapping[bytes, bytes]) -> bytes:
    port = _PORT.fullmatch(headers.get(b"host", b""))
    return b"skillstore-key" + (b"-" + port[1] if port else b"")
