"""Cells: what the approximate way promises, on segments small enough to compare with everything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from skillstore import Skill, SkillLibrary
from skillstore.embedding import similarities, unit
from skillstore.local import cells, segment, table
from skillstore.local.backend import LocalBackend
from skillstore.local.cells import Cells, Near
from skillstore.preconditions import facts_of

DIM = 16
COUNT = 4000
CLUSTERS = 40


@pytest.fixture(autouse=True)
def small_segments_get_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "SMALLEST", 500)
    monkeypatch.setattr(cells, "_FARTHEST", 3)
    monkeypatch.setattr(segment, "_FEW", 100)


def made(generator: np.random.Generator, tied: bool = False, clustered: bool = True) -> list[Skill]:
    centres = generator.standard_normal((CLUSTERS, DIM))
    skills = []
    for number in range(COUNT):
        cluster = number % CLUSTERS
        vector = generator.standard_normal(DIM) * (0.2 if clustered else 1.0) + (centres[cluster] if clustered else 0.0)
        preconditions = {
            "band": cluster % 4 if tied else int(generator.integers(4)),
            "wet": bool(generator.integers(2)),
        }
        skills.append(Skill(f"skill {number}", preconditions, ["go"], vector))
    return skills


def the_cells(library: SkillLibrary) -> list[Cells | None]:
    return [part.cells for part in cast("LocalBackend", library._backend)._table.segments]


def asked(library: SkillLibrary, skills: list[Skill], generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """(matches, exact matches, what a scan finds) for many questions; an eighth of the skills applies in each."""
    vectors = np.stack([skill.embedding for skill in skills])
    for _ in range(60):
        wet = bool(generator.integers(2))
        state: dict[str, Any] = {"wet": wet, "band": int(generator.integers(4))}
        query = skills[int(generator.integers(COUNT))].embedding + 0.05 * generator.standard_normal(DIM)
        applies = np.flatnonzero([skill.is_applicable(state) for skill in skills])
        ranks = similarities(vectors[applies], unit(query))
        order = np.lexsort((applies, -ranks))[:10]
        scan = [(int(applies[row]) + 1, float(ranks[row])) for row in order]
        yield library.retrieve_skills(state, query, 10), library.retrieve_skills(state, query, 10, exact=True), scan


def test_an_approximate_answer_applies_is_full_and_has_exact_similarities() -> None:
    generator = np.random.default_rng(1)
    skills = made(generator)
    library = SkillLibrary(embedding_dim=DIM, same_skill=None)
    library.add_skills(skills)
    library.compact()
    library.settle()
    assert any(found is not None and found.reach.any() for found in the_cells(library))
    vectors = np.stack([skill.embedding for skill in skills])
    found, approximate = [], 0
    for matches, exact, scan in asked(library, skills, generator):
        assert [(match.skill.id, match.similarity) for match in exact] == scan
        assert exact.exact
        assert len(matches) == len(scan)
        ranks = [(-match.similarity, match.skill.id) for match in matches]
        assert ranks == sorted(ranks)
        for match in matches:
            assert np.array_equal(match.skill.embedding, vectors[match.skill.id - 1])
        approximate += not matches.exact
        if matches.exact:
            assert list(matches) == list(exact)
        kept = {match.skill.id for match in matches}
        found.append(len(kept & {skill_id for skill_id, _ in scan}) / len(scan))
        for match in matches:
            assert match.similarity == dict(scan).get(match.skill.id, match.similarity)
    assert approximate > 20, "the approximate way was hardly taken"
    assert np.mean(found) > 0.97


@pytest.mark.parametrize("kind", [{"tied": True}, {"clustered": False}])
def test_where_cells_cannot_help_answers_are_still_full_and_apply(kind: dict[str, bool]) -> None:
    generator = np.random.default_rng(2)
    skills = made(generator, **kind)
    library = SkillLibrary(embedding_dim=DIM, same_skill=None)
    library.add_skills(skills)
    library.compact()
    library.settle()
    found = []
    for matches, exact, scan in asked(library, skills, generator):
        assert [(match.skill.id, match.similarity) for match in exact] == scan
        assert len(matches) == len(scan)
        found.append(len({match.skill.id for match in matches} & {skill_id for skill_id, _ in scan}) / len(scan))
    assert np.mean(found) > 0.97


def test_what_is_removed_or_changed_after_cells_were_made_shows() -> None:
    generator = np.random.default_rng(3)
    skills = made(generator)
    library = SkillLibrary(embedding_dim=DIM, same_skill=None)
    library.add_skills(skills)
    library.compact()
    library.settle()
    state = {"wet": True, "band": 1}
    query = skills[0].embedding
    for _ in range(30):
        best = library.retrieve_skills(state, query, 3)
        removed = best[0].skill.id or 0
        library.remove_skill(removed)
        assert removed not in [match.skill.id for match in library.retrieve_skills(state, query, 10)]
    added = library.add_skill(Skill("newest", {}, ["go"], query))
    assert library.retrieve_skills(state, query, 1)[0].skill == added.skill


def test_cells_are_kept_beside_the_segment_and_are_never_needed(tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    skills = made(generator)
    with SkillLibrary.open(tmp_path / "skills", embedding_dim=DIM, same_skill=None) as library:
        library.add_skills(skills)
        library.compact()
        library.settle()
        (found,) = the_cells(library)
        assert found is not None
    (cache,) = (tmp_path / "skills").glob("cells-*")
    kept = cache.read_bytes()
    with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
        (again,) = the_cells(reader)
        assert again is not None
        assert np.array_equal(again.rows, found.rows)
        assert np.array_equal(again.reach, found.reach)
    damaged = bytearray(kept)
    for place in generator.integers(0, len(kept), 60).tolist():
        damaged[:] = kept
        damaged[place] ^= 1 << int(generator.integers(8))
        cache.write_bytes(damaged)
        with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
            assert the_cells(reader) == [None]
    for content in (b"", kept[:100], kept[:-1], kept + b"x"):
        cache.write_bytes(content)
        with SkillLibrary.open(tmp_path / "skills", mode="r") as reader:
            assert the_cells(reader) == [None]
            assert len(reader) == COUNT
    cache.unlink()
    with SkillLibrary.open(tmp_path / "skills") as library:
        assert library.verify()["ok"]
        library.settle()
        assert the_cells(library) != [None]
    assert cache.read_bytes() == kept, "the same cells are made of the same segment"


def test_cells_of_a_diverged_copy_are_not_taken(tmp_path: Path) -> None:
    SkillLibrary.open(tmp_path / "one", embedding_dim=DIM, same_skill=None).close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for seed, name in ((5, "one"), (6, "two")):
        with SkillLibrary.open(tmp_path / name) as library:
            library.add_skills(made(np.random.default_rng(seed)))
            library.compact()
            library.settle()
    (one,) = (tmp_path / "one").glob("cells-*")
    shutil.copy(tmp_path / "two" / one.name, one)
    with SkillLibrary.open(tmp_path / "one", mode="r") as reader:
        assert the_cells(reader) == [None]


def test_cells_of_which_one_applies_far_less_are_not_alike() -> None:
    def alike(*counts: int) -> bool:
        none = np.zeros(0, dtype=np.int32)
        applies = np.concatenate([np.arange(100) < count for count in counts])
        return Near(none, none, [], np.full(len(counts), 100)).are_alike(applies)

    assert alike(30, 28, 33, 25)
    assert alike(4, 0, 3), "chance"
    assert not alike(0, 60, 55, 50)
    assert not alike(60, 58, 63, 5)


@pytest.mark.filterwarnings("error")
def test_no_cell_is_empty_where_few_vectors_differ() -> None:
    library = SkillLibrary(embedding_dim=DIM, same_skill=None)
    library.add_skills(
        replace(one, embedding=np.eye(DIM)[place % 3]) for place, one in enumerate(made(np.random.default_rng(7)))
    )
    library.compact()
    library.settle()
    (found,) = the_cells(library)
    assert found is not None
    assert (np.diff(found.starts) > 0).all()
    assert len(found.centroids) == len(found.starts) - 1 <= 3
    for axis in range(DIM):
        assert len(library.retrieve_skills({"wet": True, "band": 1}, np.eye(DIM)[axis], 10)) == 10


def test_rivals_are_all_that_are_similar_enough_and_borrowed_cells_find_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "_RIVALS", 10)
    monkeypatch.setattr(table, "_LIKE_SMALL", 1)
    generator = np.random.default_rng(9)
    skills = made(generator)
    library = SkillLibrary(embedding_dim=DIM, same_skill=None)
    library.add_skills(skills[:3300])
    library.compact()
    library.settle()
    library.add_skills(skills[3300:])
    library.snapshot()
    library.settle()
    seen = cast("LocalBackend", library._backend)._table
    larger, smaller = seen.segments
    assert larger.cells is not None
    assert smaller.cells is not None
    known = {vector.tobytes() for vector in larger.cells.centroids.vectors}
    assert all(vector.tobytes() in known for vector in smaller.cells.centroids.vectors)
    looked = 0
    for turn in range(60):
        state = {"wet": bool(turn % 2), "band": int(generator.integers(4))}
        query = unit(skills[int(generator.integers(COUNT))].embedding + 0.1 * generator.standard_normal(DIM))
        applies = [place for place in range(len(smaller)) if skills[smaller.ids[place] - 1].is_applicable(state)]
        ranks = similarities(smaller.matrix[applies], query)
        least = float(np.sort(ranks)[-1 - turn % 10])
        rivals = smaller.rivals(seen.applicable(facts_of(state)), query, 10, least)
        if rivals is not None:
            looked += 1
            assert {applies[row] for row in np.flatnonzero(ranks >= least)} <= set(rivals.tolist())
            assert set(rivals.tolist()) <= set(applies)
    assert looked > 10
