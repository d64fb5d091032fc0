"""Scalars: what objects of other libraries are taken for, what is said where they are refused, and what never leaks."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import sys
import uuid
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from skillstore import Interval, InvalidInputError, OneOf, Skill, SkillLibrary, SkillStoreError, is_applicable
from skillstore.encoders import HashedWords, encoder_named
from skillstore.scalars import to_scalar
from tests.skillstore.foreign import (
    Broken,
    BrokenMapping,
    BrokenNumber,
    BrokenText,
    Endless,
    Scalar,
    Series,
    Tensor,
)


class Level(enum.IntEnum):
    ONE = 1
    TWO = 2


class Word(str, enum.Enum):
    FULL = "full"


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Record:
    x: int = 1


NUMBERS: list[Any] = [np.int64(2), np.uint8(2), np.array(2), Level.TWO, Tensor(2), Scalar(2)]
FRACTIONS: list[Any] = [np.float64(0.5), np.float16(0.5), np.array(0.5), Tensor(0.5, ("gradient",))]
TEXTS: list[Any] = [np.str_("full"), Word.FULL, np.array("full")]


def skill(**given: Any) -> Skill:
    fields: dict[str, Any] = {"name": "a", "preconditions": {}, "action_sequence": ["x"], "embedding": [1, 0]}
    return Skill(**{**fields, **given})


@pytest.mark.parametrize("two", NUMBERS, ids=lambda value: type(value).__name__)
def test_whole_numbers_of_any_library_are_whole_numbers(two: Any) -> None:
    library = SkillLibrary(embedding_dim=two)
    assert type(library.embedding_dim) is int
    made = skill(id=two, times_used=two, success_count=two, times_learned=two)
    assert [type(number) for number in (made.id, *made.counts)] == [int] * 4
    library.restore_skills([made])
    library.record_outcome(two, True)
    assert library.get_skill(two).times_used == 3
    assert len(library.retrieve_skills({}, [1, 0], top_k=two)) == len(list(library.skills(two))) + 1 == 1
    assert library.replace_skill(two, skill()).id == 2
    library.remove_skill(two)


@pytest.mark.parametrize("half", FRACTIONS, ids=lambda value: type(value).__name__)
def test_numbers_of_any_library_are_numbers(half: Any) -> None:
    library = SkillLibrary(embedding_dim=2, same_skill=half)
    assert library.get_stats()["same_skill"] == 0.5
    library.add_skill(skill(preconditions={"n": Interval(half, half)}))
    assert [type(bound) for bound in (Interval(half).low, Interval(high=half).high)] == [float, float]
    assert len(library.retrieve_skills({"n": half}, [1, 0], min_similarity=half)) == 1


@pytest.mark.parametrize("text", TEXTS, ids=lambda value: type(value).__name__)
def test_texts_of_any_library_are_texts(text: Any, tmp_path: Path) -> None:
    library = SkillLibrary(embedding_dim=2, encoder=text)
    assert type(library.encoder) is str
    library.add_skill(skill(name=text, preconditions={"word": text}))
    kept = library.get_skill(1)
    assert [type(kept.name), kept.name, kept.preconditions] == [str, "full", {"word": "full"}]
    assert library.once(text, lambda: text) == library.once("full", lambda: 2) == "full"
    library.notes[text] = text
    assert list(library.notes.items()) == [("full", "full")]
    SkillLibrary.open(tmp_path / "new", embedding_dim=2, encoder=text, durability=text).close()
    settings: dict[str, Any] = {"mode": np.str_("r"), "dedup_scope": np.str_("preconditions")}
    SkillLibrary.open(tmp_path / "new", encoder=text, **settings).close()


def test_flags_are_bools_of_any_library_and_nothing_else(tmp_path: Path) -> None:
    library = SkillLibrary(embedding_dim=2)
    library.add_skill(skill())
    flags: list[Any] = [np.True_, np.array(True), Tensor(True)]
    for flag in flags:
        library.record_outcome(1, flag)
        assert library.retrieve_skills({}, [1, 0], exact=flag).exact
    for wrong in (1, 0, "no", None, np.int64(1), np.zeros(2), Broken()):
        for refused in (
            lambda wrong=wrong: library.record_outcome(1, wrong),
            lambda wrong=wrong: library.retrieve_skills({}, exact=wrong),
            lambda wrong=wrong: SkillLibrary.open(tmp_path / "new", embedding_dim=2, create=wrong),
        ):
            with pytest.raises(InvalidInputError, match="True or False"):
                refused()
    assert not (tmp_path / "new").exists()


def test_a_kept_setting_is_compared_as_the_plain_value_that_it_is(tmp_path: Path) -> None:
    SkillLibrary.open(tmp_path / "new", embedding_dim=2, same_skill=np.float32(0.1)).close()
    same: dict[str, Any] = {"embedding_dim": np.int8(2), "same_skill": np.float32(0.1)}
    SkillLibrary.open(tmp_path / "new", **same).close()
    others: list[dict[str, Any]] = [{"embedding_dim": np.int64(3)}, {"same_skill": 0.1}]
    for given in others:
        with pytest.raises(InvalidInputError, match="the library keeps"):
            SkillLibrary.open(tmp_path / "new", **given)


WAYS_OUT: dict[str, tuple[Any, str]] = {
    "plain enum": (Colour.RED, ".value"),
    "dataclass": (Record(), "asdict"),
    "named tuple": (Point(1, 2), "tuple"),
    "path": (Path("a"), "str"),
    "date": (datetime.date(2020, 1, 1), ".isoformat()"),
    "datetime": (datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), ".isoformat()"),
    "span": (datetime.timedelta(1), ".total_seconds()"),
    "decimal": (Decimal("0.1"), "float"),
    "fraction": (Fraction(1, 3), "float"),
    "uuid": (uuid.UUID(int=1), "str"),
    "complex": (1j, ".real"),
    "numpy complex": (np.complex64(1), ".real"),
    "numpy date": (np.datetime64("2020-01-01", "ns"), "str"),
    "numpy span": (np.timedelta64(1, "ns"), "str"),
    "long double": (np.longdouble(1), "float"),
    "array": (np.array([1, 2]), ".tolist()"),
    "tensor": (Tensor([1, 2]), ".item()"),
    "masked": (np.ma.masked, ".filled"),
    "row": (Series({"a": 1}), ".to_dict()"),
    "set": ({1}, "sorted"),
    "range": (range(3), "list"),
    "generator": ((item for item in "ab"), "list"),
    "bytearray": (bytearray(b"a"), "bytes"),
    "memoryview": (memoryview(b"a"), "bytes"),
    "class": (Record, ".__name__"),
    "beyond 64 bits": (2**64, "str"),
}


@pytest.mark.parametrize(("value", "way_out"), WAYS_OUT.values(), ids=WAYS_OUT)
def test_what_is_refused_is_named_by_its_place_with_the_way_out(value: Any, way_out: str) -> None:
    library = SkillLibrary(embedding_dim=2)
    actions: list[Any] = ["go"] * 101
    actions[57] = {"tool": value}

    def note() -> None:
        library.notes["plan"] = {"next": value}

    places: dict[str, Callable[[], object]] = {
        "metadata['a'][3]": lambda: skill(metadata={"a": [0, 1, 2, value]}),
        "action 58 of 101, action_sequence[57]['tool']": lambda: skill(action_sequence=actions),
        "preconditions['door']['open'][1]": lambda: skill(preconditions={"door": {"open": [1, value]}}),
        "value 2 of OneOf": lambda: OneOf(1, value),
        "note 'plan'['next']": note,
        "the answer of a request": lambda: library.once("r", lambda: value),
    }
    if type(value) is not int:  # a state may have it
        places["state['door.open'][0]"] = lambda: library.retrieve_skills({"door": {"open": [value]}})
    for place, attempt in places.items():
        with pytest.raises(InvalidInputError) as refused:
            attempt()
        assert place in str(refused.value)
        assert way_out in str(refused.value)
    assert len(library.notes) == 0


def test_which_of_many_skills_is_refused_is_said() -> None:
    library = SkillLibrary(embedding_dim=2)
    with pytest.raises(InvalidInputError, match="skill 3 of those given: the embedding of 'b' has 3"):
        library.add_skills([skill(), skill(), skill(name="b", embedding=[1, 0, 0])])


def test_a_stand_in_that_holds_text_is_not_taken_for_it() -> None:
    class Line:
        def item(self) -> str:
            return "apple"

    line = Line()
    assert to_scalar(line) is line


_deep: Any = 1
for _ in range(5000):
    _deep = [_deep]
_cyclic: list[Any] = []
_cyclic.append(_cyclic)

STRANGE: dict[str, Any] = {
    **{name: value for name, (value, _) in WAYS_OUT.items()},
    "broken": Broken(),
    "broken number": BrokenNumber(3),
    "broken text": BrokenText("a"),
    "broken mapping": BrokenMapping(),
    "broken in a list": [Broken(), 1],
    "broken in a state": {"a": Broken()},
    "broken key": [{1: Broken()}],
    "endless": Endless(),
    "deep": _deep,
    "cyclic": _cyclic,
    "too long to be shown": 10**5000,
    "beyond float": [10**400, 1],
    "nan": float("nan"),
    "one number in a list": np.array([3]),
    "row of a matrix": np.ones((1, 2)),
    "no numbers": np.array(["a", "b"]),
    "dates": np.array(["2020-01-01"], dtype="M8[D]"),
    "objects": np.array([Decimal(1), None], dtype=object),
    "ragged": [[1], [1, 2]],
    "tensor that cannot be read": Tensor([1.0, 0.0], ("anything",)),
    "module": sys,
    "function": len,
    "not made": object.__new__(Skill),
    "surrogate": "\ud800",
    "ordered": OrderedDict(a=1),
    "interval": Interval(1),
}


def entries(library: SkillLibrary, place: Path) -> dict[str, Callable[[Any], object]]:
    def opened(**given: Any) -> None:
        SkillLibrary.open(place, **given).close()

    def changed(value: Any) -> None:
        made = skill(metadata={"a": []})
        made.metadata["a"].append(value)
        library.add_skill(made)

    return {
        "embedding_dim": lambda value: SkillLibrary(embedding_dim=value),
        "encoder": lambda value: SkillLibrary(embedding_dim=2, encoder=value),
        "same_skill": lambda value: SkillLibrary(embedding_dim=2, same_skill=value),
        "dedup_scope": lambda value: SkillLibrary(embedding_dim=2, dedup_scope=value),
        "kept embedding_dim": lambda value: opened(embedding_dim=value),
        "kept encoder": lambda value: opened(encoder=value),
        "kept same_skill": lambda value: opened(same_skill=value),
        "kept dedup_scope": lambda value: opened(dedup_scope=value),
        "durability": lambda value: opened(durability=value),
        "mode": lambda value: opened(mode=value),
        "create": lambda value: opened(create=value),
        "name": lambda value: skill(name=value),
        "preconditions": lambda value: skill(preconditions=value),
        "condition": lambda value: skill(preconditions={"a": {"b": value}}),
        "actions": lambda value: skill(action_sequence=value),
        "action": lambda value: skill(action_sequence=["x", value]),
        "embedding": lambda value: skill(embedding=value),
        "component": lambda value: skill(embedding=[1, value]),
        "metadata": lambda value: skill(metadata=value),
        "item of metadata": lambda value: skill(metadata={"a": (value,)}),
        "id": lambda value: skill(id=value),
        "times_used": lambda value: skill(times_used=value),
        "success_count": lambda value: skill(success_count=value),
        "times_learned": lambda value: skill(times_learned=value),
        "changed": changed,
        "skill": library.add_skill,
        "skills": library.add_skills,
        "one of many skills": lambda value: library.add_skills([value]),
        "restored": library.restore_skills,
        "id of an outcome": lambda value: library.record_outcome(value, True),
        "success": lambda value: library.record_outcome(1, value),
        "id to get": library.get_skill,
        "id to remove": library.remove_skill,
        "id to replace": lambda value: library.replace_skill(value, skill()),
        "replacement": lambda value: library.replace_skill(1, value),
        "after": library.skills,
        "request": lambda value: library.once(value, lambda: 1),
        "answer": lambda value: library.once("r", lambda: value),
        "state": library.retrieve_skills,
        "fact": lambda value: library.retrieve_skills({"a": value}),
        "query": lambda value: library.retrieve_skills({}, value),
        "top_k": lambda value: library.retrieve_skills({}, top_k=value),
        "min_similarity": lambda value: library.retrieve_skills({}, [1, 0], min_similarity=value),
        "exact": lambda value: library.retrieve_skills({}, exact=value),
        "state of why_not": library.why_not,
        "fact of why_not": lambda value: library.why_not({"a": value}),
        "note": lambda value: library.notes.__setitem__("a", value),
        "key of a note": lambda value: library.notes.__setitem__(value, 1),
        "low": lambda value: Interval(value, 3),
        "high": lambda value: Interval(3, value),
        "one of": OneOf,
        "is_applicable": lambda value: is_applicable(value, {}),
        "condition of is_applicable": lambda value: is_applicable({"a": value}, {"a": value}),
        "state of is_applicable": lambda value: is_applicable({"a": 1}, value),
        "dimensions of words": HashedWords,
        "words": HashedWords(8).encode,
        "name of an encoder": encoder_named,
    }


@pytest.mark.filterwarnings("error")
def test_no_error_of_others_comes_through_any_entry(tmp_path: Path) -> None:
    library = SkillLibrary(embedding_dim=2)
    library.add_skills([skill(preconditions={"a": 1}), skill(preconditions={"a": OneOf(1, [2])})])
    SkillLibrary.open(tmp_path / "kept", embedding_dim=2).close()
    with np.errstate(all="raise"):
        for place, entry in entries(library, tmp_path / "kept").items():
            for kind, value in STRANGE.items():
                try:
                    entry(value)
                except SkillStoreError as error:
                    str(error)
                except Exception as error:  # noqa: BLE001 - that there is none is what this is about
                    pytest.fail(f"{place}, {kind}: {type(error).__name__}")
