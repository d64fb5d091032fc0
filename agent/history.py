"""What happened: one step (Transition), one run (Episode), all runs (History)."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from agent.arguments import require_kind
from agent.environment import Observation
from skillstore import InvalidInputError


@dataclass(frozen=True, eq=False)
class Transition:
    """One step: what was seen, what was done, what came of it."""

    before: Observation
    action: int
    after: Observation
    reward: float
    terminated: bool
    truncated: bool


@dataclass(frozen=True)
class Episode:
    """One finished run. ``uses`` counts the skills executed so far, over all episodes; ``skills`` is how many the
    agent has to draw on afterwards (0 when it goes without); ``learned`` names the new kinds of them.
    """

    index: int
    reward: float
    steps: int
    success: bool
    skills: int
    uses: int
    learned: tuple[str, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Episode:
        """The episode of a row that came from ``asdict``, JSON or notes."""
        return cls(**{**row, "learned": tuple(row["learned"])})


class History:
    """The episodes of one agent, in order."""

    def __init__(self, episodes: Iterable[Episode] = ()) -> None:
        require_kind(episodes, Iterable, "a history is made of episodes")
        self.episodes = list(episodes)

    def __len__(self) -> int:
        return len(self.episodes)

    def __iter__(self) -> Iterator[Episode]:
        return iter(self.episodes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self.episodes == other.episodes

    __hash__ = None  # type: ignore[assignment]  # it grows

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any], name: str) -> History:
        """The finished episodes that the agent ``name`` left in a library's notes."""
        keys = sorted(key for key in notes if key.startswith(f"runs/{name}/"))
        return cls(Episode.from_row(notes[key]) for key in keys)

    def save(self, path: str | Path) -> None:
        """Write a ``.json`` or ``.csv`` file, by the suffix; InvalidInputError for another suffix."""
        rows, is_json = [asdict(episode) for episode in self.episodes], _is_json(path)
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            if is_json:
                json.dump(rows, file, indent=1)
            else:
                writer = csv.DictWriter(file, [column.name for column in fields(Episode)])
                writer.writeheader()
                writer.writerows({**row, "learned": "; ".join(row["learned"])} for row in rows)

    @classmethod
    def load(cls, path: str | Path) -> History:
        """The history that ``save`` wrote, equal in every value."""
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = json.load(file) if _is_json(path) else [_parsed(row) for row in csv.DictReader(file)]
        return cls(Episode.from_row(row) for row in rows)


def notes_key(name: str, index: int) -> str:
    """Where the episode stands in a library's notes; the keys sort as the episodes do."""
    return f"runs/{name}/{index:08d}"


def _is_json(path: str | Path) -> bool:
    require_kind(path, str | os.PathLike, "a history is kept under a path")
    suffix = Path(path).suffix
    if suffix not in (".json", ".csv"):
        raise InvalidInputError(f"a history is kept as .json or .csv, not {suffix or 'a file without suffix'}: {path}")
    return suffix == ".json"


def _parsed(row: Mapping[str, str]) -> dict[str, Any]:
    whole = {name: int(row[name]) for name in ("index", "steps", "skills", "uses")}
    learned = row["learned"].split("; ") if row["learned"] else []
    return whole | {"reward": float(row["reward"]), "success": row["success"] == "True", "learned": learned}
