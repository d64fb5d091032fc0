"""Curves: training runs, as far as they can be read from the notes that they write, one for each finished episode.

    runs/<name>/<eight figures> -> {"index", "reward", "steps", "success", "skills", "uses", "learned"}

Whoever writes such notes is drawn; what has another form is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skillstore.service.page.asked import Asked
from skillstore.service.refusals import NoteNotFoundError

PREFIX = "runs/"
MOST_RUNS = 4
MOST_EPISODES = 1_000
"""The newest of each run."""
_NUMBERS = ("index", "reward", "steps", "skills", "uses")


@dataclass(frozen=True)
class Run:
    """`episodes` are those that are drawn, of `length` in all."""

    name: str
    length: int
    episodes: Sequence[dict[str, Any]]

    def points(self, field: str) -> list[tuple[float, float]]:
        return [(float(episode["index"]) + 1, float(episode[field])) for episode in self.episodes]


def keys(asked: Asked) -> list[str]:
    """Of the notes that tell of episodes, ascending."""
    found: list[str] = []
    after: str | None = PREFIX
    while after is not None:
        page = asked.run("list_notes", after=after)
        found += [key for key in page["keys"] if key.startswith(PREFIX)]
        after = page["next"] if page["keys"] and page["keys"][-1].startswith(PREFIX) else None
    return [key for key in found if _name(key) is not None]


def mark(found: Sequence[str]) -> str:
    """Another for other keys."""
    return f"{len(found)}-{zlib.crc32(chr(10).join(found).encode('utf-8', 'surrogatepass')):08x}"


def runs(asked: Asked, found: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The longest of those that `found` tells of, by name, and the names of all others."""
    by_name: dict[str, list[str]] = {}
    for key in found:
        by_name.setdefault(_name(key) or "", []).append(key)
    names = sorted(by_name, key=lambda name: (-len(by_name[name]), name))
    read = [_run(asked, name, by_name[name]) for name in names[:MOST_RUNS]]
    return sorted((run for run in read if run.episodes), key=lambda run: run.name), names[MOST_RUNS:]


def _run(asked: Asked, name: str, found: Sequence[str]) -> Run:
    episodes = [_episode(asked, key) for key in found[-MOST_EPISODES:]]
    return Run(name, len(found), [episode for episode in episodes if episode is not None])


def _episode(asked: Asked, key: str) -> dict[str, Any] | None:
    try:
        value = asked.run("get_note", key=key)["value"]
    except NoteNotFoundError:  # it went meanwhile
        return None
    if type(value) is not dict or any(type(value.get(name)) not in (int, float) for name in _NUMBERS):
        return None
    learned = value.get("learned")
    if type(learned) is dict:
        learned = learned.get("$tuple")
    names = [str(name) for name in learned] if type(learned) is list else []
    return {**value, "success": bool(value.get("success")), "learned": names}


def _name(key: str) -> str | None:
    name, _, index = key.removeprefix(PREFIX).rpartition("/")
    return name if name and len(index) == 8 and index.isdecimal() else None
