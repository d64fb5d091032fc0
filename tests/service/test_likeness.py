"""Likeness, browsing and uses: what people look through a library with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from skillstore import Interval, Skill, SkillLibrary
from skillstore.embedding import similarities
from skillstore.service import browsing, likeness
from skillstore.service.uses import EACH, MOST, Uses

NUMBERS = np.random.default_rng(7)


@pytest.fixture
def library() -> Iterator[SkillLibrary]:
    """700 skills in 12 dimensions, some of them the same but for their preconditions."""
    made = SkillLibrary(12, same_skill=None)
    vectors = NUMBERS.normal(size=(700, 12))
    vectors[500:550] = vectors[:50]
    made.add_skills(
        Skill(
            f"Skill {n}",
            {"n": n % 9} if n % 10 else {},
            ["act"],
            vector,
            times_used=n % 5,
            success_count=n % 3 % (n % 5 + 1),
        )
        for n, vector in enumerate(vectors)
    )
    for gone in (3, 77, 700):
        made.remove_skill(gone)
    yield made
    made.close()


def test_neighbours_are_those_that_a_look_at_all_skills_finds(library: SkillLibrary) -> None:
    skills = list(library)
    vectors = np.stack([skill.embedding for skill in skills])
    for skill in skills[::97]:
        cosines = similarities(vectors, skill.embedding)
        ranked = sorted(
            (-float(cosine), other.id) for cosine, other in zip(cosines, skills, strict=True) if other.id != skill.id
        )
        found = likeness.similar(library, skill, 7)
        assert [(-(match.similarity or 0.0), match.skill.id) for match in found] == ranked[:7]
    assert len(likeness.similar(library, skills[0], 1_000)) == len(skills) - 1


def test_pairs_are_those_that_a_look_at_all_pairs_finds(library: SkillLibrary) -> None:
    skills = list(library)
    vectors = np.stack([skill.embedding for skill in skills])
    expected = []
    for row, skill in enumerate(skills):
        for cosine, other in zip(similarities(vectors[row + 1 :], skill.embedding), skills[row + 1 :], strict=True):
            if cosine >= 0.8:
                expected.append((-float(cosine), skill.id, other.id))
    expected.sort()
    assert len(expected) > 60
    for limit in (1, 10, 55, 10_000):
        found, compared, last = likeness.pairs(library, 0, 0.8, limit)
        assert [(-cosine, older.id, newer.id) for cosine, older, newer in found] == expected[:limit]
        assert (compared, last) == (697, None)


def test_a_large_library_is_compared_part_by_part(library: SkillLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "WINDOW", 300)
    after: int | None = 0
    seen = []
    while after is not None:
        _, compared, after = likeness.pairs(library, after, 0.99, 10)
        seen.append(compared)
    assert seen == [300, 300, 97]
    assert likeness.pairs(SkillLibrary(3), 0, 0.9, 10) == ([], 0, None)


def test_many_that_are_all_the_same_are_no_trouble() -> None:
    same = SkillLibrary(3, same_skill=None)
    same.add_skills(Skill(str(n), {}, ["a"], [1.0, 2.0, 3.0]) for n in range(600))
    found, _, _ = likeness.pairs(same, 0, 0.9, 5)
    assert [(older.id, newer.id) for _, older, newer in found] == [(1, 2), (1, 3), (1, 4), (1, 5), (1, 6)]


def test_the_same_preconditions_are_those_that_hold_in_the_same_states() -> None:
    def skill(preconditions: dict[str, object]) -> Skill:
        return Skill("s", preconditions, ["a"], [1.0])

    assert likeness.same_preconditions(skill({"a": {"b": 1}}), skill({"a.b": 1.0}))
    assert likeness.same_preconditions(skill({"a": Interval(1, 1)}), skill({"a": 1}))
    assert not likeness.same_preconditions(skill({"a": True}), skill({"a": 1}))


@pytest.mark.parametrize("order", browsing.ORDERS)
def test_pages_in_any_order_hold_each_skill_once(library: SkillLibrary, order: browsing.Order) -> None:
    pages = [browsing.browse(library, None, None, order, start, 100) for start in range(0, 800, 100)]
    ids = [skill.id or 0 for page in pages for skill in page.skills]
    assert sorted(ids) == [skill.id for skill in library]
    assert {page.found for page in pages} == {697}


def test_sure_successes_stand_first_in_their_order() -> None:
    alone = SkillLibrary(1, same_skill=None)
    for used, succeeded in ((0, 0), (1, 0), (1, 1), (50, 49), (2, 0)):
        alone.add_skill(Skill("s", {}, ["a"], [1.0], times_used=used, success_count=succeeded))
    ranked = [skill.id for skill in browsing.browse(alone, None, None, "success", 0, 10).skills]
    assert ranked == [match.skill.id for match in alone.retrieve_skills({}, top_k=10)] == [4, 3, 1, 2, 5]


def test_skills_are_found_by_a_part_of_the_name_and_by_a_fact(library: SkillLibrary) -> None:
    assert browsing.browse(library, "sKILL 69", None, "oldest", 0, 50).found == 10  # 69, and 690 to 698
    shelf = browsing.browse(library, None, "n", "oldest", 0, 50)
    assert shelf.facts == {"n": shelf.found}
    assert shelf.found == sum("n" in skill.preconditions for skill in library)


def test_a_page_says_how_far_it_looked(library: SkillLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "LOOKED_AT", 40)
    shelf = browsing.browse(library, None, None, "newest", 0, 5)
    assert (shelf.looked_at, shelf.total, shelf.found) == (40, 697, 40)


def test_a_use_told_again_counts_once_and_an_undone_one_never() -> None:
    uses = Uses()
    uses.used("home", 1, True, 1, 1)
    uses.used("home", 1, True, 1, 1)
    uses.used("home", 1, False, 2, 1)
    uses.used("home", 1, True, 3, 2)
    assert [use.success for use in uses.of("home", 1, 3)] == [True, False, True]
    assert [use.times_used for use in uses.of("home", 1, 2)] == [1, 2]
    assert uses.of("other", 1, 3) == []


def test_the_last_used_stands_first_and_what_is_forgotten_nowhere() -> None:
    uses = Uses()
    for skill in (1, 2, 3, 1):
        uses.used("home", skill, True, skill + len(uses.recent("home")), 1)
    assert list(uses.recent("home")) == [1, 3, 2]
    uses.forget("home", 3)
    assert list(uses.recent("home")) == [1, 2]
    uses.forget("home")
    assert uses.recent("home") == {}


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    uses = Uses()
    for skill in range(MOST + 5):
        uses.used("home", skill, True, 1, 1)
    for count in range(EACH + 5):
        uses.used("home", 0, True, count + 1, 1)
    assert len(uses.recent("home")) == MOST
    assert len(uses.of("home", 0, 10_000)) == EACH
