"""Random work on a library, compared with the linear scan after every step, on every path the index has."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from skillstore import Matches, Skill, SkillLibrary, SkillNotFoundError
from skillstore.local.backend import LocalBackend
from skillstore.local.table import Table
from tests.skillstore import given, small
from tests.skillstore.scan import Ranked, Scan, answers, exact, with_fields

LONG = os.environ.get("SKILLSTORE_TESTS") == "long"
PHASES = [phase for phase in Phase if LONG or phase is not Phase.shrink]  # shrinking takes minutes


class _AbortError(Exception):
    pass


class Machine(RuleBasedStateMachine):
    """One library under work, its linear scan, and a stack of open batches with the scans to go back to."""

    lasting = True
    paths: ClassVar[set[frozenset[str]]] = set()
    approximate: ClassVar[int] = 0
    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[AbstractContextManager[None], Scan]] = []

    @initialize(
        same_skill=st.sampled_from([None, 0.9, 0.9, 0.0, -1.0]),
        scope=st.sampled_from(["preconditions", "preconditions", "library"]),
        first=st.one_of(st.lists(given.skills(), max_size=6), st.lists(given.skills(), min_size=12, max_size=30)),
    )
    def start(self, same_skill: float | None, scope: Any, first: list[Skill]) -> None:
        self.scan = Scan(same_skill, scope)
        kept = {"embedding_dim": given.DIM, "same_skill": same_skill, "dedup_scope": scope}
        self.thread = ThreadPoolExecutor(1)
        if self.lasting:
            self.directory = Path(tempfile.mkdtemp())
            self.library = SkillLibrary.open(self.directory, durability="os", **kept)
            self.reader = SkillLibrary.open(self.directory, mode="r")
        else:
            self.library = SkillLibrary(**kept)
            self.reader = self.library
        self.library.restore_skills(first)
        for skill in first:
            self.scan.restore(with_fields(skill, id=self.scan.next_id))
        self.library.settle()

    def teardown(self) -> None:
        if not hasattr(self, "library"):
            return
        while self.batches:
            self.end_batch(aborted=False)
        self.library.close()
        self.thread.shutdown()
        if self.lasting:
            shutil.rmtree(self.directory)

    # work

    @rule(skill=given.skills())
    def add(self, skill: Skill) -> None:
        added = self.library.add_skill(skill)
        skill_id, created, similarity = self.scan.add(skill)
        assert (added.skill.id, added.created, added.similarity) == (skill_id, created, similarity)
        assert exact(added.skill) == exact(self.scan.skills[skill_id])

    @rule(skills=st.lists(given.skills(), max_size=12), fails=st.booleans())
    def add_many(self, skills: list[Skill], fails: bool) -> None:
        if fails:
            with pytest.raises(_AbortError):
                self.library.add_skills(_and_then_abort(skills))
            return
        additions = self.library.add_skills(skills)
        assert [
            (int(i), bool(created), None if similarity != similarity else float(similarity))
            for i, created, similarity in zip(additions.ids, additions.created, additions.similarities, strict=True)
        ] == [self.scan.add(skill) for skill in skills]

    @rule(skill=given.skills(), gap=st.integers(0, 3))
    def restore(self, skill: Skill, gap: int) -> None:
        old = with_fields(skill, id=self.scan.next_id + gap)
        assert self.library.restore_skills([old])[0].created
        self.scan.restore(old)

    @rule(data=st.data(), succeeded=st.booleans())
    def outcome(self, data: st.DataObject, succeeded: bool) -> None:
        skill_id = self._some_id(data)
        if skill_id in self.scan.skills:
            self.library.record_outcome(skill_id, succeeded)
            self.scan.outcome(skill_id, succeeded)
        else:
            with pytest.raises(SkillNotFoundError):
                self.library.record_outcome(skill_id, succeeded)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        skill_id = self._some_id(data)
        if skill_id in self.scan.skills:
            self.library.remove_skill(skill_id)
            del self.scan.skills[skill_id]
        else:
            with pytest.raises(SkillNotFoundError):
                self.library.remove_skill(skill_id)

    @rule(data=st.data(), skill=given.skills())
    def replace(self, data: st.DataObject, skill: Skill) -> None:
        skill_id = self._some_id(data)
        if skill_id in self.scan.skills:
            kept = self.library.replace_skill(skill_id, skill)
            self.scan.replace(skill_id, skill)
            assert exact(kept) == exact(self.scan.skills[skill_id])
        else:
            with pytest.raises(SkillNotFoundError):
                self.library.replace_skill(skill_id, skill)

    @rule(key=st.sampled_from(["agent/rng", "plan", "ö"]), value=given.values)
    def note(self, key: str, value: Any) -> None:
        self.library.notes[key] = value
        self.scan.notes[key] = value

    @rule(key=st.sampled_from(["agent/rng", "plan", "ö"]))
    def forget_note(self, key: str) -> None:
        assert exact(self.library.notes.pop(key, "none")) == exact(self.scan.notes.pop(key, "none"))

    @rule(name=st.sampled_from(["a", "ö"]), skill=given.skills(), fails=st.booleans())
    def request(self, name: str, skill: Skill, fails: bool) -> None:
        def change() -> Any:
            added = self.library.add_skill(skill)
            if fails:
                raise _AbortError
            return added.skill.id, added.created, added.similarity

        if name not in self.scan.requests and fails:
            with pytest.raises(_AbortError):
                self.library.once(name, change)
            return
        answer = self.library.once(name, change)
        if name not in self.scan.requests:
            self.scan.requests[name] = self.scan.add(skill)
        assert answer == self.scan.requests[name]

    # batches, and what needs that none is open

    @precondition(lambda self: len(self.batches) < 3)
    @rule()
    def begin_batch(self) -> None:
        batch = self.library.batch()
        batch.__enter__()
        self.batches.append((batch, self.scan.copy()))

    @precondition(lambda self: self.batches)
    @rule(aborted=st.booleans())
    def end_batch(self, aborted: bool) -> None:
        batch, before = self.batches.pop()
        if aborted:
            error = _AbortError()
            assert not batch.__exit__(_AbortError, error, None)
            self.scan = before
        else:
            batch.__exit__(None, None, None)

    @precondition(lambda self: not self.batches)
    @rule(compact=st.booleans())
    def start_generation(self, compact: bool) -> None:
        self.library.compact() if compact else self.library.snapshot()

    @rule()
    def settle(self) -> None:
        self.library.settle()

    @rule()
    def flush(self) -> None:
        """The tail leaves, also while rows behind it are staged."""
        cast("LocalBackend", self.library._backend)._keeper.flush()

    @precondition(lambda self: not self.batches and self.lasting)
    @rule()
    def reopen(self) -> None:
        self.library.close()
        self.library = SkillLibrary.open(self.directory, durability="os")
        self.done["reopened"] += 1

    @precondition(lambda self: self.lasting)
    @rule(skill=given.skills(), share=st.sampled_from([0.0, 0.3, 0.7, 0.99, 1.0]), zeros=st.booleans())
    def crash(self, skill: Skill, share: float, zeros: bool) -> None:
        """The machine goes down while a skill is added; of the last write, this share is on the disk."""
        expected = self.batches[0][1] if self.batches else self.scan.copy()
        before = self._image()
        self.library.add_skill(skill)
        image = self._image()
        journal = max(name for name in image if name.startswith("journal"))
        start, size = len(before.get(journal, b"")), len(image[journal])
        cut = start + int(share * (size - start))
        image[journal] = image[journal][:cut] + bytes((size - cut) * zeros)
        if cut == size and not self.batches:
            expected.add(skill)
        self._abandon()
        self.scan, self.directory = expected, Path(tempfile.mkdtemp())
        for name, data in image.items():
            (self.directory / name).write_bytes(data)
        self.library = SkillLibrary.open(self.directory, durability="os")
        self.reader = SkillLibrary.open(self.directory, mode="r")
        self.done["crashes"] += 1
        self.done["crashes that tore a write"] += cut < size

    def _image(self) -> dict[str, bytes]:
        self.library.settle()  # nothing is written meanwhile
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}

    def _abandon(self) -> None:
        while self.batches:
            self.end_batch(aborted=True)
        self.library.close()
        shutil.rmtree(self.directory)

    @precondition(lambda self: not self.batches)
    @rule()
    def verify(self) -> None:
        assert self.library.verify()["skills"] == len(self.scan.skills)

    # questions

    @rule(
        state=given.states,
        query=st.one_of(st.none(), given.embeddings),
        k=st.integers(1, 30),
        min_similarity=st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 0.9, 1.0])),
    )
    def ask(self, state: Any, query: Any, k: int, min_similarity: float | None) -> None:
        least = min_similarity if query is not None else None
        assert _asked(self.library, state, query, k, least) == _scanned(self.scan, state, query, k, least)
        committed = self.batches[0][1] if self.batches else self.scan
        other = self.thread.submit(_asked, self.library, state, query, k, least).result()
        assert other == _scanned(committed, state, query, k, least)
        assert _asked(self.reader, state, query, k, least) == _scanned(self._seen(), state, query, k, least)
        matches = self.library.retrieve_skills(state, query, k)
        type(self).approximate += not matches.exact
        for match in matches:
            assert match.skill.is_applicable(state)
        for miss in self.library.why_not(state, query, k):
            assert miss.unmet
            assert not miss.skill.is_applicable(state)

    @rule(query=given.embeddings, k=st.integers(1, 3))
    def ask_for_few_of_many(self, query: Any, k: int) -> None:
        """Where many apply, only the nearest cells are looked at."""
        self.ask({}, query, k, None)

    @invariant()
    def everything_is_there(self) -> None:
        if hasattr(self, "library"):
            self.done["operations"] += 1
            self._note_paths()
            _compare(self.library, self.scan)
            if self.lasting:
                _compare(self.reader, self._seen())

    def _seen(self) -> Scan:
        """What the reader sees; it is the library itself when that lives in memory."""
        return self.batches[0][1] if self.batches and self.lasting else self.scan

    def _note_paths(self) -> None:
        segments, tail = self._table().segments, self._table().tail
        taken = {
            "segments": len(segments) > 1,
            "one segment": len(segments) == 1,
            "tail": tail.visible > 0,
            "staged": len(tail) > tail.visible,
            "gone": any(not segment.alive.all() for segment in segments),
            "gone from the tail": not tail.alive.all(),
            "cells": any(segment.cells is not None for segment in segments),
            "indexed sets": self._table().matcher.access.count > 0,
        }
        self.paths.add(frozenset(name for name, here in taken.items() if here))

    def _some_id(self, data: st.DataObject) -> int:
        return int(data.draw(st.sampled_from([*self.scan.skills, 999])))

    def _table(self) -> Table:
        return cast("LocalBackend", self.library._backend)._table


class MemoryMachine(Machine):
    lasting = False


def _and_then_abort(skills: list[Skill]) -> Iterator[Skill]:
    yield from skills
    raise _AbortError


def _asked(library: SkillLibrary, state: Any, query: Any, k: int, least: float | None) -> tuple[Ranked, Ranked]:
    matches = library.retrieve_skills(state, query, k, least)
    if not matches.exact:
        matches = _exactly(library, state, query, k, least, matches)
    return answers(matches), answers(library.why_not(state, query, k))


def _exactly(library: SkillLibrary, state: Any, query: Any, k: int, least: float | None, matches: Matches) -> Matches:
    """The exact answer to the question that `matches` answer, with all that they promise."""
    everything = dict(answers(library.retrieve_skills(state, query, 1000, exact=True)))
    for skill_id, similarity in answers(matches):
        assert everything[skill_id] == similarity
    assert answers(matches) == sorted(answers(matches), key=lambda match: (-(match[1] or 0.0), match[0]))
    exactly = library.retrieve_skills(state, query, k, least, exact=True)
    assert exactly.exact
    if least is None:
        assert len(matches) == len(exactly)
    return exactly


def _scanned(scan: Scan, state: Any, query: Any, k: int, least: float | None) -> tuple[Ranked, Ranked]:
    return scan.retrieve(state, query, k, least), scan.why_not(state, query, k)


def _compare(library: SkillLibrary, scan: Scan) -> None:
    assert len(library) == len(scan.skills)
    assert [exact(skill) for skill in library] == [exact(scan.skills[i]) for i in sorted(scan.skills)]
    assert exact(dict(library.notes)) == exact(scan.notes)
    stats = library.get_stats()
    assert {name: stats[name] for name in scan.stats()} == scan.stats()


@pytest.mark.parametrize("machine", [Machine, MemoryMachine])
def test_random_work_equals_the_linear_scan_on_every_path(
    machine: type[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    small.make_small(monkeypatch)
    machine.paths = set()
    machine.approximate = 0
    examples = 3000 if LONG else 30
    chosen = settings(max_examples=examples, stateful_step_count=40, phases=PHASES)
    run_state_machine_as_test(machine, settings=chosen)
    rare = ("gone from the tail",) if LONG else ()
    for path in ("one segment", "tail", "staged", "gone", "cells", "indexed sets", *rare):
        assert any(path in taken for taken in machine.paths), path
    assert machine.approximate, "no answer was approximate"
