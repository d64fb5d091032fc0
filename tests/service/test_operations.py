"""Operations: what can be asked, of whom, and how the answers look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skillstore import InvalidInputError, LibraryNotFoundError, SkillNotFoundError
from skillstore.forms import skill_of
from skillstore.service.callers import ROLES, Caller
from skillstore.service.operations import OPERATIONS
from skillstore.service.refusals import (
    BatchEndedError,
    ChangedMeanwhileError,
    InvalidRequestError,
    LibraryExistsError,
    NotAllowedError,
    NoteNotFoundError,
    RequestReusedError,
)
from skillstore.service.service import Service

KEY = {"name": "acquire key", "preconditions": {"has_key": False}, "action_sequence": ["right", "pickup"]}
DOOR = {"name": "open door", "preconditions": {"has_key": True}, "action_sequence": [{"tool": "push", "args": [1]}]}


class Asked:
    """A service whose replies are held to their shapes."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def __call__(self, operation: str, library: str | None = "home", _more: Any = None, **request: Any) -> Any:
        named = library if OPERATIONS[operation].about_a_library else None
        reply = self.service.run(operation, request, library=named, **(_more or {}))
        OPERATIONS[operation].reply.model_validate(reply)
        return reply


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    with Service(tmp_path / "all") as service:
        service.run("create_library", {"name": "home"})
        yield Asked(service)


def test_a_library_takes_texts_and_finds_what_shares_their_words(asked: Asked) -> None:
    asked("add_skill", skill=KEY)
    asked("add_skill", skill={**DOOR, "text": "push the door open"})
    found = asked("retrieve_skills", state={"has_key": True}, text="an open door", k=2)
    assert [match["skill"]["name"] for match in found["matches"]] == ["open door"]
    assert found["matches"][0]["similarity"] > 0.3
    missed = asked("why_not", state={"has_key": True}, text="a key")["near_misses"]
    assert missed[0]["unmet"] == {"has_key": {"required": False, "state": True}}


def test_a_skill_comes_back_as_it_was_given(asked: Asked) -> None:
    asked("create_library", name="plain", embedding_dim=2)
    given = {
        "name": "tagged",
        "preconditions": {"n": {"$interval": [0, 3]}, "deep": {"$facts": {"x": {"$one_of": [1, "a"]}}}},
        "action_sequence": {"$tuple": ["a", {"$bytes": "AAE="}]},
        "metadata": {"m": {"$map": [[1, "one"]]}},
        "embedding": [3.0, 4.0],
    }
    added = asked("add_skill", "plain", skill=given)
    kept = asked("get_skill", "plain", id=added["id"])["skill"]
    assert skill_of(kept).action_sequence == ("a", b"\0\1")
    assert {name: kept[name] for name in given if name != "embedding"} == {
        name: value for name, value in given.items() if name != "embedding"
    }
    assert asked("retrieve_skills", "plain", state={"n": 2, "deep": {"x": "a"}})["matches"]
    assert asked("retrieve_skills", "plain", state={"n": 2, "deep.x": {"$bytes": "AAE="}})["matches"] == []


def test_without_an_encoder_that_is_known_an_embedding_is_asked_for(asked: Asked) -> None:
    asked("create_library", name="plain", embedding_dim=2, encoder="somebody's")
    for wrong in (KEY, {**KEY, "text": "key"}):
        with pytest.raises(InvalidInputError, match="an embedding of 2 numbers is needed"):
            asked("add_skill", "plain", skill=wrong)
    assert not asked("library_stats", "plain")["takes_text"]
    assert asked("library_stats")["takes_text"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"state": []},
        {"state": {}, "k": 0},
        {"state": {}, "k": 1001},
        {"state": {}, "k": True},
        {"state": {}, "k": "three"},
        {"state": {}, "more": 1},
        {"state": {}, "embedding": [float("nan")]},
        {"state": {}, "embedding": []},
        {"state": {}, "embedding": [1.0], "text": "both"},
        {"state": {}, "text": ""},
        {"state": {}, "text": "x" * 8193},
        {"state": {str(i): 1 for i in range(10_001)}},
        {"state": {"x" * 1001: 1}},
        {"state": {"a": {"b" * 1000: 1}}},
        {"state": {"$tuple": [1]}},
        {"state": {"a": {"b": 1}, "a.b": 2}},
    ],
)
def test_what_is_no_request_is_refused_and_said_where(asked: Asked, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        asked("retrieve_skills", **wrong)
    assert refused.value.faults


def test_a_state_is_at_most_so_deep(asked: Asked) -> None:
    def nested(levels: int) -> Any:
        return {"a": nested(levels - 1)} if levels else 1

    assert asked("retrieve_skills", state=nested(32))["matches"] == []
    with pytest.raises(InvalidRequestError):
        asked("retrieve_skills", state=nested(34))


def test_pages_are_all_skills_once(asked: Asked) -> None:
    asked("create_library", name="many", embedding_dim=2, same_skill=None)
    skills = [{**KEY, "name": f"s{i}", "embedding": [1.0, i]} for i in range(7)]
    assert [one["id"] for one in asked("add_skills", "many", skills=skills)["added"]] == [1, 2, 3, 4, 5, 6, 7]
    asked("remove_skill", "many", id=3)
    seen, after = [], 0
    while after is not None:
        page = asked("list_skills", "many", after=after, limit=2)
        seen += [skill["id"] for skill in page["skills"]]
        after = page["next"]
        assert page["total"] == 6
    assert seen == [1, 2, 4, 5, 6, 7]
    assert [s["id"] for s in asked("list_skills", "many", name="S5")["skills"]] == [6]
    assert asked("list_skills", "many", fact="has_ke")["skills"] == []
    assert len(asked("list_skills", "many", fact="has_key", limit=4)["skills"]) == 4


def test_a_page_with_a_filter_looks_at_so_many_and_goes_on(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skillstore.service.operations._LOOKED_AT", 2)
    asked("create_library", name="many", embedding_dim=2, same_skill=None)
    asked("add_skills", "many", skills=[{**KEY, "name": f"s{i}", "embedding": [1.0, i]} for i in range(3)])
    first = asked("list_skills", "many", name="s2")
    assert (first["skills"], first["next"]) == ([], 2)
    second = asked("list_skills", "many", name="s2", after=2)
    assert ([skill["id"] for skill in second["skills"]], second["next"]) == ([3], None)


def test_a_version_changes_with_every_change_and_guards_it(asked: Asked) -> None:
    added = asked("add_skill", skill=KEY)["id"]
    first = asked("get_skill", id=added)["version"]
    assert first == asked("get_skill", id=added, embeddings=False)["version"]
    assert asked("record_outcome", id=added, success=True) == {"id": added, "times_used": 1, "success_count": 1}
    second = asked("get_skill", id=added)["version"]
    assert second != first
    changes: list[tuple[str, dict[str, Any]]] = [("replace_skill", {"skill": DOOR}), ("remove_skill", {})]
    for operation, more in changes:
        with pytest.raises(ChangedMeanwhileError):
            asked(operation, id=added, expected=first, **more)
    third = asked("replace_skill", id=added, skill=DOOR, expected=second)["version"]
    assert asked("get_skill", id=added)["skill"]["name"] == "open door"
    asked("remove_skill", id=added, expected=third)
    with pytest.raises(SkillNotFoundError):
        asked("get_skill", id=added)


WRITES: dict[str, dict[str, Any]] = {
    "add_skill": {"skill": DOOR},
    "add_skills": {"skills": [DOOR, KEY]},
    "restore_skills": {"skills": [{**DOOR, "id": 70, "embedding": [1.0] * 256}]},
    "replace_skill": {"id": 1, "skill": DOOR},
    "remove_skill": {"id": 1},
    "record_outcome": {"id": 1, "success": True},
    "set_note": {"key": "a", "value": {"$tuple": [1]}},
    "remove_note": {"key": "there"},
    "create_library": {"name": "another"},
}


@pytest.mark.parametrize("operation", WRITES)
def test_a_write_that_comes_again_is_answered_alike_and_carried_out_once(tmp_path: Path, operation: str) -> None:
    with Service(tmp_path) as service:
        service.run("create_library", {"name": "home"})
        ask = Asked(service)
        ask("add_skill", skill=KEY)
        ask("set_note", key="there", value=1)
        first = ask(operation, _more={"request_id": "r1"}, **WRITES[operation])
        before = whole(ask)
    with Service(tmp_path) as service:
        ask = Asked(service)
        assert ask(operation, _more={"request_id": "r1"}, **WRITES[operation]) == first
        assert whole(ask) == before


def whole(ask: Asked) -> list[Any]:
    """What the library holds, but for figures that depend on when it was opened."""
    stats = ask("library_stats")
    kept = {name: stats[name] for name in ("total_skills", "total_uses", "merged", "precondition_sets")}
    return [kept, ask("list_skills"), ask("list_notes"), ask("list_libraries")]


def test_what_writes_is_known_to_be_carried_out_once() -> None:
    not_journaled = {"delete_library", "begin_batch", "end_batch"}
    assert {name for name, operation in OPERATIONS.items() if operation.writes} == WRITES.keys() | not_journaled


def test_an_answer_longer_than_a_library_keeps_is_kept_in_parts(asked: Asked) -> None:
    asked("create_library", name="many", embedding_dim=3, same_skill=0.1)
    import random

    chance = random.Random(1)
    skills = [{**KEY, "embedding": [chance.gauss(0, 1) for _ in range(3)]} for _ in range(1000)]
    first = asked("add_skills", "many", {"request_id": "big"}, skills=skills)
    assert asked("add_skills", "many", {"request_id": "big"}, skills=skills) == first
    assert sum(not one["created"] for one in first["added"]) > 900


def test_a_request_id_is_for_one_request_of_one_caller(asked: Asked) -> None:
    more = {"request_id": "r1"}
    asked("add_skill", _more=more, skill=KEY)
    with pytest.raises(RequestReusedError):
        asked("add_skill", _more=more, skill=DOOR)
    with pytest.raises(RequestReusedError):
        asked("remove_skill", _more=more, id=1)
    assert asked("library_stats")["total_skills"] == 1
    asked("add_skill", _more={**more, "caller": Caller("other", "write")}, skill=DOOR)
    assert asked("library_stats")["total_skills"] == 2


@pytest.mark.parametrize("wrong", ["", "x" * 129, "ü", "a\nb", "\0"])
def test_a_request_id_is_short_printable_ascii(asked: Asked, wrong: str) -> None:
    with pytest.raises(InvalidInputError, match="request's id"):
        asked("add_skill", _more={"request_id": wrong}, skill=KEY)


def test_a_role_may_what_those_below_it_may_and_no_more(asked: Asked) -> None:
    asked("add_skill", skill=KEY)
    for operation in OPERATIONS.values():
        for role in ROLES:
            caller = Caller("someone", role, frozenset({"home"}))
            allowed = ROLES.index(role) >= ROLES.index(operation.role)
            try:
                asked.service.run(operation.name, {"never": 1}, library="home", caller=caller)
            except NotAllowedError:
                assert not allowed, (operation.name, role)
            except InvalidRequestError:
                assert allowed, (operation.name, role)


def test_a_library_that_a_caller_may_not_see_is_not_there_for_it(asked: Asked) -> None:
    asked("create_library", name="secret")
    caller = Caller("someone", "admin", frozenset({"home"}))
    listed = asked("list_libraries", _more={"caller": caller})["libraries"]
    assert [library["name"] for library in listed] == ["home"]
    told = []
    for name in ("secret", "nowhere"):
        asks: list[tuple[str, dict[str, Any]]] = [("library_stats", {}), ("retrieve_skills", {"state": {}})]
        for operation, request in asks:
            with pytest.raises(LibraryNotFoundError) as refused:
                asked(operation, name, {"caller": caller}, **request)
            told.append(str(refused.value).replace(name, "it"))
        with pytest.raises(LibraryNotFoundError):
            asked("delete_library", _more={"caller": caller}, name=name)
        with pytest.raises(NotAllowedError):
            asked("create_library", _more={"caller": caller}, name=name)
    assert len(set(told)) == 1


def test_libraries_are_made_once_and_deleted_for_good(asked: Asked) -> None:
    with pytest.raises(LibraryExistsError):
        asked("create_library", name="home")
    asked("add_skill", skill=KEY)
    asked("delete_library", name="home")
    assert asked("list_libraries")["libraries"] == []
    with pytest.raises(LibraryNotFoundError):
        asked("library_stats")
    asked("create_library", name="home", embedding_dim=4, same_skill=None, dedup_scope="library")
    stats = asked("library_stats")
    assert (stats["total_skills"], stats["embedding_dim"], stats["same_skill"]) == (0, 4, None)
    assert "directory" not in stats


def test_notes_come_back_as_they_were_given(asked: Asked) -> None:
    asked("set_note", key="a/b", value={"$tuple": [1, {"$bytes": "AAE="}]})
    asked("set_note", key="c", value=None)
    assert asked("get_note", key="a/b")["value"] == {"$tuple": [1, {"$bytes": "AAE="}]}
    assert asked("list_notes", limit=1) == {"keys": ["a/b"], "next": "a/b", "total": 2}
    assert asked("list_notes", after="a/b") == {"keys": ["c"], "next": None, "total": 2}
    asked("remove_note", key="c")
    for operation in ("get_note", "remove_note"):
        with pytest.raises(NoteNotFoundError):
            asked(operation, key="c")


def test_the_library_can_be_cared_for(asked: Asked) -> None:
    asked("add_skill", skill=KEY)
    generation = asked("snapshot")["generation"]
    assert asked("compact")["generation"] == generation + 1
    assert asked("verify")["skills"] == 1
    assert asked("settle") == {"settled": True}


def test_what_belongs_to_no_open_batch_is_refused(asked: Asked) -> None:
    for token in ("0" * 32, "", "x"):
        for operation, request in (("add_skill", {"skill": KEY}), ("end_batch", {"keep": True})):
            with pytest.raises(BatchEndedError):
                asked(operation, _more={"batch": token}, **request)
    with pytest.raises(InvalidInputError, match="open batch"):
        asked("end_batch", keep=True)


def test_every_field_says_what_it_is_and_its_bounds() -> None:
    def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from schema.get("properties", {}).items()
        for inner in schema.get("$defs", {}).values():
            yield from inner.get("properties", {}).items()

    undescribed = {"skill", "skills", "embeddings"}
    for operation in OPERATIONS.values():
        schema = operation.request.model_json_schema()
        assert schema["additionalProperties"] is False
        for name, field in fields(schema):
            inner = field.get("anyOf", [field])
            said = "description" in field or any("description" in one for one in inner) or "title" in field
            assert said or name in undescribed, (operation.name, name)
        operation.reply.model_json_schema()
