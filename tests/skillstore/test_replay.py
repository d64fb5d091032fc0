"""Opening: many commits are taken up together, which comes to the same as one at a time, errors included."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skillstore import CorruptLibraryError, SkillLibrary, SkillNotFoundError
from skillstore.local import generation, manifest, storage
from skillstore.local.changes import Change, Learned, Note, Outcome, Removed, Request, Rows, record_of
from skillstore.local.files import Files
from skillstore.local.generation import Generation
from skillstore.local.journal import Journal, JournalReader, Place
from skillstore.local.records import note, payload
from tests.contracts.library_contract import skill
from tests.skillstore.scan import exact

Step = Callable[[SkillLibrary, np.random.Generator], object]


def _some(library: SkillLibrary, random: np.random.Generator) -> int:
    return int(random.integers(1, library.get_stats()["total_skills"] + 5))


def _add(library: SkillLibrary, random: np.random.Generator) -> object:
    return library.add_skill(skill("s", {"n": int(random.integers(3))}, random.standard_normal(2)))


def _batch(library: SkillLibrary, random: np.random.Generator) -> None:
    with library.batch():
        for step in random.choice(np.array(STEPS[:-1], dtype=object), 3):
            with suppress(SkillNotFoundError, KeyError):
                step(library, random)


def _note(library: SkillLibrary, random: np.random.Generator) -> None:
    library.notes[f"note {random.integers(3)}"] = int(random.integers(100))


def _ask(library: SkillLibrary, random: np.random.Generator) -> object:
    return library.once(f"request {random.random()}", lambda: 1)


STEPS: list[Step] = [
    _add,
    lambda library, random: library.add_skills([skill(f"many {n}", {"n": n}) for n in range(int(random.integers(4)))]),
    lambda library, random: library.record_outcome(_some(library, random), bool(random.integers(2))),
    lambda library, random: library.remove_skill(_some(library, random)),
    lambda library, random: library.replace_skill(_some(library, random), skill("new", actions=["other"])),
    _note,
    lambda library, random: library.notes.pop(f"note {random.integers(3)}"),
    lambda library, random: library.once(f"request {random.integers(5)}", lambda: 1),
    _batch,
]


def _contents(library: SkillLibrary) -> Any:
    stats = library.get_stats()
    return (
        [exact(each) for each in library],
        exact(dict(library.notes)),
        {name: stats[name] for name in ("since_snapshot", "total_skills", "total_uses", "merged", "precondition_sets")},
    )


def _all_of(place: Path) -> Any:
    with SkillLibrary.open(place, mode="r") as library:
        return _contents(library)


@pytest.mark.parametrize("seed", range(12))
def test_many_commits_together_come_to_the_same_as_one_at_a_time(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, place = np.random.default_rng(seed), tmp_path / "skills"
    same_skill = [None, 0.9, 0.0][seed % 3]
    with SkillLibrary.open(place, embedding_dim=2, same_skill=same_skill, durability="os") as library:
        follower = SkillLibrary.open(place, mode="r")
        for number in range(400):
            with suppress(SkillNotFoundError, KeyError):
                random.choice(np.array(STEPS, dtype=object))(library, random)
            if number % 100 == 50:
                assert _contents(follower) == _contents(library)
            if seed % 2 and number == 200:
                library.snapshot()
        written = _contents(library)
        assert _contents(follower) == written
        shutil.copytree(place, tmp_path / "killed")
        follower.close()
    for most in (4096, 7, 1):
        monkeypatch.setattr(generation, "MOST_COMMITS", most)
        assert _all_of(place) == written
        assert _all_of(tmp_path / "killed") == written


def test_a_journal_that_was_cut_behind_what_was_taken_up_has_nothing_more(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=2) as library:
        library.add_skill(skill())
        files = Files(tmp_path / "skills")
        reader = JournalReader(files, manifest.read(files))
        assert list(reader.commits(Place(reader.size() + 100, 5))) == []


def _rows(*ids: int, replaces: bool = False) -> Rows:
    vectors, counts = np.array([[1, 0]] * len(ids), np.float32), np.array([[0, 0, 1]] * len(ids))
    return Rows(np.array(ids), [payload("s", {}, ["go"], {})] * len(ids), vectors, counts, replaces)


def _unreadable() -> Rows:
    rows = _rows(2, replaces=True)
    return Rows(rows.ids, [b"\x93nothing"], rows.vectors, rows.counts, replaces=True)


IMPOSSIBLE: dict[str, list[Change]] = {
    "an id twice": [_rows(3)],
    "an id that went back": [_rows(8), _rows(7)],
    "an outcome of no skill": [Outcome(99, True)],
    "an outcome before its skill": [Outcome(6, True), _rows(6)],
    "a merge into a skill that is gone": [Removed(2), Learned(2)],
    "removed twice": [Removed(2), Removed(2)],
    "a replaced skill that is gone": [Removed(2), _rows(2, replaces=True)],
    "a replaced skill that cannot be read": [_unreadable()],
    "a request twice": [Request("a", note(1, "")), Request("a", note(2, ""))],
}
POSSIBLE: list[Change] = [_rows(1, 2), Outcome(1, True), Note("n", note(1, "")), _rows(3), Learned(2), _rows(4, 5)]


@pytest.mark.parametrize("what", IMPOSSIBLE)
@pytest.mark.parametrize("apart", [True, False], ids=["in commits of their own", "in one commit"])
@pytest.mark.damages
def test_the_commit_that_cannot_be_is_named_whatever_comes_before_and_after(
    what: str, apart: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SkillLibrary.open(tmp_path / "skills", embedding_dim=2).close()
    (tmp_path / "skills" / "seal").unlink()
    files = Files(tmp_path / "skills")
    named = manifest.read(files)
    journal = Journal.resume(files, named, [end for _, end in JournalReader(files, named).commits(Place())][-1])
    wrong = IMPOSSIBLE[what]
    for changes in [[each] for each in POSSIBLE] + ([[each] for each in wrong] if apart else [wrong]):
        journal.write([record_of(change) for change in changes], closes=True)
    for _ in range(3):
        journal.write([record_of(Outcome(1, True))], closes=True)
    journal.close()
    errors = []
    for most in (4096, 3, 1):
        monkeypatch.setattr(generation, "MOST_COMMITS", most)
        with pytest.raises(CorruptLibraryError, match="a change that cannot be") as raised:
            SkillLibrary.open(tmp_path / "skills", mode="r")
        errors.append((raised.value.offset, raised.value.what))
    assert len(set(errors)) == 1


@pytest.mark.parametrize(
    "step",
    [_add, lambda library, random: library.record_outcome(1, True), _note, _ask],
    ids=["adds", "outcomes", "notes", "requests"],
)
def test_what_is_taken_up_at_an_opening_is_bounded_however_it_was_written(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_MANY_CHANGES", 50)
    random, place = np.random.default_rng(0), tmp_path / "skills"
    with SkillLibrary.open(place, embedding_dim=2, same_skill=None, durability="os") as library:
        library.add_skill(skill())
        for number in range(300):
            step(library, random)
            if number % 60 == 59:
                library.settle()
                assert library.get_stats()["generation"] > 1
    taken: list[int] = []
    take_up = Generation.take_up

    def counted(self: Generation) -> None:
        take_up(self)
        taken.append(self.place.sequence)

    monkeypatch.setattr(Generation, "take_up", counted)
    for mode in ("r", "rw"):
        SkillLibrary.open(place, mode=mode).close()
    assert taken
    assert max(taken) <= 60
