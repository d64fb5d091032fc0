"""Kill the writer with SIGKILL at random moments: it always reopens, and every acknowledged change is there.

    python -m tests.benchmarks.kill --kills 100 --seed 0

A child process works on a library (adds, outcomes, removals, batches, notes, snapshots, compactions) and writes one
line to a pipe before each change (what it is about to do) and one after (it is acknowledged). The parent kills it after
a random time, reopens the library, and compares it with the scan that the lines describe: all acknowledged changes, and
the one in flight whole or absent. The next child goes on with the same library.

A SIGKILL leaves the kernel's cache: this does not show that syncs are right. `tests/skillstore/test_crashes.py` does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from skillstore import Skill, SkillLibrary
from skillstore.local import storage
from tests.skillstore.scan import Scan, exact

Plan = tuple[str, int, int]
"""(what, seed of its content, id it is about)."""


def skill_for(seed: int) -> Skill:
    """The skill that a change with this seed adds: every field tells the seed."""
    embedding = np.random.default_rng(seed).normal(size=4)
    return Skill(f"s{seed}", {"n": seed % 7}, ["a", seed], embedding, {"pad": "x" * (seed % 900)})


def change(library: SkillLibrary | Scan, plan: Plan) -> None:
    """Do what is planned, to a library or to a scan."""
    what, seed, skill_id = plan
    if isinstance(library, Scan):
        _scan(library, what, seed, skill_id)
    elif what == "add":
        library.add_skill(skill_for(seed))
    elif what == "outcome":
        library.record_outcome(skill_id, bool(seed % 2))
    elif what == "remove":
        library.remove_skill(skill_id)
    elif what == "batch":
        with library.batch():
            library.add_skills(skill_for(seed + place) for place in range(seed % 60))
            library.record_outcome(skill_id, True)
            library.notes["turn"] = seed
    elif what == "snapshot":
        library.snapshot()
    else:
        library.compact()


def _scan(scan: Scan, what: str, seed: int, skill_id: int) -> None:
    if what in ("add", "batch"):
        for place in range(seed % 60 if what == "batch" else 1):
            scan.add(skill_for(seed + place))
    if what in ("outcome", "batch"):
        scan.outcome(skill_id, what == "batch" or bool(seed % 2))
    if what == "remove":
        del scan.skills[skill_id]
    if what == "batch":
        scan.notes["turn"] = seed


def work(place: Path, seed: int) -> None:
    """Change the library until killed."""
    generator = np.random.default_rng(seed)
    storage._LONG_JOURNAL = 200_000  # so that snapshots also come by themselves
    library = SkillLibrary.open(place, embedding_dim=4, same_skill=None)
    ids = [skill.id or 0 for skill in library]
    kinds = ["add"] * 12 + ["outcome"] * 6 + ["remove"] * 3 + ["batch"] * 3 + ["snapshot", "compact"]
    print("ready", flush=True)
    while True:
        what = "add" if len(ids) < 3 else str(generator.choice(kinds))
        skill_id = ids[int(generator.integers(len(ids)))] if ids else 0
        plan = (what, int(generator.integers(10**6)), skill_id)
        print("doing", *plan, flush=True)
        before = library._backend._table.staging.next_id  # type: ignore[union-attr]
        change(library, plan)
        print("done", flush=True)
        ids += range(before, library._backend._table.staging.next_id)  # type: ignore[union-attr]
        if what == "remove":
            ids.remove(skill_id)


def killed(place: Path, seed: int, after: float) -> tuple[list[Plan], Plan | None]:
    """Run `work`, kill it `after` seconds: the changes that were acknowledged, and the one in flight."""
    command = [sys.executable, "-m", "tests.benchmarks.kill", "--work", str(place), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError("the writer did not start")
        time.sleep(after)
        child.kill()
        lines = child.stdout.read().split("\n")[:-1]  # what follows the last line end was cut off
    plans: list[Plan] = []
    doing: Plan | None = None
    for line in lines:
        word, *rest = line.split()
        if word == "doing":
            doing = (rest[0], int(rest[1]), int(rest[2]))
        elif doing is not None:
            plans.append(doing)
            doing = None
    return plans, doing


def survive(place: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill that many writers; what happened. Raises AssertionError as soon as anything is lost, torn or unreadable."""
    generator = np.random.default_rng(seed)
    scan = Scan(same_skill=None)
    told = {"kills": 0, "acknowledged": 0, "in flight": 0, "of those there": 0, "batches in flight": 0}
    for turn in range(kills):
        plans, doing = killed(place, seed * 10_000 + turn, float(generator.exponential(0.08)))
        for plan in plans:
            change(scan, plan)
        found = _contents(place)
        with_it = scan.copy()
        if doing is not None:
            change(with_it, doing)
        there = found == _scanned(with_it) and doing is not None
        assert there or found == _scanned(scan), f"kill {turn} lost something; look at {place}"
        scan = with_it if there else scan
        scan.next_id = max(scan.next_id, 1)
        told["kills"] += 1
        told["acknowledged"] += len(plans)
        told["in flight"] += doing is not None
        told["of those there"] += there
        told["batches in flight"] += doing is not None and doing[0] == "batch"
        if kills >= 50:
            print(f"\r{turn + 1} of {kills} kills", end="", file=sys.stderr, flush=True)
    return told


def _contents(place: Path) -> Any:
    with SkillLibrary.open(place, mode="r") as reader:
        seen = [exact(skill) for skill in reader], dict(reader.notes)
    with SkillLibrary.open(place) as library:
        library.verify()
        assert seen == ([exact(skill) for skill in library], dict(library.notes))
    return seen


def _scanned(scan: Scan) -> Any:
    return [exact(scan.skills[skill_id]) for skill_id in sorted(scan.skills)], scan.notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.seed)
    with tempfile.TemporaryDirectory() as directory:
        told = survive(Path(directory) / "skills", given.kills, given.seed)
    print("\n" + ", ".join(f"{name}: {count}" for name, count in told.items()) + "; lost or torn: 0")


if __name__ == "__main__":
    main()
