"""Moments: all skills as they were at one, however slowly they are read."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from skillstore.errors import SkillStoreError
from skillstore.forms import skill_of
from skillstore.remote.wire import Wire, no_answer, written
from skillstore.skill import Skill

_PAGE = 100
_IN_MEMORY = 8 * 2**20


def taken(wire: Wire, library: str, server: str, after: int, batch: str | None) -> Iterator[Skill]:
    """The skills with an id above `after`. They are all here, in a file without a name, when this returns.

    Of few skills one answer has all. Inside a batch nobody else changes anything, so pages are of one moment, too.
    """
    held = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it is closed when the last skill was read
    url = f"{library}/skills?embeddings=base64&limit={_PAGE}&after="
    page = wire.ask("GET", f"{url}{after}", again=True, batch=batch)
    if page["next"] is not None and batch is None:
        with wire.stream(f"{library}/skills:all?after={after}") as parts:
            for part in parts:
                held.write(part)
    else:
        _write_page(page, held)
        while page["next"] is not None:
            page = wire.ask("GET", f"{url}{page['next']}", again=True, batch=batch)
            _write_page(page, held)
    held.seek(0)
    return _read(held, server)


def _write_page(page: Any, held: IO[bytes]) -> None:
    for form in page["skills"]:
        held.write(written(form) + b"\n")


def _read(held: IO[bytes], server: str) -> Iterator[Skill]:
    with held:
        for line in held:
            try:
                skill = skill_of(json.loads(line))
            except (ValueError, SkillStoreError):
                raise no_answer(server) from None
            yield skill
