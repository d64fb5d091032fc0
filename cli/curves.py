"""Curves: the files that a training leaves beside its library, and what happens where they cannot be written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli import place
from cli.output import plain, tell
from cli.paths import check_file

if TYPE_CHECKING:
    from agent import History


@dataclass(frozen=True)
class Curves:
    """Where the picture and the figures of all trainings of a library go."""

    plot: Path
    csv: Path

    @classmethod
    def of(cls, plot: Path | None, csv: Path | None) -> Curves:
        """The given files, else those beside the library. Raises UsageError for one that cannot be written."""
        for given, ending in ((plot, ".png"), (csv, ".csv")):
            if given is not None:
                place.check_outside(given)
                check_file(given, ending)
        return cls(plot or _beside("-curves.png"), csv or _beside("-curves.csv"))

    def keep(self, history: History, control: History) -> dict[str, str | None]:
        """Write them: {"plot", "csv"}, each None where that failed, which is told. The library has all episodes."""
        from agent import plots

        written = {
            "plot": _written(self.plot, lambda: plots.draw(self.plot, history, control)),
            "csv": _written(self.csv, lambda: self._save(history, control)),
        }
        files = ", ".join(path for path in written.values() if path)
        if files:
            tell(f"{'curves' if written['plot'] else 'figures'}: {plain(files)}")
        return written

    def _save(self, history: History, control: History) -> None:
        history.save(self.csv)
        if len(control):
            control.save(self.csv.with_name(f"{self.csv.stem}-control.csv"))


def _beside(ending: str) -> Path:
    """A file beside the library; of a server's, one in the working directory."""
    where = place.where()
    if place.is_remote(where):
        from skillstore.remote.address import Address

        return Path(f"{Address.of(where).name}{ending}")
    library = Path(os.path.abspath(where))  # noqa: PTH100 - without "..", and links as they are
    return Path(os.path.relpath(library.parent / f"{library.name}{ending}"))


def _written(path: Path, write: Callable[[], object]) -> str | None:
    try:
        write()
    except Exception as error:  # noqa: BLE001 - whatever fails while drawing, what was learned is there to be told
        tell(f"no {path}: {plain(' '.join(str(error).split()) or type(error).__name__)}")
        return None
    return str(path)
