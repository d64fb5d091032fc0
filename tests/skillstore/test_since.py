"""Since: what was changed since the snapshot, also when the library was opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skillstore import Skill, SkillLibrary

WALK = Skill("walk", {}, ["walk"], [1.0, 0.0])
TURN = Skill("turn", {}, ["turn"], [0.0, 1.0])


def since(library: SkillLibrary) -> Any:
    return {name: count for name, count in library.get_stats()["since_snapshot"].items() if count}


def change(library: SkillLibrary) -> None:
    library.add_skills([WALK, TURN, WALK])
    library.record_outcome(1, success=True)
    library.replace_skill(2, WALK)
    library.remove_skill(2)
    library.notes["a"] = 1
    del library.notes["a"]


CHANGED = {"added": 2, "merged": 1, "replaced": 1, "removed": 1, "outcomes": 1, "notes": 2}


def test_changes_are_counted_by_their_kind_until_the_next_snapshot(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        change(library)
        assert since(library) == CHANGED
        library.snapshot()
        assert since(library) == {}
        library.record_outcome(1, success=False)
        library.compact()
        assert since(library) == {}


def test_they_are_counted_again_by_who_opens_the_library_or_follows_it(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
            change(library)
            assert since(reader) == CHANGED
            library.snapshot()
            assert since(reader) == {}
        library.record_outcome(1, success=True)
    with SkillLibrary.open(tmp_path / "skills") as library:
        assert since(library) == {"outcomes": 1}


def undone(library: SkillLibrary) -> None:
    with library.batch():
        change(library)
        raise ZeroDivisionError


def test_what_was_undone_was_no_change(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        with pytest.raises(ZeroDivisionError):
            undone(library)
        assert since(library) == {}
