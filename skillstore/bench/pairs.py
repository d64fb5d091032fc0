"""Pairs: a library of ours and the flat index, asked the same questions in one process, in turns.

They take turns after every _TURN questions: noise of the machine meets both, and each finds in the caches what it left
there itself, not 500 MB of the other's.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from skillstore.answers import Matches
from skillstore.bench.exam import Exam
from skillstore.bench.flat import Flat
from skillstore.bench.threads import Running
from skillstore.bench.workload import Question
from skillstore.library import SkillLibrary

_TURN = 25  # questions


def warmed(library: SkillLibrary, flat: Flat, questions: list[Question], k: int) -> None:
    """Ask without looking at the clock."""
    for question in questions:
        library.retrieve_skills(question.state, question.embedding, k)
        flat.search(question.state, question.embedding, k)


def paired(library: SkillLibrary, flat: Flat, exam: Exam, k: int) -> dict[str, Any]:
    """Each question to the library, once more, and to the flat index: medians in milliseconds."""
    new, again, exact = [], [], []
    answers: list[list[int]] = []
    parts: dict[str, list[float]] = {}
    running = Running()
    for first in range(0, len(exam.questions), _TURN):
        turn = exam.questions[first : first + _TURN]
        for question in turn:
            matches, spent = _asked(library, question, k)
            new.append(spent)
            again.append(_asked(library, question, k)[1])
            answers.append([(match.skill.id or 0) - 1 for match in matches])
            exact.append(matches.exact)
        for question in turn:
            _, times = flat.search(question.state, question.embedding, k)
            for part, value in times.items():
                parts.setdefault(part, []).append(value)
    ran = running.share()
    median = {part: float(np.median(values)) for part, values in parts.items()}
    return {
        "applicable": float(np.mean(exam.applicable)) / len(exam.sets),
        "queries": len(new),
        "ran": ran,
        "new ms": float(np.median(new)),
        "new p99 ms": float(np.quantile(new, 0.99)),
        "again ms": float(np.median(again)),
        "again p99 ms": float(np.quantile(again, 0.99)),
        "exact": float(np.mean(exact)),
        **exam.marked(answers),
        "flat ms": median["whole"],
        "flat parts ms": median,
        "times faster": _ratios(parts["whole"], new, again),
        "times faster than its search": _ratios(parts["search"], new, again),
    }


def _ratios(flat: list[float], new: list[float], again: list[float]) -> dict[str, Any]:
    """Medians of the ratios, pair by pair."""
    return {name: float(np.median(np.array(flat) / np.array(ours))) for name, ours in (("new", new), ("again", again))}


def _asked(library: SkillLibrary, question: Question, k: int) -> tuple[Matches, float]:
    start = time.perf_counter()
    matches = library.retrieve_skills(question.state, question.embedding, k)
    return matches, 1e3 * (time.perf_counter() - start)
