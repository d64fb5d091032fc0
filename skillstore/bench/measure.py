"""Measure: a library, the flat index and peers, row by row, on the same skills and questions.

The library and the flat index answer in this process, pair by pair. Both times are whole calls from the same state as
a dict: the library's ends in Matches with decoded skills, the flat index's with row numbers. Peers come after them,
one after another, each in processes of its own, where the library is asked alone, too: in turns with others, caches
are cold. To each of a peer's answers the time is added that the resolver took for that state. What the true answers are
is found by multiplying with every row.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skillstore.bench.child import WARM
from skillstore.bench.exam import Exam
from skillstore.bench.flat import Flat
from skillstore.bench.given import Given
from skillstore.bench.pairs import paired, warmed
from skillstore.bench.peers.known import KNOWN
from skillstore.bench.threads import limited
from skillstore.bench.trial import TrialError, tried
from skillstore.bench.workload import Workload
from skillstore.library import SkillLibrary

K = 10


@dataclass(frozen=True)
class Row:
    """One line of the table: a share of applicable skills, or a workload that breaks naive designs."""

    name: str
    kind: str
    band: str | None = None


ROWS = (
    Row("0.1 %", "banded", "a"),
    Row("1 %", "banded", "b"),
    Row("10 %", "banded", "c"),
    Row("29 %", "standard"),
    Row("50 %", "broad"),
    Row("tied", "tied"),
    Row("distinct", "distinct"),
    Row("four", "four"),
)

Figures = dict[str, Any]


@dataclass
class Measurement:
    """What to measure, and the figures so far.

    rows        a line for each row and size
    contenders  a line for each contender, kind of workload and size: what keeping the skills costs
    adding      a line for each size: adds with duplicate search
    left_out    peer -> why it has no figures
    """

    directory: Path
    seed: int
    queries: int
    chosen: tuple[Row, ...]
    peers: tuple[str, ...]
    patience: float
    threads: int
    tell: Callable[[str], None]
    keep: bool = False
    rows: list[Figures] = field(default_factory=list)
    contenders: list[Figures] = field(default_factory=list)
    adding: list[Figures] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def run(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Measure all `sizes`: (skills, dimensions)."""
        for name in self.peers:
            if not KNOWN[name].installed():
                self._leave_out(name, f"not installed; pip install {KNOWN[name].install}")
        with limited(self.threads):
            for count, dim in sizes:
                for kind in dict.fromkeys(row.kind for row in self.chosen):
                    self._kind(Workload(count, dim, kind, self.seed))

    def _kind(self, workload: Workload) -> None:
        rows = [row for row in self.chosen if row.kind == workload.kind]
        with tempfile.TemporaryDirectory() as arrays:
            given = Given(workload, self.directory, Path(arrays), self.tell)
            self.tell(f"{given.name}: making skills")
            made = given.make()
            lines, exams = self._beside_flat(given, rows)
            self.contenders.append({**self._line("skillstore", workload), **self._alone(given, rows, lines), **made})
            for row, exam in zip(rows, exams, strict=True):
                exam.save(Path(arrays) / f"{row.name}.npz")
            for name in (name for name in self.peers if name not in self.left_out):
                self._peer(name, given, Path(arrays), rows, exams, lines)
            if workload.kind == "standard":
                self._adding(workload)
        if not self.keep:
            shutil.rmtree(given.library)

    def _line(self, contender: str, workload: Workload) -> Figures:
        return {"contender": contender, "skills": workload.count, "dim": workload.dim, "kind": workload.kind}

    # ours and the flat index

    def _beside_flat(self, given: Given, rows: list[Row]) -> tuple[list[Figures], list[Exam]]:
        self.tell(f"{given.name}: the flat index")
        vectors = given.loaded()
        flat, lines, exams = Flat(vectors, given.resolver), [], []
        with SkillLibrary.open(given.library, create=False) as library:
            for row in rows:
                questions = given.workload.questions(self.queries + WARM, row.band)
                warmed(library, flat, questions[:WARM], K)
                exam = Exam.of(questions[WARM:], given.resolver, vectors, K)
                self.tell(f"{row.name}: {self.queries} queries, each new, again, and flat")
                size = {"skills": given.workload.count, "dim": given.workload.dim, "row": row.name}
                lines.append({**size, **paired(library, flat, exam, K), "peers": {}})
                self.rows.append(lines[-1])  # at once: what stops the measurement loses none that is finished
                exams.append(exam)
        return lines, exams

    def _alone(self, given: Given, rows: list[Row], lines: list[Figures]) -> Figures:
        """What opening costs, and into `lines` how fast the library answers when nothing else runs, as peers do."""
        self.tell(f"{given.name}: {len(rows) * self.queries} queries, each new and again, alone")
        workload = given.workload
        job = {
            "work": "opened",
            "library": str(given.library),
            "workload": [workload.count, workload.dim, workload.kind, workload.seed],
            "bands": [row.band for row in rows],
            "queries": self.queries,
            "k": K,
        }
        try:
            found = tried(job, max(self.patience, 600.0), self.threads, self.tell)
        except TrialError as failure:
            return {"failed": str(failure)}
        for line, spent in zip(lines, found["rows"], strict=True):
            line["alone"] = {**{name: _spread(spent[name]) for name in ("new", "again")}, "ran": spent["ran"]}
        return _kept(found["opened"], found["grown"], found["disk"])

    def _adding(self, workload: Workload) -> None:
        self.tell(f"adding {workload.count:,} skills with duplicate search")
        size = {"skills": workload.count, "dim": workload.dim}
        given = [workload.count, workload.dim, workload.kind, workload.seed]
        with tempfile.TemporaryDirectory(dir=self.directory) as place:
            job = {"work": "added", "place": f"{place}/library", "workload": given, "seconds": self.patience / 4}
            try:
                found = tried(job, 10 * self.patience, self.threads, self.tell)
            except TrialError as failure:
                found = {"failed": str(failure)}
        self.adding.append({**size, **found})

    # peers

    def _peer(
        self, name: str, given: Given, arrays: Path, rows: list[Row], exams: list[Exam], lines: list[Figures]
    ) -> None:
        with ExitStack() as stack:
            place = self.directory / "peers" / f"{name}-{given.name}"
            if not self.keep:
                stack.callback(shutil.rmtree, place, ignore_errors=True)
            try:
                built = self._built(name, place, given)
                papers = [str(arrays / f"{row.name}.npz") for row in rows]
                self.tell(f"{name}: {len(rows) * self.queries} queries")
                job = {"work": "asked", "exams": papers, "k": K, "patience": self.patience}
                patience = self.patience * (2 * len(rows) + 1)
                found = tried({**job, **self._where(name, place)}, patience, self.threads, self.tell)
            except TrialError as failure:
                self._leave_out(name, f"{given.name}: {failure}")
                return
            kept = _kept(found["opened"], found["grown"], _bytes(place))
        self.contenders.append({**self._line(name, given.workload), **kept, **built})
        for line, exam, answers in zip(lines, exams, found["rows"], strict=True):
            line["peers"][name] = _answered(exam, answers)

    def _built(self, name: str, place: Path, given: Given) -> Figures:
        done = place / "done"
        if done.exists():
            return {}
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self.tell(f"{name}: building")
        job = {"work": "built", "vectors": str(given.vectors), "sets": str(given.sets), **self._where(name, place)}
        try:
            seconds = tried(job, self.patience, self.threads, self.tell)["seconds"]
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        done.touch()
        return {"added per second": given.workload.count / seconds}

    def _where(self, name: str, place: Path) -> Figures:
        return {"peer": name, "directory": str(place), "threads": self.threads}

    def _leave_out(self, name: str, reason: str) -> None:
        self.left_out[name] = reason
        self.tell(f"{name} is left out: {reason}")


def _kept(opened: float, grown: int | None, disk: int) -> Figures:
    return {"open s": opened, "memory MB": None if grown is None else grown / 1e6, "disk MB": disk / 1e6}


def _spread(milliseconds: Sequence[float] | NDArray[np.float64]) -> Figures:
    return {"ms": float(np.median(milliseconds)), "p99 ms": float(np.quantile(milliseconds, 0.99))}


def _bytes(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _answered(exam: Exam, answers: Figures) -> Figures:
    searching = np.array(answers["ms"])
    whole = searching + np.array(exam.resolving[: len(searching)])
    return {
        **_spread(whole),
        "search ms": float(np.median(searching)),
        "queries": len(searching),
        "ran": answers["ran"],
        **exam.marked(answers["rows"]),
    }
