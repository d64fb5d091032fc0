"""Retrieval from a library that was closed and opened by another process, beside the plain linear scan.

    python -m tests.benchmarks.retrieval --skills 100000 --dim 128

For each share of applicable skills a library of `skillstore.bench.workload` is made (`same_skill=None`), closed, and
opened in a new process, which must give the same answers. Times are whole calls of `retrieve_skills` with k = 10, from
a state as a dict to Matches with decoded skills: for states never asked before, and for the same states asked again.

The linear scan beside it has every vector in one array and every skill's preconditions in canonical form in a list. It
asks each skill whether it applies (`PreconditionSet.holds`), multiplies the vectors of those that do with the query,
and takes the ten best; it decodes nothing. "products" is the part of it that numpy does, over all vectors.

Recall is the share of the ten best by `exact=True` that an answer has. Opening reads and checks every byte; beside it
stands `numpy.load` of the same vectors. Memory is what the process grew by from before opening to after all queries.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from skillstore import SkillLibrary
from skillstore.bench.workload import Question, Workload
from skillstore.preconditions import PreconditionSet, facts_of

K = 10
ROWS = {"0.1 %": ("banded", "a"), "1 %": ("banded", "b"), "10 %": ("banded", "c"), "30 %": ("standard", None),
        "50 %": ("broad", None)}  # fmt: skip
"""Share of applicable skills: (kind of workload, band)."""

Answers = list[tuple[int, float | None]]


def milliseconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def resident() -> int:
    """Bytes of this process in memory."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def spread(times: list[float]) -> dict[str, float]:
    return {"median": float(np.median(times)), "p99": float(np.quantile(times, 0.99)), "worst": max(times)}


def asked(library: SkillLibrary, question: Question, exact: bool = False) -> Answers:
    matches = library.retrieve_skills(question.state, question.embedding, top_k=K, exact=exact)
    return [(match.skill.id or 0, match.similarity) for match in matches]


def build(place: Path, workload: Workload, **settings: Any) -> dict[str, float]:
    """Make the library in one commit; how fast. The skills are made before the clock starts."""
    skills = list(workload.skills())
    library = SkillLibrary.open(place, embedding_dim=workload.dim, **settings)
    seconds = milliseconds(lambda: library.add_skills(skills)) / 1e3
    kept = len(library)
    closing = milliseconds(library.close) / 1e3
    return {"skills per second": len(skills) / seconds, "kept": kept, "seconds to close": closing}


def scanned(workload: Workload, questions: list[Question]) -> dict[str, Any]:
    """The linear scan's times and answers."""
    skills = list(workload.skills())
    vectors = np.stack([skill.embedding for skill in skills])
    conditions = [PreconditionSet.of(skill.preconditions) for skill in skills]
    ids, shares, whole, products = [], [], [], []
    for question in questions:
        start = time.perf_counter()
        facts = facts_of(question.state)
        rows = np.flatnonzero([condition.holds(facts) for condition in conditions])
        query = question.embedding / np.linalg.norm(question.embedding)
        near = vectors[rows] @ query
        best = rows[np.argsort(-near)[:K]]
        whole.append((time.perf_counter() - start) * 1e3)
        products.append(milliseconds(partial(np.matmul, vectors, query)))
        ids.append((best + 1).tolist())
        shares.append(len(rows) / len(skills))
    return {"ids": ids, "share": float(np.mean(shares)), "scan": spread(whole), "products": spread(products)}


def measured(place: Path, workload: Workload, band: str | None, queries: int) -> dict[str, Any]:
    """What a new process finds: the library's times and answers."""
    vectors = place.parent / "vectors.npy"
    loading = milliseconds(lambda: np.load(vectors))
    library: SkillLibrary = None  # type: ignore[assignment]

    def opening() -> None:
        nonlocal library
        library = SkillLibrary.open(place)

    SkillLibrary(embedding_dim=2)  # the imports are not measured
    before = resident()
    opened = milliseconds(opening)
    questions = workload.questions(queries, band)
    asked(library, Question({}, questions[0].embedding))
    new, again, answers, recall, exact = [], [], [], [], 0
    for question in questions:
        library._backend._table.matcher._remembered.clear()  # type: ignore[union-attr]
        new.append(milliseconds(partial(asked, library, question)))
        again.append(milliseconds(partial(asked, library, question)))
        answers.append(asked(library, question))
        truth = {skill_id for skill_id, _ in asked(library, question, exact=True)}
        recall.append(len(truth & {skill_id for skill_id, _ in answers[-1]}) / max(len(truth), 1))
        exact += library.retrieve_skills(question.state, question.embedding, top_k=K).exact
    return {
        "new": spread(new), "again": spread(again), "answers": answers, "recall": float(np.mean(recall)),
        "worst recall": min(recall), "exact answers": exact / queries, "open ms": opened, "numpy.load ms": loading,
        "resident MB": (resident() - before) / 1e6, "vectors MB": vectors.stat().st_size / 1e6,
    }  # fmt: skip


def in_a_new_process(place: Path, given: argparse.Namespace, share: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.retrieval", "--child", str(place), "--share", share]
    sizes = ["--skills", str(given.skills), "--dim", str(given.dim), "--seed", str(given.seed)]
    told = subprocess.check_output([*command, *sizes, "--queries", str(given.queries)], text=True)
    found: dict[str, Any] = json.loads(told)
    return found


def row(directory: Path, given: argparse.Namespace, share: str) -> dict[str, Any]:
    """Everything about one share of applicable skills."""
    kind, band = ROWS[share]
    workload = Workload(given.skills, given.dim, kind, given.seed)
    place = directory / kind
    built = {}
    if not place.exists():
        print(f"{share}: adding {given.skills} skills", file=sys.stderr)
        built = build(place, workload, same_skill=None)
        np.save(directory / "vectors.npy", np.concatenate(list(workload.vectors())))
    questions = workload.questions(given.queries, band)
    with SkillLibrary.open(place) as library:
        library.snapshot()
        here = [asked(library, question, exact=True) for question in questions[:50]]
    print(f"{share}: {given.queries} queries in a new process", file=sys.stderr)
    found = in_a_new_process(place, given, share)
    scan = scanned(workload, questions[: given.scans])
    exactly = [[skill_id for skill_id, _ in answer] for answer in here[: given.scans]]
    same = sum(map(tuple.__eq__, map(tuple, exactly), map(tuple, scan.pop("ids"))))
    kept = [
        answer == [tuple(item) for item in other] for answer, other in zip(here, found.pop("answers"), strict=False)
    ]
    return {**found, **scan, **built, "exact = scan": same / len(exactly), "reopened = exact": sum(kept) / len(kept)}


def table(rows: dict[str, dict[str, Any]]) -> str:
    lines = [
        "applicable (mean)  | milliseconds, new: median p99 worst | again: median p99 worst | scan   products | "
        "recall (worst) | open ms  numpy.load | grew MB  vectors | exact=scan  reopened"
    ]
    for share, found in rows.items():
        new, again = ("{median:6.2f} {p99:6.2f} {worst:6.2f}".format(**found[name]) for name in ("new", "again"))
        lines.append(
            f"{share:>6} ({100 * found['share']:5.2f} %)  | {new:>24} | {again:>26} | {found['scan']['median']:6.1f} "
            f"{found['products']['median']:6.2f} | {found['recall']:.4f} ({found['worst recall']:.2f})  | "
            f"{found['open ms']:7.0f} {found['numpy.load ms']:8.0f}   | {found['resident MB']:6.0f} "
            f"{found['vectors MB']:8.0f}  | {found['exact = scan']:8.2f} {found['reopened = exact']:9.2f}"
        )
        if "skills per second" in found:
            lines.append(f"        bulk add, durable: {found['skills per second']:,.0f} skills per second")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skills", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--scans", type=int, default=10, help="queries that the linear scan answers, too")
    parser.add_argument("--merging", type=int, default=10_000, help="skills that are added with duplicates merged")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--share", choices=ROWS, help="only this row")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        kind, band = ROWS[given.share]
        workload = Workload(given.skills, given.dim, kind, given.seed)
        print(json.dumps(measured(given.child, workload, band, given.queries)))
        return
    with tempfile.TemporaryDirectory() as directory:
        rows = {share: row(Path(directory), given, share) for share in ([given.share] if given.share else ROWS)}
        print("standard: adding with duplicates merged", file=sys.stderr)
        merging = build(Path(directory) / "merging", Workload(given.merging, given.dim, "standard", given.seed))
    if given.json:
        print(json.dumps({"rows": rows, "with duplicates": merging}))
        return
    print(table(rows))
    told = "{skills per second:,.0f} skills per second, {kept:,} kept".format(**merging)
    print(f"with duplicates merged, {given.merging:,} skills in one commit: {told}")


if __name__ == "__main__":
    main()
