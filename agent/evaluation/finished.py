"""Finished: the outcomes of a table's cases as they come, so that a run that is stopped loses none of them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.evaluation.table import Case, Row

Outcome = tuple[list[Row], str]
"""The rows of a case, and what broke it, if anything did."""


class Finished:
    """What came of ``cases`` so far, by their number.

    With a ``file`` each case is kept in it as soon as it is finished, a line of JSON each, and those that it has
    already count as finished: with the same ``versions``, the rows are the same. Cases that broke are tried again.
    """

    def __init__(self, cases: Sequence[Case], file: Path | None = None, versions: dict[str, str] | None = None) -> None:
        self.cases, self.file = cases, file
        self.outcomes: dict[int, Outcome] = {}
        self._versions = versions or {}
        self._started = time.monotonic()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._read(file)

    @property
    def seconds(self) -> float:
        """How long the cases took, earlier runs included."""
        return time.monotonic() - self._started

    def add(self, index: int, outcome: Outcome) -> None:
        """The case with this number is finished."""
        self.outcomes[index] = outcome
        if self.file is not None and not outcome[1]:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([self._key(index), self.seconds, outcome[0]], default=_plain) + "\n")

    def rows(self) -> list[Row]:
        """Those of all cases that are finished, in the cases' order."""
        return [row for index in sorted(self.outcomes) for row in self.outcomes[index][0]]

    def broken(self) -> list[str]:
        """A line for each case that broke."""
        return [self.words(index) for index in sorted(self.outcomes) if self.outcomes[index][1]]

    def words(self, index: int) -> str:
        """Which case it was, and what broke it."""
        case, (_, error) = self.cases[index], self.outcomes[index]
        words = f"{case.world}, {case.agent}, seed {case.seed}"
        return f"{words}: broken by {error}" if error else words

    def forget(self) -> None:
        """Remove the file: the rows are kept elsewhere."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)

    def _read(self, file: Path) -> None:
        if not file.exists():
            return
        kept = {}
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                key, seconds, rows = json.loads(line)
                kept[json.dumps(key)] = (float(seconds), rows)
            except (TypeError, ValueError):  # cut off where it was being written
                continue
        for index in range(len(self.cases)):
            found = kept.get(json.dumps(self._key(index)))
            if found is not None:
                self.outcomes[index] = (found[1], "")
                self._started = min(self._started, time.monotonic() - found[0])

    def _key(self, index: int) -> list[Any]:
        return [asdict(self.cases[index]), self._versions]


def _plain(value: Any) -> Any:
    return value.item()  # of numpy
