"""What machines send: JSON text for objects, 3.0 for whole numbers, text for numbers, null for what is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skillstore.service import requests
from skillstore.service.callers import LOCAL
from skillstore.service.coercion import coerce
from skillstore.service.mcp import tools
from skillstore.service.mcp.asking import Asking
from skillstore.service.mcp.tools import TOOLS, Tool
from skillstore.service.operations import OPERATIONS
from skillstore.service.refusals import InvalidRequestError
from skillstore.service.service import Service

Form = dict[str, Any]


def _resolved(schema: Form, definitions: Form) -> Form:
    """What is declared for a value that is given: references followed, the first of what it may be."""
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    kinds = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if not kinds:
        return schema
    first = _resolved(kinds[0], definitions)
    return {**first, **({"examples": schema["examples"]} if "examples" in schema else {})}


def _value(schema: Form, definitions: Form) -> Any:
    """A value of the schema: its example, or the least that it takes."""
    found = _resolved(schema, definitions)
    if "examples" in found:
        return found["examples"][0]
    if "enum" in found:
        return found["enum"][-1]
    kind = found.get("type")
    if kind == "object":
        return {name: _value(found["properties"][name], definitions) for name in found.get("required", ())}
    if kind == "array":
        return [_value(found["items"], definitions)]
    return {"integer": found.get("minimum", 1), "number": 0.5, "boolean": True, "string": "x" * 8, None: {"any": 1}}[
        kind
    ]


def _spellings(value: Any, kinds: set[Any]) -> Iterator[Any]:
    """Other ways in which machines send `value`, which is of the first of these kinds."""
    if None in kinds:  # any value is itself
        return
    if type(value) in (dict, list) and "string" not in kinds:
        yield json.dumps(value)
        yield f" {json.dumps(value, indent=1)}\n"
    if type(value) is int and "number" not in kinds:
        yield float(value)
        yield str(value)
        yield f"{value}.0"
    if type(value) is float:
        yield str(value)
    if type(value) is bool:
        yield str(value).lower()
        yield str(value)


def _kinds(schema: Form, definitions: Form) -> set[Any]:
    if "$ref" in schema:
        return _kinds(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in _kinds(each, definitions)}
    packed = schema.get("type") == "string" and ("pattern" in schema or "const" in schema)
    return set() if packed else {schema.get("type")}


def _fields() -> list[tuple[str, str]]:
    return [(name, field) for name in OPERATIONS for field in OPERATIONS[name].request.model_fields]


@pytest.mark.parametrize(("operation", "field"), _fields())
def test_every_field_of_every_operation_is_read_as_machines_send_it(operation: str, field: str) -> None:
    kind = OPERATIONS[operation].request
    schema = kind.model_json_schema()
    definitions = schema.get("$defs", {})
    base = _value(schema, definitions)
    value = _value(schema["properties"][field], definitions)
    kinds = _kinds(schema["properties"][field], definitions)
    meant = requests.read(kind, {**base, field: value})
    for spelled in _spellings(value, kinds):
        assert requests.read(kind, {**base, field: spelled}) == meant, spelled
    if field not in schema.get("required", ()) and not kinds & {"null", None}:
        without = {name: item for name, item in base.items() if name != field}
        assert requests.read(kind, {**base, field: None}) == requests.read(kind, without)
    if kinds <= {"string", "null"} or None in kinds:  # text stays text, whatever it looks like
        for text in ("[1, 2]", '{"a": 1}', "3", "true", "null"):
            try:
                read = requests.read(kind, {**base, field: text})
            except InvalidRequestError:
                continue
            assert getattr(read, field) == text


def _arguments() -> list[tuple[str, str]]:
    return [(tool.name, name) for tool in TOOLS.values() for name in tools.input_schema(tool, True)["properties"]]


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with Service(tmp_path) as service:
        service.run("create_library", {"name": "household", "embedding_dim": 2})
        for name in ("one", "two"):
            skill = {"name": name, "action_sequence": [name], "embedding": [1.0, 0.0], "preconditions": {"n": name}}
            service.run("add_skill", {"skill": skill}, library="household")
        yield Asking(service, LOCAL, None, may_delete=True)


def _base(tool: Tool) -> Form:
    schema = tools.input_schema(tool, True)
    base: Form = _value(schema, schema.get("$defs", {}))
    return {**base, "embedding": [0.6, 0.8]} if tool.name == "add_skill" else base


@pytest.mark.parametrize(
    ("name", "argument"),
    [pair for pair in _arguments() if pair != ("remove_skill", "library") and pair[1] not in ("text", "expected")],
)
def test_every_argument_of_every_tool_is_taken_as_machines_send_it(asking: Asking, name: str, argument: str) -> None:
    tool = TOOLS[name]
    schema = tools.input_schema(tool, True)
    declared = schema["properties"][argument]
    assert "anyOf" not in declared, "clients send text where there is a choice"
    base = {key: item for key, item in _base(tool).items() if key != argument}
    value = [0.6, 0.8] if argument == "embedding" else _value(declared, schema.get("$defs", {}))
    if argument == "library":
        value = "household"
        base = {**base, "id": 1} if "id" in base else base
    ways = [value, *_spellings(value, _kinds(declared, {}))]
    if argument not in schema.get("required", ()) and (name, argument) != ("add_skill", "embedding"):
        base = {**base, "embedding": [0.6, 0.8]} if argument == "min_similarity" else base
        tools.call(tool, asking, {**base, argument: None})
    for way in ways:
        if tool.destructive and argument == "id":
            added = asking.run("add_skill", {"skill": {"name": "x", "action_sequence": ["x"], "embedding": [0, 1],
                                                       "preconditions": {"x": str(way)}}}, "household")  # fmt: skip
            way = type(way)(added["id"])
        assert tools.call(tool, asking, {**base, argument: way}).data is not None


def _defaults() -> list[tuple[str, str]]:
    declared = {name: tools.input_schema(TOOLS[name], True)["properties"] for name in TOOLS}
    return [(name, argument) for name, argument in _arguments() if "default" in declared[name][argument]]


@pytest.mark.parametrize(("name", "argument"), _defaults())
def test_the_default_that_is_declared_is_the_real_one(asking: Asking, name: str, argument: str) -> None:
    tool = TOOLS[name]
    declared = tools.input_schema(tool, True)["properties"][argument]
    base = {key: item for key, item in _base(tool).items() if key != argument}
    answers: list[object] = []
    for more in ({}, {argument: declared["default"]}):
        if tool.writes:
            base = {**base, "preconditions": {"again": len(answers)}} if argument != "preconditions" else base
        answer = tools.call(tool, asking, {**base, **more})
        answers.append(answer.words if not tool.writes else sorted(answer.data or {}))
    assert answers[0] == answers[1]


def test_a_library_begins_with_the_likeness_that_is_declared(tmp_path: Path) -> None:
    declared = OPERATIONS["create_library"].request.model_json_schema()["properties"]["same_skill"]
    with Service(tmp_path) as service:
        for name, more in (("a", {}), ("b", {"same_skill": declared["default"]})):
            service.run("create_library", {"name": name, "embedding_dim": 2, **more})
        kept = [service.run("library_stats", {}, library=name)["same_skill"] for name in "ab"]
    assert kept == [declared["default"]] * 2


@pytest.mark.parametrize(("form", "pointers"), [
    ({"name": "a", "action_sequence": "lift, then wave"}, ["/action_sequence"]),
    ({"name": "a", "action_sequence": '["lift"'}, ["/action_sequence"]),
    ({"name": "a", "action_sequence": ["x"], "embedding": [1, "b"]}, ["/embedding/1", "/embedding"]),
    ({"name": "a", "action_sequence": ["x"], "embedding": '[1, "b"]'}, ["/embedding"]),
    ({"name": "a"}, [""]),
    ({"name": 3, "action_sequence": ["x"], "zzz": 1}, ["/name", "/zzz"]),
    ({"name": "a", "action_sequence": ["x"], "times_used": 1.5}, ["/times_used"]),
])  # fmt: skip
def test_a_refusal_points_into_the_request_as_it_was_sent(form: Form, pointers: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        requests.read(requests.NewSkill, form)
    assert [pointer for pointer, _ in refused.value.faults] == pointers
    for pointer, words in refused.value.faults:
        here: Any = form
        for part in pointer.split("/")[1:]:
            here = here[int(part) if type(here) is list else part]
        assert "send it as in" in words or pointer in ("/zzz", "/times_used")


def test_a_refusal_of_a_tool_points_into_what_was_sent(asking: Asking) -> None:
    given = {"name": "a", "action_sequence": ["x"], "embedding": '[1, "b"]', "library": "household"}
    with pytest.raises(InvalidRequestError) as refused:
        tools.call(TOOLS["add_skill"], asking, given)
    assert [pointer for pointer, _ in refused.value.faults] == ["/embedding"]


def test_a_refusal_says_what_is_missing_and_how_to_send_it() -> None:
    with pytest.raises(
        InvalidRequestError, match=r"'action_sequence' is missing; send it as in \[\"right\", \"pickup\"\]"
    ):
        requests.read(requests.NewSkill, {"name": "a"})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": NaN}', '{"a": 1, "a": 2}', "[1e999]", "{" + " " * 2**21 + "}"])
def test_text_that_is_no_json_within_bounds_stays_what_it_is(text: str) -> None:
    assert coerce({"a": text}, {"type": "object", "properties": {"a": {"type": "object"}}}) == {"a": text}
    with pytest.raises(InvalidRequestError):
        requests.read(requests.RetrieveSkills, {"state": text})
