"""The contract of every library, wherever its skills live, as a suite to inherit: a subclass says how to make one."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skillstore import (
    Interval,
    InvalidInputError,
    LibraryClosedError,
    OneOf,
    Skill,
    SkillLibrary,
    SkillNotFoundError,
)
from skillstore.scalars import to_scalar
from tests.contracts.task_contract import TaskContract
from tests.skillstore.foreign import Tensor
from tests.skillstore.scan import exact

Reopen = Callable[[], SkillLibrary]


class StoppedError(Exception):
    """Raised inside batches to abort them."""


def skill(
    name: str = "fetch", preconditions: dict[str, Any] | None = None, embedding: Any = (1.0, 0.0), **more: Any
) -> Skill:
    """A skill of which only some fields matter."""
    actions = more.pop("actions", ["go"])
    return Skill(name, preconditions or {}, actions, embedding, **more)


def names(answer: Any) -> list[str]:
    return [match.skill.name for match in answer]


class LibraryContract(TaskContract):
    """Inherit as ``class TestMine(LibraryContract)`` and define ``opened``; every library here has two dimensions."""

    def opened(self, place: Path, **settings: Any) -> SkillLibrary:
        """The library at `place`, new the first time; later calls come after its close, and give no settings."""
        raise NotImplementedError

    @pytest.fixture
    def library(self, tmp_path: Path) -> Iterator[SkillLibrary]:
        with self.opened(tmp_path / "skills", embedding_dim=2) as library:
            yield library

    @pytest.fixture
    def reopen(self, tmp_path: Path, library: SkillLibrary) -> Iterator[Reopen]:
        """Closes the library and opens it again."""
        opened = [library]

        def again() -> SkillLibrary:
            opened[-1].close()
            opened.append(self.opened(tmp_path / "skills"))
            return opened[-1]

        yield again
        opened[-1].close()

    # which skills apply

    def test_an_empty_library_answers_with_nothing(self, library: SkillLibrary) -> None:
        assert len(library) == 0
        assert list(library) == []
        assert list(library.retrieve_skills({}, [1, 0])) == []
        assert list(library.retrieve_skills({})) == []
        assert list(library.why_not({}, [1, 0])) == []
        assert library.get_stats()["avg_success_rate"] == 0.0

    @pytest.mark.parametrize(
        ("wanted", "holding", "failing"),
        [
            (True, [True, np.True_], [1, 1.0, False, None, "True"]),
            (1, [1, 1.0, np.int64(1)], [True, 2, "1", None]),
            (2**53 + 1, [2**53 + 1], [2**53, float(2**53)]),
            (1e300, [1e300, int(1e300)], [int(1e300) + 1]),
            ("a", ["a"], [b"a", "A", None]),
            (b"a", [b"a"], ["a"]),
            ((1, [2, "x"]), [[1, (2, "x")], (1.0, [2, "x"])], [(1, [2, "y"]), (1, [2]), (True, [2, "x"])]),
            (None, [None], [False, 0, ""]),
            (OneOf(1, "a", None), [1.0, "a", None], [True, 2, "b"]),
            (Interval(1, 2), [1, 1.5, 2.0], [True, 0.999, 2.001, "1", None]),
            (Interval(high=2**60), [-(10**30), 2**60], [2**60 + 1, 10**30]),
            (Interval(low=0.5), [1, 10**400], [0, False, True]),
        ],
    )
    def test_a_fact_holds_when_its_value_is_equal_or_allowed(
        self, library: SkillLibrary, wanted: Any, holding: list[Any], failing: list[Any]
    ) -> None:
        library.add_skill(skill(preconditions={"fact": wanted}))
        for value in holding:
            assert len(library.retrieve_skills({"fact": value, "other": 1}, [1, 0])) == 1, value
        for value in failing:
            assert len(library.retrieve_skills({"fact": value}, [1, 0])) == 0, value
            (miss,) = library.why_not({"fact": value}, [1, 0])
            assert miss.unmet == {"fact": (wanted, value)}

    def test_none_holds_when_the_fact_is_absent_and_nothing_else_does(self, library: SkillLibrary) -> None:
        for number, wanted in enumerate([None, OneOf(None, 1), False, 0, "", (), OneOf(0), Interval(low=-1)]):
            library.add_skill(skill(str(number), {"fact": wanted}))
        assert names(library.retrieve_skills({}, [1, 0], top_k=9)) == ["0", "1"]

    def test_nested_states_and_preconditions_are_dotted_names(self, library: SkillLibrary) -> None:
        nested = library.add_skill(skill("nested", {"door": {"open": True}}))
        dotted = library.add_skill(skill("dotted", {"door.open": True}))
        assert (nested.created, dotted.created) == (True, False)
        assert library.get_skill(1).preconditions == {"door": {"open": True}}
        for state in ({"door": {"open": True}}, {"door.open": True}):
            assert names(library.retrieve_skills(state, [1, 0])) == ["nested"]
        (miss,) = library.why_not({"door": {"open": 1}}, [1, 0])
        assert miss.unmet == {"door.open": (True, 1)}

    @pytest.mark.parametrize(
        "state",
        [{"a": {"b": 1}, "a.b": 1}, {1: 2}, {"a": float("nan")}, {"a": {1, 2}}, {"a": object()}, None, [("a", 1)]],
    )
    def test_what_is_no_state_is_refused(self, library: SkillLibrary, state: Any) -> None:
        library.add_skill(skill())
        for ask in (library.retrieve_skills, library.why_not):
            with pytest.raises(InvalidInputError):
                ask(state, [1, 0])

    def test_no_preconditions_apply_everywhere(self, library: SkillLibrary) -> None:
        library.add_skill(skill())
        assert len(library.retrieve_skills({"any": "thing"}, [1, 0])) == 1

    # which fit best

    def test_the_most_similar_come_first_and_ties_go_to_the_lower_id(self, library: SkillLibrary) -> None:
        library.add_skill(skill("far", {}, [0, 1]))
        for number in range(9):
            library.add_skill(skill(f"near {number}", {"n": OneOf(number, None)}, [3, 4]))
        matches = library.retrieve_skills({}, [30, 40], top_k=5)
        assert names(matches) == [f"near {number}" for number in range(5)]
        assert [match.similarity for match in matches] == [1.0] * 5
        assert matches.exact

    def test_as_many_as_apply_are_returned_up_to_k(self, library: SkillLibrary) -> None:
        for number in range(5):
            library.add_skill(skill(str(number), {"n": Interval(low=number)}))
        for applicable in range(6):
            for k in (1, 3, 5, 100):
                for query in ([1, 0], None):
                    found = library.retrieve_skills({"n": applicable - 1}, query, top_k=k)
                    assert len(found) == min(k, applicable)

    def test_min_similarity_leaves_out_what_is_less_similar(self, library: SkillLibrary) -> None:
        library.add_skill(skill("same", {}, [1, 0]))
        library.add_skill(skill("opposite", {}, [-1, 0]))
        assert names(library.retrieve_skills({}, [1, 0], min_similarity=1.0)) == ["same"]
        assert names(library.retrieve_skills({}, [1, 0], min_similarity=-1.0)) == ["same", "opposite"]
        with pytest.raises(InvalidInputError):
            library.retrieve_skills({}, None, min_similarity=0.5)

    def test_without_a_query_the_most_reliable_come_first(self, library: SkillLibrary) -> None:
        uses = {"always": (9, 9), "new": (0, 0), "newer": (0, 0), "never": (9, 0), "once": (1, 1), "mostly": (9, 8)}
        for number, (name, (used, succeeded)) in enumerate(uses.items()):
            library.add_skill(skill(name, {"n": OneOf(number, None)}, times_used=used, success_count=succeeded))
        ranked = library.retrieve_skills({}, top_k=9)
        assert names(ranked) == ["always", "mostly", "once", "new", "newer", "never"]
        assert {match.similarity for match in ranked} == {None}

    @pytest.mark.parametrize(
        "query",
        [[0, 0], [1], [1, 0, 0], [math.nan, 0], [math.inf, 0], [[1, 0]], "ab", ["a", "b"], [True, False], 1, {}],
    )
    def test_embeddings_that_have_no_direction_here_are_refused(self, library: SkillLibrary, query: Any) -> None:
        library.add_skill(skill())
        for ask in (library.retrieve_skills, library.why_not):
            with pytest.raises(InvalidInputError):
                ask({}, query)
        with pytest.raises(InvalidInputError):
            library.add_skill(skill(embedding=query))
        assert len(library) == 1

    @pytest.mark.parametrize("wrong", [0, -1, True, 1.0, "1", None])
    def test_top_k_is_a_whole_number_from_one(self, library: SkillLibrary, wrong: Any) -> None:
        for ask in (library.retrieve_skills, library.why_not):
            with pytest.raises(InvalidInputError):
                ask({}, [1, 0], top_k=wrong)

    # duplicates

    def test_a_duplicate_is_merged_and_says_so(self, library: SkillLibrary) -> None:
        first = library.add_skill(skill("first", {"a": 1}, [1, 0], metadata={"x": 1}, times_used=2, success_count=1))
        again = library.add_skill(skill("again", {"a": 1.0}, [1, 0.1], times_used=7, success_count=7))
        assert (first.created, first.similarity) == (True, None)
        assert (again.created, again.skill.id) == (False, first.skill.id)
        assert again.similarity == pytest.approx(1 / math.sqrt(1.01))
        kept = library.get_skill(1)
        assert (kept.name, kept.metadata, kept.times_used, kept.success_count) == ("first", {"x": 1}, 2, 1)
        assert kept.times_learned == 2
        assert library.get_stats()["merged"] == 1

    def test_other_preconditions_are_another_skill(self, library: SkillLibrary) -> None:
        for wanted in ({}, {"a": None}, {"a": 1}, {"a": True}, {"a": OneOf(1, 2)}, {"a": Interval(1, 2)}, {"b": 1}):
            assert library.add_skill(skill(preconditions=wanted)).created
        for same in ({"a": OneOf(1)}, {"a": Interval(1, 1.0)}, {"a": OneOf(2.0, 1)}, {"a": Interval(1.0, 2)}):
            assert not library.add_skill(skill(preconditions=same)).created

    def test_only_what_is_strictly_more_similar_is_merged(self, tmp_path: Path) -> None:
        with self.opened(tmp_path / "half", embedding_dim=2, same_skill=0.0) as library:
            library.add_skill(skill(embedding=[1, 0]))
            at = library.add_skill(skill(embedding=[0, 1]))
            assert (at.created, at.similarity) == (True, None)
            above = library.add_skill(skill(embedding=[1, 1.01]))
            assert (above.created, above.skill.id) == (False, at.skill.id)

    def test_the_most_similar_wins_and_ties_go_to_the_lower_id(self, tmp_path: Path) -> None:
        with self.opened(tmp_path / "ties", embedding_dim=2, same_skill=0.7) as library:
            library.restore_skills([skill(embedding=v, id=i + 1) for i, v in enumerate([[0, 1], [1, 0], [1, 0]])])
            assert library.add_skill(skill(embedding=[1, 0.5])).skill.id == 2
            assert library.add_skill(skill(embedding=[1, 1])).skill.id == 1

    def test_same_skill_none_keeps_every_skill(self, tmp_path: Path) -> None:
        with self.opened(tmp_path / "all", embedding_dim=2, same_skill=None) as library:
            additions = library.add_skills([skill(), skill()])
            assert additions.ids.tolist() == [1, 2]
            assert additions[1].similarity is None

    def test_the_library_scope_ignores_preconditions(self, tmp_path: Path) -> None:
        with self.opened(tmp_path / "any", embedding_dim=2, dedup_scope="library") as library:
            additions = library.add_skills([skill(preconditions={"a": 1}), skill(preconditions={"b": 1})])
            assert additions.ids.tolist() == [1, 1]

    def test_adding_many_decides_as_adding_one_by_one(self, tmp_path: Path) -> None:
        generator = np.random.default_rng(5)
        many = [
            skill(preconditions={"a": int(generator.integers(2))}, embedding=generator.normal(size=2))
            for _ in range(99)
        ]
        decided = []
        for place in ("one", "many", "batch"):
            with self.opened(tmp_path / place, embedding_dim=2, same_skill=0.999) as library:
                if place == "many":
                    additions = list(library.add_skills(iter(many)))
                elif place == "batch":
                    with library.batch():
                        additions = [library.add_skill(each) for each in many]
                else:
                    additions = [library.add_skill(each) for each in many]
                decided.append([(added.skill.id, added.created, added.similarity) for added in additions])
                assert len(library) == sum(added.created for added in additions) < 99
        assert decided[0] == decided[1] == decided[2]

    # change

    def test_outcomes_are_counted(self, library: SkillLibrary) -> None:
        library.add_skill(skill())
        for succeeded in (True, False, True, np.True_):
            library.record_outcome(1, succeeded)  # type: ignore[arg-type]
        kept = library.get_skill(1)
        assert (kept.times_used, kept.success_count, kept.success_rate) == (4, 3, 0.75)
        assert library.get_stats()["avg_success_rate"] == 0.75
        for wrong in (1, None, "yes"):
            with pytest.raises(InvalidInputError):
                library.record_outcome(1, wrong)  # type: ignore[arg-type]
        assert library.get_skill(1).times_used == 4

    def test_replacing_keeps_the_id_and_the_counts_only_with_the_actions(self, library: SkillLibrary) -> None:
        library.add_skills([skill(times_used=3, success_count=2), skill()])
        for actions, counts in ((["go"], (3, 2, 2)), ([b"go"], (0, 0, 2))):
            kept = library.replace_skill(
                1, skill("new", {"a": 1}, [0, 1], actions=actions, times_used=9, times_learned=9)
            )
            assert (kept.id, kept.name, (kept.times_used, kept.success_count, kept.times_learned)) == (1, "new", counts)
            assert library.get_skill(1) == kept
        assert names(library.retrieve_skills({"a": 1}, [1, 0])) == ["new"]
        assert names(library.retrieve_skills({}, [1, 0])) == []

    def test_replacing_by_the_same_call_in_another_order_keeps_the_counts(self, library: SkillLibrary) -> None:
        library.add_skill(skill(actions=[{"tool": "open", "door": 1}], times_used=1))
        assert library.replace_skill(1, skill(actions=[{"door": 1, "tool": "open"}])).times_used == 1
        assert library.replace_skill(1, skill(actions=[{"door": 1.0, "tool": "open"}])).times_used == 0

    def test_replacing_never_merges(self, library: SkillLibrary) -> None:
        library.add_skills([skill(embedding=[1, 0]), skill(embedding=[0, 1])])
        library.replace_skill(2, skill(embedding=[1, 0]))
        assert [kept.embedding.tolist() for kept in library] == [[1, 0], [1, 0]]

    def test_ids_ascend_and_are_never_given_again(self, library: SkillLibrary, reopen: Reopen) -> None:
        library.add_skills([skill(preconditions={"n": n}) for n in range(3)])
        library.remove_skill(3)
        assert library.add_skill(skill()).skill.id == 4
        library.remove_skill(4)
        library.snapshot()
        again = reopen()
        assert again.add_skill(skill()).skill.id == 5
        assert [kept.id for kept in again] == [1, 2, 5]

    @pytest.mark.parametrize("missing", [2, 0, -1, 2**62, 2**80])
    def test_what_is_not_there_is_not_found(self, library: SkillLibrary, missing: int) -> None:
        library.add_skill(skill())
        library.add_skill(skill(preconditions={"a": 1}))
        library.remove_skill(2)
        for ask in (library.get_skill, library.remove_skill):
            with pytest.raises(SkillNotFoundError):
                ask(missing)
        with pytest.raises(SkillNotFoundError):
            library.record_outcome(missing, True)
        with pytest.raises(SkillNotFoundError):
            library.replace_skill(missing, skill())

    @pytest.mark.parametrize("wrong", [True, 1.0, "1", None, [1]])
    def test_an_id_is_a_whole_number(self, library: SkillLibrary, wrong: Any) -> None:
        library.add_skill(skill())
        for ask in (library.get_skill, library.remove_skill):
            with pytest.raises(InvalidInputError):
                ask(wrong)
        assert len(library) == 1

    def test_only_skills_are_added(self, library: SkillLibrary) -> None:
        for wrong in (None, {}, "skill", vars(skill())):
            with pytest.raises(InvalidInputError):
                library.add_skill(wrong)  # type: ignore[arg-type]
            with pytest.raises(InvalidInputError):
                library.add_skills([skill(), wrong])  # type: ignore[list-item]
        for wrong_many in (skill(), 1, None):
            with pytest.raises(InvalidInputError):
                library.add_skills(wrong_many)  # type: ignore[arg-type]
        assert len(library) == 0

    def test_restored_skills_keep_ids_and_counts_and_are_never_merged(self, library: SkillLibrary) -> None:
        old = [skill(id=number, times_used=2, success_count=1, times_learned=4) for number in (3, 7)]
        library.restore_skills(old)
        assert list(library) == old
        with pytest.raises(InvalidInputError):
            library.restore_skills([skill(id=9), skill(id=7)])
        assert list(library) == old

    def test_the_last_id_is_not_passed(self, library: SkillLibrary, reopen: Reopen) -> None:
        library.restore_skills([skill(id=2**62)])
        with pytest.raises(InvalidInputError):
            library.add_skill(skill(preconditions={"a": 1}))
        assert [kept.id for kept in reopen()] == [2**62]

    @pytest.mark.parametrize("value", [math.nan, {1}, np.datetime64(1, "D"), "\ud800", 2**64])
    def test_a_skill_changed_since_it_was_made_is_refused_like_a_new_one(
        self, library: SkillLibrary, reopen: Reopen, value: Any
    ) -> None:
        library.add_skill(skill())
        changed = library.get_skill(1)
        changed.metadata["now"] = value  # type: ignore[index]
        with pytest.raises(InvalidInputError):
            library.replace_skill(1, changed)
        with pytest.raises(InvalidInputError):
            library.add_skill(Skill.trusted(**{**vars(changed), "preconditions": {"a": 1}}))
        assert list(reopen()) == [skill(id=1)]

    @pytest.mark.parametrize("field", ["action_sequence", "metadata", "preconditions"])
    def test_a_skill_changed_to_what_no_skill_is_is_refused(
        self, library: SkillLibrary, reopen: Reopen, field: str
    ) -> None:
        library.add_skill(skill())
        deep: list[Any] = []
        for _ in range(80):
            deep = [deep]
        changes: dict[str, Callable[[Any], object]] = {
            "action_sequence": lambda made: made.action_sequence.clear(),
            "metadata": lambda made: made.metadata["list"].append(deep),
            "preconditions": lambda made: made.preconditions["list"].values[0].append({}),
        }
        made = skill("new", {"list": OneOf([1], [2])}, metadata={"list": []})
        changes[field](made)
        for refused in (
            lambda: library.add_skill(made),
            lambda: library.add_skills([skill("other", {"a": 1}), made]),
            lambda: library.restore_skills([made]),
            lambda: library.replace_skill(1, made),
        ):
            with pytest.raises(InvalidInputError):
                refused()
        assert list(reopen()) == [skill(id=1)]

    def test_a_skill_changed_to_another_is_kept_as_it_is_then(self, library: SkillLibrary) -> None:
        made = skill(preconditions={"n": OneOf([1], [2])}, metadata={"list": []})
        added = library.add_skill(made)
        for changed in (made, added.skill):
            changed.metadata["list"].append(np.int64(1))
            changed.preconditions["n"].values[0].append(7)
        assert library.get_skill(1).metadata == {"list": []}
        assert names(library.retrieve_skills({"n": [1]}, [1, 0])) == ["fetch"]
        kept = library.add_skill(made).skill  # of other preconditions now
        assert (kept.id, exact(kept.metadata)) == (2, exact({"list": [1]}))
        assert [match.skill.id for match in library.retrieve_skills({"n": [1, 7]}, [1, 0])] == [2]

    def test_what_was_added_is_told_in_columns_that_cannot_be_written(self, library: SkillLibrary) -> None:
        additions = library.add_skills([skill(), skill()])
        for column in (additions.ids, additions.created, additions.similarities):
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 9

    @pytest.mark.parametrize(
        ("foreign", "plain"),
        [
            (np.int64(3), 3),
            (np.float32(0.1), 0.10000000149011612),
            (np.array(2.5), 2.5),
            (np.bool_(True), True),
            (np.str_("a"), "a"),
            (np.float64(-0.0), 0),
            (Tensor(3), 3),
        ],
    )
    def test_numbers_of_other_libraries_are_facts_as_plain_ones(
        self, library: SkillLibrary, foreign: Any, plain: Any
    ) -> None:
        for given, asked in ((foreign, plain), (plain, foreign)):
            for wanted in (given, [given], OneOf(given, "other"), {"deep": given}):
                library.add_skill(
                    skill(preconditions={"fact": wanted}, actions=[{"n": given}], metadata={"n": [given]})
                )
            found = [
                len(library.retrieve_skills({np.str_("fact"): fact}, np.array([1, 0], dtype=np.float16)))
                for fact in (asked, [asked], {"deep": asked})
            ]
            assert found == [2, 1, 1]
            assert [miss.unmet.keys() for miss in library.why_not({"fact": [asked], "fact.deep": 5}, top_k=9)] == [
                {"fact"},
                {"fact"},
                {"fact.deep"},
            ]
        assert [kept.times_learned for kept in library] == [2] * 4  # each was added again as what it equals
        kept, value = library.get_skill(1), to_scalar(foreign)
        assert exact(kept.preconditions["fact"]) == exact(value)
        assert exact((kept.action_sequence, kept.metadata)) == exact(([{"n": value}], {"n": [value]}))

    def test_what_is_of_no_plain_kind_is_refused_with_its_place(self, library: SkillLibrary) -> None:
        for wrong in (Path("a"), {1}, np.zeros(2), np.datetime64(1, "D")):
            with pytest.raises(InvalidInputError, match=r"state\['door.open'\]\[0\] is of type .*; give "):
                library.retrieve_skills({"door": {"open": [wrong]}}, [1, 0])
        with pytest.raises(InvalidInputError, match=r"note 'plan'\[1\] is of type .*; give str"):
            library.notes["plan"] = [0, Path("a")]
        assert library.once("r", lambda: np.int64(3)) == library.once("r", lambda: 4) == 3
        library.notes[np.str_("plan")] = {np.str_("n"): np.float32(0.5)}
        assert exact(library.notes["plan"]) == exact({"n": 0.5})

    def test_what_is_handed_out_is_no_way_into_the_library(self, library: SkillLibrary) -> None:
        library.add_skill(skill(metadata={"list": [1]}))
        library.notes["plan"] = [1]
        library.get_skill(1).metadata["list"].append(2)
        library.notes["plan"].append(2)
        next(iter(library)).action_sequence.append(3)  # type: ignore[attr-defined]
        with pytest.raises(ValueError, match="read-only"):
            library.get_skill(1).embedding[0] = 5
        assert library.get_skill(1) == skill(metadata={"list": [1]}, id=1)
        assert library.notes["plan"] == [1]

    def test_iteration_sees_one_moment(self, library: SkillLibrary) -> None:
        library.add_skills([skill(str(n), {"n": n}) for n in range(20)])
        seen = iter(library)
        first = next(seen)
        library.remove_skill(2)
        library.replace_skill(3, skill("other"))
        library.record_outcome(4, True)
        library.add_skill(skill("late", {"n": 99}))
        library.compact()
        kept = [first, *seen]
        assert [(each.id, each.name, each.times_used) for each in kept] == [(n + 1, str(n), 0) for n in range(20)]

    # batches and notes

    def test_a_batch_is_whole_or_absent(self, library: SkillLibrary, reopen: Reopen) -> None:
        library.add_skill(skill("kept"))
        library.notes["plan"] = 1
        with pytest.raises(StoppedError), library.batch():  # noqa: PT012 - the batch is what raises
            library.add_skill(skill("new", {"a": 1}))
            library.replace_skill(1, skill("changed"))
            library.record_outcome(1, True)
            library.notes["plan"] = 2
            assert (len(library), library.get_skill(1).times_used, library.notes["plan"]) == (2, 1, 2)
            library.remove_skill(1)
            raise StoppedError
        for closed in (False, True):
            library = reopen() if closed else library
            assert list(library) == [skill("kept", id=1)]
            assert dict(library.notes) == {"plan": 1}
            assert library.get_stats()["total_uses"] == 0
        with library.batch():
            assert library.add_skill(skill("new", {"a": 1})).skill.id == 2

    def test_inside_a_batch_what_failed_alone_is_undone_alone(self, library: SkillLibrary) -> None:
        with library.batch():
            library.add_skill(skill("first"))
            with pytest.raises(StoppedError), library.batch():  # noqa: PT012 - the batch is what raises
                library.add_skill(skill("undone", {"a": 1}))
                library.record_outcome(1, True)
                raise StoppedError
            with pytest.raises(SkillNotFoundError):
                library.remove_skill(2)
            with pytest.raises(InvalidInputError):
                library.add_skills([skill("gone", {"b": 1}), None])  # type: ignore[list-item]
            library.add_skill(skill("last", {"c": 1}))
        assert [(kept.id, kept.name, kept.times_used) for kept in library] == [(1, "first", 0), (2, "last", 0)]

    def test_adding_many_is_whole_or_absent(self, library: SkillLibrary) -> None:
        def broken() -> Iterator[Skill]:
            yield from (skill(preconditions={"n": n}) for n in range(5000))
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            library.add_skills(broken())
        assert len(library) == 0
        assert library.add_skill(skill()).skill.id == 1

    def test_other_threads_see_nothing_of_a_batch_until_it_ends(self, library: SkillLibrary) -> None:
        seen: list[Any] = []

        def look() -> None:
            thread = threading.Thread(target=lambda: seen.append((len(library), dict(library.notes))))
            thread.start()
            thread.join()

        with library.batch():
            library.add_skill(skill())
            library.notes["plan"] = 1
            look()
        look()
        assert seen == [(0, {}), (1, {"plan": 1})]

    def test_no_snapshot_and_no_close_inside_a_batch(self, library: SkillLibrary) -> None:
        with library.batch():
            for refused in (library.snapshot, library.compact, library.close):
                with pytest.raises(InvalidInputError):
                    refused()
            library.add_skill(skill())
        assert len(library) == 1

    def test_a_request_is_carried_out_once_and_answered_again(self, library: SkillLibrary, reopen: Reopen) -> None:
        def learn() -> Any:
            library.add_skill(skill())
            library.record_outcome(1, True)
            return {"id": (1, b"x"), 2: [None, True, 0.5]}

        asked = library.once("episode 1", learn)
        assert exact(asked) == exact(learn()) == exact({"id": (1, b"x"), 2: [None, True, 0.5]})
        assert library.once("nothing", lambda: None) is None
        library.snapshot()
        library.once("ö", lambda: "later")
        for _ in range(3):
            assert exact(library.once("episode 1", learn)) == exact(asked)
            assert library.once("nothing", learn) is None
            assert library.once("ö", learn) == "later"
            assert library.get_stats()["total_uses"] == 2
            library.compact()
            library = reopen()

    def test_a_request_that_fails_is_free_to_come_again(self, library: SkillLibrary, reopen: Reopen) -> None:
        def failing(answer: Any) -> Any:
            library.add_skill(skill())
            if answer is None:
                raise StoppedError
            return answer

        with pytest.raises(StoppedError):
            library.once("a", lambda: failing(None))
        for wrong in (skill(), {1, 2}, math.nan, "x" * 4094, ["x"] * 5000):
            with pytest.raises(InvalidInputError):
                library.once("a", lambda wrong=wrong: failing(wrong))  # type: ignore[misc]
        with pytest.raises(InvalidInputError, match="inside itself"):
            library.once("a", lambda: library.once("a", lambda: failing(1)))
        assert len(library) == 0
        assert len(reopen().once("a", lambda: "x" * 4093)) == 4093

    @pytest.mark.parametrize("wrong", ["", "x" * 201, 1, None, b"x", "\ud800"])
    def test_a_request_is_known_by_short_text(self, library: SkillLibrary, wrong: Any) -> None:
        with pytest.raises(InvalidInputError):
            library.once(wrong, lambda: 1)
        assert library.once("ö" * 200, lambda: 1) == 1

    def test_a_request_inside_a_batch_is_part_of_its_commit(self, library: SkillLibrary, reopen: Reopen) -> None:
        with pytest.raises(StoppedError), library.batch():  # noqa: PT012 - the batch is what raises
            assert library.once("a", lambda: library.add_skill(skill()).skill.id) == 1
            assert library.once("a", lambda: 2) == 1
            raise StoppedError
        assert len(library) == 0
        with library.batch():
            library.once("a", lambda: library.once("b", lambda: 3) + 1)
            with pytest.raises(StoppedError), library.batch():  # noqa: PT012 - the batch is what raises
                library.once("c", lambda: 5)
                raise StoppedError
        library = reopen()
        assert [library.once(name, lambda: 0) for name in "abc"] == [4, 3, 0]

    def test_a_request_of_two_threads_at_once_is_carried_out_by_one(self, library: SkillLibrary) -> None:
        answers: list[int] = []
        threads = [
            threading.Thread(
                target=lambda n=n: answers.append(library.once("a", lambda: n + library.add_skill(skill()).skill.id))
            )
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 4
        assert len(set(answers)) == 1
        assert next(iter(library)).times_learned == 1

    def test_notes_are_a_mapping(self, library: SkillLibrary, reopen: Reopen) -> None:
        library.notes.update({"b": {"x": (1, b"y")}, "a": None, "ö": 2**64 - 1})
        assert list(library.notes) == ["a", "b", "ö"]
        del library.notes["a"]
        assert "a" not in library.notes
        for key in ("a", "none"):
            with pytest.raises(KeyError):
                library.notes[key]
            with pytest.raises(KeyError):
                del library.notes[key]
        library.snapshot()
        library.notes["c"] = []
        assert dict(reopen().notes) == {"b": {"x": (1, b"y")}, "c": [], "ö": 2**64 - 1}

    def test_notes_that_could_not_be_kept_are_refused(self, library: SkillLibrary) -> None:
        library.notes["kept"] = bytes(9 * 2**20)
        for key, value in (("", 1), (1, 1), ("\ud800", 1), ("k", math.nan), ("k", {1}), ("k", bytes(8 * 2**20))):
            with pytest.raises(InvalidInputError):
                library.notes[key] = value  # type: ignore[index]
        assert list(library.notes) == ["kept"]
        library.notes["kept"] = 1
        library.notes["k"] = bytes(8 * 2**20)

    # ending

    def test_everything_comes_back(self, library: SkillLibrary, reopen: Reopen) -> None:
        library.add_skills([skill(str(n), {"n": n % 3}, [n, 1], times_used=n) for n in range(10)])
        library.remove_skill(1)
        library.record_outcome(2, True)
        skills, answer = list(library), library.retrieve_skills({"n": 1}, [1, 1], top_k=9)
        for generation in (None, SkillLibrary.snapshot, SkillLibrary.compact):
            if generation is not None:
                generation(library)
            library = reopen()
            assert list(library) == skills
            assert library.retrieve_skills({"n": 1}, [1, 1], top_k=9) == answer

    def test_verify_counts_what_is_there(self, library: SkillLibrary) -> None:
        library.add_skills([skill(preconditions={"n": n}) for n in range(3)])
        assert library.verify()["ok"] is True
        assert library.verify()["skills"] == 3

    def test_a_closed_library_refuses_everything(self, library: SkillLibrary) -> None:
        library.add_skill(skill())
        library.close()
        library.close()
        refused: list[Callable[[], object]] = [
            lambda: len(library),
            lambda: iter(library),
            lambda: library.add_skill(skill()),
            lambda: library.add_skills([skill()]),
            lambda: library.restore_skills([skill(id=5)]),
            lambda: library.retrieve_skills({}),
            lambda: library.why_not({}),
            lambda: library.get_skill(1),
            lambda: library.replace_skill(1, skill()),
            lambda: library.remove_skill(1),
            lambda: library.record_outcome(1, True),
            lambda: library.notes["a"],
            lambda: library.notes.update(a=1),
            lambda: list(library.notes),
            lambda: library.batch().__enter__(),
            lambda: library.once("a", lambda: 1),
            library.get_stats,
            library.snapshot,
            library.compact,
            library.verify,
        ]
        for use in refused:
            with pytest.raises(LibraryClosedError):
                use()
        assert "closed" in repr(library)
