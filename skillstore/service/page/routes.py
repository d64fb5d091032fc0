"""Routes: which view answers at which address."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from skillstore.service.page import (
    applies,
    learning,
    libraries,
    signing,
    similar,
    skill,
    skills,
    snapshots,
)
from skillstore.service.page.asked import View
from skillstore.service.page.assets import ASSETS
from skillstore.service.page.endpoint import Endpoint, File
from skillstore.service.service import Service

_ONE = "/libraries/{library}"
_SKILL = f"{_ONE}/skills/{{id}}"

_VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/", libraries.show),
    ("POST", "/libraries", libraries.create),
    ("GET", _ONE, skills.show),
    ("GET", _SKILL, skill.show),
    ("GET", f"{_SKILL}/edit", skill.edit),
    ("POST", f"{_SKILL}/edit", skill.replace),
    ("POST", f"{_SKILL}/remove", skill.remove),
    ("POST", f"{_SKILL}/outcomes", skill.record),
    ("GET", f"{_ONE}/applies", applies.show),
    ("GET", f"{_ONE}/similar", similar.show),
    ("GET", f"{_ONE}/learning", learning.show),
    ("GET", f"{_ONE}/snapshots", snapshots.show),
    ("POST", f"{_ONE}/snapshots", snapshots.take),
    ("POST", f"{_ONE}/compact", snapshots.compact),
    ("POST", f"{_ONE}/verify", snapshots.verify),
)
_OPEN: tuple[tuple[str, str, View], ...] = (
    ("GET", "/sign-in", signing.sign_in),
    ("POST", "/sign-in", signing.take_key),
    ("POST", "/sign-out", signing.sign_out),
)
"""Also for who has no key."""


def routes(service: Service) -> list[BaseRoute]:
    """All of the page, to stand behind the gate."""
    return [
        *(_route(method, path, view, service, open_=False) for method, path, view in _VIEWS),
        *(_route(method, path, view, service, open_=True) for method, path, view in _OPEN),
        Route("/assets/{name}", File(ASSETS), methods=["GET"], name="asset"),
    ]


def _route(method: str, path: str, view: View, service: Service, open_: bool) -> Route:
    return Route(path, Endpoint(path, view, service, open_), methods=[method], name=f"page {method} {path}")
