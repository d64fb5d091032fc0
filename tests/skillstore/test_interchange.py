"""Interchange: whatever a library holds, its export makes the same library again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_values
from hypothesis import strategies as st

from skillstore import InvalidInputError, OneOf, Skill, SkillLibrary
from skillstore.interchange import export_lines, import_lines
from skillstore.local import records
from skillstore.values import MAX_DEPTH
from tests.skillstore import given
from tests.skillstore.foreign import Tensor
from tests.skillstore.scan import exact

strange_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    ["\0", "$tuple", "$facts", "\u2028\x85\r\n", '"', "\\", "a.b", " ", "\ufeff", "x" * 10_000]
)
foreign = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(np.float32),
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.booleans().map(np.bool_),
    given.texts.map(np.str_),
    st.integers(-9, 9).map(Tensor),
    st.just(-0.0),
)
contents = st.one_of(given.values, foreign, st.lists(st.one_of(given.values, foreign), max_size=3))
conditions = st.one_of(
    given.conditions,
    given.facts,
    foreign,
    st.lists(given.facts, min_size=1, max_size=3).map(lambda values: OneOf(*values)),
)
trees = st.dictionaries(
    strange_texts.map(lambda name: name.replace(".", "")),
    conditions | st.dictionaries(given.texts.map(lambda name: name.replace(".", "")), conditions, max_size=2),
    max_size=3,
)


@st.composite
def strange_skills(draw: st.DrawFn) -> Skill:
    return Skill(
        draw(strange_texts.filter(lambda name: bool(name.strip()))),
        draw(trees),
        draw(st.lists(contents, min_size=1, max_size=3) | st.lists(contents, min_size=1, max_size=3).map(tuple)),
        draw(given.embeddings),
        draw(st.dictionaries(strange_texts, contents, max_size=3)),
        times_used=draw(st.sampled_from([0, 2**62])),
    )


def carried(library: SkillLibrary) -> SkillLibrary:
    copy = SkillLibrary(embedding_dim=library.embedding_dim, same_skill=None)
    import_lines(copy, export_lines(library))
    return copy


def contents_of(library: SkillLibrary) -> Any:
    skills = [
        (kept.id, kept.name, exact(kept.action_sequence), exact(kept.metadata), kept.counts, kept.embedding.tobytes())
        for kept in library
    ]
    return skills, [repr(kept.preconditions) for kept in library], exact(dict(library.notes))


@given_values(st.lists(strange_skills(), max_size=3), st.dictionaries(strange_texts, contents, max_size=3))
def test_whatever_is_kept_is_exported_and_imported_again(skills: list[Skill], notes: dict[str, Any]) -> None:
    library = SkillLibrary(embedding_dim=given.DIM, same_skill=None)
    library.add_skills(skills)
    library.notes.update(notes)
    copy = carried(library)
    assert contents_of(copy) == contents_of(library)
    assert list(export_lines(copy)) == list(export_lines(library))


def nested(depth: int, make: Any) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = make(value)
    return value


LARGEST: dict[str, Any] = {
    "short texts": ["a"] * (records.MAX_TEXTS - 9),
    "short bytes": [b""] * (records.MAX_TEXTS // 2 - 9),
    "lists": [[]] * (records.MAX_CONTAINERS - 9),
    "tuples": [()] * (records.MAX_CONTAINERS // 2 - 9),
    "text of escapes": "\0" * (records.MAX_PAYLOAD - 99),
    "lists in lists": nested(MAX_DEPTH - 1, lambda value: [value]),
    "tuples in tuples": nested(MAX_DEPTH - 1, lambda value: (value,)),
    "maps in maps": nested(MAX_DEPTH - 1, lambda value: {1: value}),
}


@pytest.mark.parametrize("value", LARGEST.values(), ids=LARGEST)
def test_the_largest_skill_is_imported_again(value: Any) -> None:
    library = SkillLibrary(embedding_dim=1)
    library.add_skill(Skill("large", {}, ["x"], [1], {"a": value}))
    assert next(iter(carried(library))) == library.get_skill(1)


@pytest.mark.parametrize("value", [["a"] * (records.MAX_TEXTS + 9), [b""] * (records.MAX_TEXTS // 2 + 9)])
def test_what_no_import_would_read_is_not_kept(value: Any) -> None:
    library = SkillLibrary(embedding_dim=1)
    with pytest.raises(InvalidInputError, match="divide it into several"):
        library.add_skill(Skill("large", {}, ["x"], [1], {"a": value}))
    with pytest.raises(InvalidInputError, match="divide it into several"):
        library.notes["large"] = value
    assert len(library) == len(library.notes) == 0


NOTES: dict[str, dict[str, Any]] = {
    "one of escapes": {"a": "\0" * (16 * 2**20 - 99)},
    "many of lists": {f"a{number}": [[]] * 60_000 for number in range(4)},
    "many of texts": {f"a{number}": ["a"] * 400_000 for number in range(3)},
}


@pytest.mark.parametrize("notes", NOTES.values(), ids=NOTES)
def test_notes_that_fill_the_library_are_imported_again(notes: dict[str, Any]) -> None:
    library = SkillLibrary(embedding_dim=1)
    library.add_skill(Skill("small", {}, ["x"], [1]))
    library.notes.update({"small": 1, **notes})
    copy = carried(library)
    assert dict(copy.notes) == dict(library.notes)
    assert list(copy) == list(library)
    import_lines(library, export_lines(copy))  # it has skills: the notes stay out
    assert library.get_skill(1).times_learned == 2


def test_a_note_among_the_skills_is_refused() -> None:
    library = SkillLibrary(embedding_dim=1)
    library.add_skill(Skill("small", {}, ["x"], [1]))
    with pytest.raises(InvalidInputError, match="line 3"):
        import_lines(SkillLibrary(embedding_dim=1), [*export_lines(library), '{"note":"a","value":1}'])
