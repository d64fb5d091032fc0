"""Signing: a key is entered once, and taken back."""

from __future__ import annotations

from urllib.parse import quote

from skillstore.service.http.cookies import is_key
from skillstore.service.http.gate import NOBODY
from skillstore.service.page.asked import Answer, Asked, Elsewhere, Page


def sign_in(asked: Asked) -> Answer:
    """Where a key is entered. Who comes with one that is known goes on."""
    to = _ours(asked.query.get("to", "/"))
    if asked.caller != NOBODY:
        return Elsewhere(to)
    return Page("sign-in.html", {"to": to, "refused": "tried" in asked.query}, 401 if "tried" in asked.query else 200)


def take_key(asked: Asked) -> Answer:
    """Keep the key in the cookie; the gate, which is asked next, knows whether it is one."""
    key, to = asked.form.get("key", "").strip(), _ours(asked.form.get("to", "/"))
    if not is_key(key):
        return Page("sign-in.html", {"to": to, "refused": True}, 401)
    return Elsewhere(f"/sign-in?tried=1&to={quote(to, safe='')}", key)


def sign_out(asked: Asked) -> Answer:  # noqa: ARG001 - the signature of all views
    return Elsewhere("/sign-in", "")


def _ours(path: str) -> str:
    """`path` if it is a place of this server; else where everybody begins."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
