"""Results: the rows of a table, how they were made, and the files that they are kept in."""

from __future__ import annotations

import csv
import json
import math
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from agent.evaluation.figures import Line, Rate, markdown
from agent.evaluation.table import Effort, Row, Table
from agent.evaluation.tables import TABLES


@dataclass(frozen=True)
class Result:
    """What the runs of one table came to. ``runs`` is how many seeds, ``worlds`` which of its worlds (none: all).

    ``broken`` tells of the runs without rows.
    """

    name: str
    seed: int
    runs: int
    effort: Effort
    worlds: tuple[str, ...]
    rows: list[Row]
    broken: list[str]
    seconds: float
    versions: dict[str, str]

    @property
    def table(self) -> Table:
        """The table that was run."""
        return TABLES[self.name]

    def lines(self) -> list[Line]:
        """The figures; none without rows."""
        return self.table.lines(self.rows) if self.rows else []

    def text(self) -> str:
        """Title, figures and circumstances in Markdown."""
        head = f"## {self.table.title}\n\n`{self.command()}`, {self.circumstances()}\n"
        parts = [head, markdown(self.lines())]
        if self.broken:
            parts.append("\nBroken runs, which are in no figure:\n\n" + "\n".join(f"- {line}" for line in self.broken))
        return "\n".join(parts)

    def command(self) -> str:
        """What prints this again, on the same versions."""
        usual, given = asdict(Effort()), asdict(self.effort)
        changed = [f" --{name} {value}" for name, value in given.items() if value != usual[name]]
        changed += [f" --world '{world}'" for world in self.worlds]
        return f"skillstore evaluate {self.name} --seeds {self.runs} --seed {self.seed}{''.join(changed)}"

    def circumstances(self) -> str:
        """How long it took, and with what."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.seconds / 60:.0f} minutes with {versions}."

    def data(self) -> dict[str, Any]:
        """All but the rows as plain JSON; infinity is null."""
        return {
            "table": self.name,
            "seed": self.seed,
            "seeds": self.runs,
            "effort": asdict(self.effort),
            "worlds": list(self.worlds),
            "seconds": round(self.seconds),
            "versions": self.versions,
            "broken": self.broken,
            "lines": [_plain(line) for line in self.lines()],
        }

    def save(self, folder: Path) -> list[Path]:
        """Write ``NAME.csv``, a row a line, and ``NAME.json``, all else, into the folder, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{self.name}.csv", folder / f"{self.name}.json"]
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        with paths[0].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({name: _short(value) for name, value in row.items()} for row in self.rows)
        paths[1].write_text(json.dumps(self.data(), indent=1) + "\n", encoding="utf-8")
        return paths

    @classmethod
    def load(cls, folder: Path, name: str) -> Result:
        """What ``save`` wrote, its rows as they were but for digits beyond the sixth."""
        kept = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            read = csv.DictReader(file)
            rows = [{column: _parsed(text) for column, text in row.items() if text} for row in read]
        effort = Effort(**kept["effort"])
        how = kept["seed"], kept["seeds"], effort, tuple(kept["worlds"])
        return cls(name, *how, rows, kept["broken"], kept["seconds"], kept["versions"])


def versions(packages: Iterable[str] = ("skillstore", "numpy", "faiss-cpu", "gymnasium", "minigrid")) -> dict[str, str]:
    """The versions of Python, the machine and the packages that are installed."""
    found = {"Python": platform.python_version(), "on": f"{sys.platform} {platform.machine()}"}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _plain(line: Line) -> dict[str, Any]:
    values = asdict(line.values)
    if isinstance(line.values, Rate):
        values["low"], values["high"] = line.values.bounds
    finite = {name: None if math.isinf(value) else value for name, value in values.items()}
    return {"figure": line.figure, "agent": line.agent, **finite, "goal": line.goal, "met": line.met}


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _parsed(text: str) -> Any:
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def kept(folder: Path) -> Sequence[Result]:
    """The results that were saved in the folder, in the order of the tables."""
    return [Result.load(folder, name) for name in TABLES if (folder / f"{name}.json").exists()]
