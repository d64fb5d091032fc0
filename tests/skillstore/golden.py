"""Golden: writes the library that every later version must open for ever. Run once for each released format.

    python -m tests.skillstore.golden data/golden-1.0
    python -m tests.skillstore.golden data/golden-backup-1.0

Makes `library/`, with every kind of file and record of the format, `expected.jsonl`, what it holds, and README.md; or
`skills.backup` instead of `library/`, for the format of backups.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from skillstore import Interval, OneOf, Skill, SkillLibrary, __version__
from skillstore.interchange import export_lines

README = """# A library of format {name}

Written by `python -m tests.skillstore.golden data/golden-{name}` with skillstore {version}, and never written again:
`tests/skillstore/test_golden.py` opens a copy with every version and compares it with `expected.jsonl`, which is its
export as JSON lines, made at the same time. The skills are made up; nothing in them comes from anywhere else.

`library/` was closed cleanly and has a seal, two segments, a skill that was removed, a journal with every kind of
change, and the generation before. `crashed/` is the same library after a writer died in the middle of one more commit:
that commit must vanish.
"""

BACKUP_README = """# A backup of format {name}

Written by `python -m tests.skillstore.golden data/golden-backup-{name}` with skillstore {version}, and never written
again: `tests/skillstore/test_golden.py` restores it with every version and compares the library with `expected.jsonl`,
which is its export as JSON lines, made at the same time. It is the library of the golden libraries beside it.
"""


def fill(library: SkillLibrary) -> None:
    """Every kind of value, condition and change."""
    library.add_skills(_skills())
    library.notes["agent/random"] = {"state": (2**64 - 1, -(2**63)), "kind": b"PCG64", 7: [None, True, 0.5]}
    library.snapshot()
    library.once("episode 0", lambda: None)
    library.remove_skill(2)
    library.add_skill(
        Skill("carry", {"room": {"light": True, "door": None}}, [{"tool": "open", "args": (1,)}], [0, 1, 0, 2])
    )
    library.snapshot()
    for succeeded in (True, False, True):
        library.record_outcome(1, succeeded)
    library.add_skill(Skill("merged", {"has_key": False}, ["up"], [1.0, 0.01, 0, 0]))
    library.replace_skill(
        3, Skill("replaced", {"n": Interval(1, 2)}, ("go", b"\x00\xff"), [0, 0, 1, 0], {"$map": {(1, "a"): 1}})
    )
    library.once("episode 1", lambda: ("kept", 1))
    library.notes["plan"] = ["wait"]
    library.notes["gone"] = 1
    del library.notes["gone"]
    with library.batch():
        library.add_skill(Skill("last", {"color": OneOf("red", 2, None)}, ["ü", 1, 2.0, True], [1, 1, 1, -1]))
        library.record_outcome(7, False)


def _skills() -> list[Skill]:
    conditions: list[Any] = [
        {"has_key": False},
        {},
        {"n": Interval(None, 2.5)},
        {"pos": (3, [4])},
        {"name": "x", "b": b"y"},
    ]
    return [
        Skill(
            f"skill {place}",
            wanted,
            ["up", "down"],
            [1 if place == axis else 0.25 for axis in range(4)],
            {"place": place},
        )
        for place, wanted in enumerate(conditions)
    ]


def write(place: Path) -> None:
    """Make everything in the new directory `place`."""
    place.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as directory:
        working = Path(directory) / "library"
        with SkillLibrary.open(working, embedding_dim=4, encoder="golden/1") as library:
            fill(library)
            (place / "expected.jsonl").write_text("".join(line + "\n" for line in export_lines(library)))
        _copy(working, place / "library")
        library = SkillLibrary.open(working)
        library.add_skill(Skill("in flight", {"never": 1}, ["acknowledged"], [1, 2, 3, 4]))
        _copy(working, place / "crashed")
        library.close()
    journal = max((place / "crashed").glob("journal-*"))
    journal.write_bytes(journal.read_bytes()[:-9])
    (place / "README.md").write_text(README.format(name=place.name.removeprefix("golden-"), version=__version__))


def write_backup(place: Path) -> None:
    """Make a backup, and what it holds, in the new directory `place`."""
    place.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        SkillLibrary.open(Path(directory) / "library", embedding_dim=4, encoder="golden/1") as library,
    ):
        fill(library)
        (place / "expected.jsonl").write_text("".join(line + "\n" for line in export_lines(library)))
        library.backup(place / "skills.backup")
    name = place.name.removeprefix("golden-backup-")
    (place / "README.md").write_text(BACKUP_README.format(name=name, version=__version__))


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("lock*"))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    (write_backup if target.name.startswith("golden-backup-") else write)(target)
