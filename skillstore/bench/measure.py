"""Measure: a library beside the flat index, row by row, pair by pair in one process.

Both times are whole calls from the same state as a dict: the library's ends in Matches with decoded skills, the flat
index's with row numbers. Recall is against the flat index, which reads everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skillstore.bench.flat import Flat
from skillstore.bench.workload import Question, Workload
from skillstore.library import SkillLibrary
from skillstore.skill import Skill

K = 10
WARM = 20


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


def measured(
    directory: Path, count: int, dim: int, seed: int, queries: int, rows: tuple[Row, ...], tell: Callable[[str], None]
) -> Iterator[Figures]:
    """The figures of each row; libraries are made in `directory`, and opened again from there if they are there."""
    for kind in dict.fromkeys(row.kind for row in rows):
        workload = Workload(count, dim, kind, seed)
        place = directory / f"{kind}-{count}x{dim}-{seed}"
        built: Figures = {}
        if not place.exists():
            tell(f"{kind}: adding {count:,} skills")
            built = _built(place, workload)
        tell(f"{kind}: the flat index")
        flat = Flat(workload.skills(), dim)
        start = time.perf_counter()
        with SkillLibrary.open(place, create=False) as library:
            opened = time.perf_counter() - start
            for row in (row for row in rows if row.kind == kind):
                tell(f"{row.name}: {queries} queries, each new, again, and flat")
                found = _row(library, flat, workload.questions(queries + WARM, row.band))
                yield {"row": row.name, **found, "open s": opened, **built}


def _built(place: Path, workload: Workload) -> Figures:
    making = 0.0

    def made() -> Iterator[Skill]:
        nonlocal making
        skills = workload.skills()
        while True:
            start = time.perf_counter()
            skill = next(skills, None)
            making += time.perf_counter() - start
            if skill is None:
                return
            yield skill

    with SkillLibrary.open(place, embedding_dim=workload.dim, same_skill=None) as library:
        start = time.perf_counter()
        library.add_skills(made())
        adding = time.perf_counter() - start - making
        library.compact()
        library.settle()
        disk = library.get_stats()["disk_bytes"]
    return {"skills added per second": workload.count / adding, "disk MB": disk / 1e6}


def _row(library: SkillLibrary, flat: Flat, questions: list[Question]) -> Figures:
    new, again, recall, exact, shares = [], [], [], [], []
    parts: dict[str, list[float]] = {}
    for question in questions[:WARM]:
        library.retrieve_skills(question.state, question.embedding, K)
        flat.search(question.state, question.embedding, K)
    for question in questions[WARM:]:
        matches, spent = _asked(library, question)
        new.append(spent)
        again.append(_asked(library, question)[1])
        truth, times = flat.search(question.state, question.embedding, K)
        for part, value in times.items():
            parts.setdefault(part, []).append(value)
        recall.append(len(truth & {match.skill.id for match in matches}) / len(truth) if truth else 1.0)
        exact.append(matches.exact)
        shares.append(flat.share(question.state))
        if len(matches) != len(truth):
            raise AssertionError(f"{len(matches)} matches where {len(truth)} of {K} apply")
    median = {part: float(np.median(values)) for part, values in parts.items()}
    return {
        "applicable": float(np.mean(shares)),
        "new ms": float(np.median(new)),
        "new p99 ms": float(np.quantile(new, 0.99)),
        "again ms": float(np.median(again)),
        "again p99 ms": float(np.quantile(again, 0.99)),
        "recall": float(np.mean(recall)),
        "exact": float(np.mean(exact)),
        "flat ms": median["whole"],
        "flat parts ms": median,
        "new times faster": float(np.median(np.array(parts["whole"]) / np.array(new))),
        "again times faster": float(np.median(np.array(parts["whole"]) / np.array(again))),
    }


def _asked(library: SkillLibrary, question: Question) -> tuple[Any, float]:
    start = time.perf_counter()
    matches = library.retrieve_skills(question.state, question.embedding, K)
    return matches, 1e3 * (time.perf_counter() - start)


def table(figures: list[Figures]) -> str:
    """The figures for people: milliseconds, and how many times faster than the flat index."""
    lines = [
        f"{'':20}| state never asked | asked before   |        |       | flat index                 | times",
        f"{'apply':>19} |  median     p99   | median    p99  | recall | exact | whole  resolve pack search | faster",
    ]
    for row in figures:
        parts = row["flat parts ms"]
        new, again = (f"{row[f'{name} ms']:7.3f} {row[f'{name} p99 ms']:7.2f}" for name in ("new", "again"))
        flat = "{whole:6.2f} {resolve:6.2f} {pack:5.2f} {search:6.2f}".format(**parts)
        lines.append(
            f"{row['row']:>10} {100 * row['applicable']:6.2f} % | {new}   | {again[1:]} | {row['recall']:.4f} | "
            f"{row['exact']:5.2f} | {flat}  | {row['new times faster']:3.0f} {row['again times faster']:3.0f}"
        )
    return "\n".join(lines)
