"""MCP: the tools, by the official client, in both eras of the protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from skillstore.service.callers import Caller
from skillstore.service.mcp import answers, catalog
from skillstore.service.mcp.tools import TOOLS
from skillstore.service.service import Service
from tests.service.connected import DOOR, ERAS, KEY, inside, listening_at, over_http, piped, text

pytestmark = pytest.mark.anyio
NAMES = ["retrieve_skills", "why_not", "get_skill", "add_skill", "record_outcome", "library_stats"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "all") as made:
        made.run("create_library", {"name": "home"})
        yield made


async def every_tool(client: Client) -> None:
    """What one agent does, from an empty library on; the client holds each answer to the tool's own schema."""
    offered = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert [name for name in offered if name != "list_libraries"] == [*NAMES, "remove_skill"]
    empty = await client.call_tool("retrieve_skills", {"state": {}})
    assert empty.structured_content == {"library": "home", "matches": [], "nearest": [], "exact": True}
    assert "has none yet" in text(empty)

    kept = await client.call_tool("add_skill", KEY)
    assert kept.structured_content == {"id": 1, "created": True, "similarity": None}
    again = await client.call_tool("add_skill", {**KEY, "name": "Acquire KEY"})
    assert again.structured_content["id"] == 1
    assert not again.structured_content["created"]
    assert "skill 1 is nearly the same" in text(again)
    assert (await client.call_tool("add_skill", DOOR)).structured_content["id"] == 2

    found = await client.call_tool("retrieve_skills", {"state": {"has_key": False}, "text": "a key", "k": 5})
    (match,) = found.structured_content["matches"]
    assert match.pop("similarity") > 0.3
    assert match == {
        "id": 1, "name": "acquire key", "times_used": 0, "success_count": 0,
        "steps": 2, "action_sequence": ["right", "pickup"],
    }  # fmt: skip
    assert "#1 acquire key" in text(found)
    assert "right; pickup" in text(found)

    none = await client.call_tool("retrieve_skills", {"state": {"has_key": None, "near": 9}, "text": "open a door"})
    assert none.structured_content["matches"] == []
    nearest = none.structured_content["nearest"][0]
    assert nearest["id"] == 2
    assert nearest["unmet"] == {
        "has_key": {"required": True, "state": None},
        "near": {"required": {"$interval": [0, 3]}, "state": 9},
    }
    assert "No skill applies" in text(none)
    assert "near is between 0 and 3 (the state: 9)" in text(none)

    missed = await client.call_tool("why_not", {"state": {"has_key": False}})
    assert [miss["id"] for miss in missed.structured_content["near_misses"]] == [2]
    one = await client.call_tool("get_skill", {"id": 2})
    assert one.structured_content["skill"]["action_sequence"] == DOOR["action_sequence"]
    assert "embedding" not in one.structured_content["skill"]
    whole = await client.call_tool("get_skill", {"id": 2, "embeddings": True})
    assert len(whole.structured_content["skill"]["embedding"]) == 256

    await client.call_tool("record_outcome", {"id": 1, "success": True})
    fared = await client.call_tool("record_outcome", {"id": 1, "success": False})
    assert fared.structured_content == {"id": 1, "times_used": 2, "success_count": 1}
    stats = await client.call_tool("library_stats", {})
    assert stats.structured_content["total_skills"] == 2
    assert stats.structured_content["avg_success_rate"] == 0.5
    assert "generation" not in stats.structured_content
    assert "generation" in (await client.call_tool("library_stats", {"verbose": True})).structured_content

    assert (await client.call_tool("remove_skill", {"id": 2})).structured_content == {"id": 2}
    gone = await client.call_tool("get_skill", {"id": 2})
    assert gone.is_error
    assert "there is no skill 2. retrieve_skills tells" in text(gone)


@pytest.mark.parametrize("era", ERAS)
async def test_an_agent_uses_every_tool_in_this_process(service: Service, era: str) -> None:
    async with inside(service, era, may_delete=True) as client:
        await every_tool(client)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("place", ["/mcp", "/mcp/home"])
async def test_an_agent_uses_every_tool_over_http(service: Service, era: str, place: str) -> None:
    with listening_at(service, may_delete=True) as address:
        async with over_http(address + place, era=era) as client:
            await every_tool(client)


@pytest.mark.parametrize("era", ERAS)
async def test_an_agent_uses_every_tool_over_stdio(tmp_path: Path, era: str) -> None:
    async with piped(tmp_path / "home", "--allow-delete", era=era) as client:
        await every_tool(client)
    async with piped(tmp_path / "home", "--read-only", era=era) as client:
        assert (await client.call_tool("library_stats", {})).structured_content["total_skills"] == 1


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("retrieve_skills", {}, "'state' is missing"),
    ("retrieve_skills", {"state": None}, "/state"),
    ("retrieve_skills", {"state": "has_key"}, "/state"),
    ("retrieve_skills", {"state": []}, "/state"),
    ("retrieve_skills", {"state": {}, "k": 0}, "/k"),
    ("retrieve_skills", {"state": {}, "k": 1001}, "/k"),
    ("retrieve_skills", {"state": {}, "k": 10**30}, "/k"),
    ("retrieve_skills", {"state": {}, "k": "three"}, "/k"),
    ("retrieve_skills", {"state": {}, "k": 1.5}, "/k"),
    ("retrieve_skills", {"state": {}, "k": True}, "/k"),
    ("retrieve_skills", {"state": {}, "more": 1}, "/more"),
    ("retrieve_skills", {"state": {}, "embeddings": True}, "/embeddings"),
    ("retrieve_skills", {"state": {}, "verbose": 1}, "/verbose"),
    ("retrieve_skills", {"state": {}, "verbose": "yes"}, "/verbose"),
    ("retrieve_skills", {"state": {}, "library": "home"}, "/library"),
    ("retrieve_skills", {"state": {}, "text": ""}, "/text"),
    ("retrieve_skills", {"state": {}, "text": "x" * 8193}, "/text"),
    ("retrieve_skills", {"state": {}, "text": 7}, "/text"),
    ("retrieve_skills", {"state": {}, "text": "?!"}, "no word"),
    ("retrieve_skills", {"state": {}, "embedding": []}, "/embedding"),
    ("retrieve_skills", {"state": {}, "embedding": [0.0] * 256}, "zero"),
    ("retrieve_skills", {"state": {}, "embedding": [1.0, 2.0]}, "256"),
    ("retrieve_skills", {"state": {}, "embedding": ["one"] * 256}, "/embedding"),
    ("retrieve_skills", {"state": {}, "embedding": [1.0] * 256, "text": "both"}, "not both"),
    ("retrieve_skills", {"state": {}, "min_similarity": 0.5}, "min_similarity"),
    ("retrieve_skills", {"state": {str(i): 1 for i in range(10_001)}}, "10000 facts"),
    ("retrieve_skills", {"state": {"x" * 1001: 1}}, "1000 characters"),
    ("why_not", {"state": {"a": {"b": 1}, "a.b": 2}}, "a.b"),
    ("get_skill", {}, "'id' is missing"),
    ("get_skill", {"id": "first"}, "/id"),
    ("get_skill", {"id": 0}, "/id"),
    ("get_skill", {"id": -1}, "/id"),
    ("get_skill", {"id": 2**80}, "/id"),
    ("get_skill", {"id": 99}, "no skill 99"),
    ("record_outcome", {"id": 1}, "'success' is missing"),
    ("record_outcome", {"id": 1, "success": 1}, "/success"),
    ("record_outcome", {"id": 1, "success": "yes"}, "/success"),
    ("record_outcome", {"id": 99, "success": True}, "no skill 99"),
    ("add_skill", {}, "'name' is missing"),
    ("add_skill", {**KEY, "name": " "}, "/name"),
    ("add_skill", {**KEY, "name": 5}, "/name"),
    ("add_skill", {**KEY, "name": "x" * 9000}, "/name"),
    ("add_skill", {**KEY, "action_sequence": []}, "action"),
    ("add_skill", {**KEY, "action_sequence": "pickup"}, "/action_sequence"),
    ("add_skill", {**KEY, "preconditions": ["has_key"]}, "/preconditions"),
    ("add_skill", {**KEY, "preconditions": {"a": {"$interval": [3, 1]}}}, "Interval"),
    ("add_skill", {**KEY, "times_used": 5}, "/times_used"),
    ("add_skill", {**KEY, "success_count": 5}, "/success_count"),
    ("add_skill", {"skill": KEY}, "/skill"),
    ("library_stats", {"more": 1}, "/more"),
]


@pytest.mark.parametrize("era", ERAS)
async def test_a_wrong_argument_is_an_error_of_the_tool_that_says_where(service: Service, era: str) -> None:
    service.run("add_skill", {"skill": KEY}, library="home")
    async with inside(service, era) as client:
        for name, arguments, said in WRONG:
            refused = await client.call_tool(name, arguments)
            assert refused.is_error, (name, arguments)
            words = text(refused)
            assert said in words, (said, words)
            assert "Traceback" not in words
            assert len(words) < 1000
        assert (await client.call_tool("library_stats", {})).structured_content["total_skills"] == 1
        assert service.run("get_skill", {"id": 1}, library="home")["skill"]["times_used"] == 0


async def test_what_is_no_tool_is_refused_with_those_there_are(service: Service) -> None:
    async with inside(service) as client:
        for name in ("no_such", "RETRIEVE_SKILLS", "", "x" * 10_000, "../retrieve_skills", "create_library"):
            with pytest.raises(MCPError, match="there is no tool") as refused:
                await client.call_tool(name, {})
            assert len(refused.value.message) < 300


async def test_what_is_hidden_and_what_is_read_only_is_said(service: Service) -> None:
    async with inside(service) as client:
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(offered) == NAMES
    for name, tool in offered.items():
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (name not in ("add_skill", "record_outcome")), name
        assert tool.annotations.destructive_hint is False
        assert tool.input_schema["additionalProperties"] is False
        assert "library" not in tool.input_schema["properties"]
    assert "times_used" not in offered["add_skill"].input_schema["properties"]
    assert len(json.dumps([tool.input_schema for tool in offered.values()])) < 8_000


async def test_deleting_needs_the_flag_and_the_role(service: Service) -> None:
    service.run("add_skill", {"skill": KEY}, library="home")
    for role, may_delete in (("write", False), ("read", True)):
        caller = Caller("somebody", role, frozenset({"home"}))  # type: ignore[arg-type]
        async with inside(service, caller=caller, may_delete=may_delete) as client:
            assert "remove_skill" not in [tool.name for tool in (await client.list_tools()).tools]
            refused = await client.call_tool("remove_skill", {"id": 1})
            assert refused.is_error
            assert text(refused).startswith("Not allowed: ")
    async with inside(service, caller=Caller("somebody", "write"), may_delete=True) as client:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "remove_skill"]
        assert tool.annotations is not None
        assert tool.annotations.destructive_hint is True
        assert not (await client.call_tool("remove_skill", {"id": 1})).is_error


async def test_who_only_reads_is_offered_and_allowed_no_writing(service: Service) -> None:
    service.run("add_skill", {"skill": KEY}, library="home")
    async with inside(service, caller=Caller("reader", "read")) as client:
        offered = [tool.name for tool in (await client.list_tools()).tools]
        assert offered == ["retrieve_skills", "why_not", "get_skill", "library_stats"]
        for name, arguments in (("add_skill", DOOR), ("record_outcome", {"id": 1, "success": True})):
            refused = await client.call_tool(name, arguments)
            assert refused.is_error
            assert "needs the role 'write'" in text(refused)
        assert (await client.call_tool("get_skill", {"id": 1})).structured_content["skill"]["times_used"] == 0


async def test_a_library_is_named_where_there_are_several_and_others_are_not_there(service: Service) -> None:
    service.run("create_library", {"name": "work"})
    service.run("create_library", {"name": "secret"})
    service.run("add_skill", {"skill": DOOR}, library="work")
    caller = Caller("somebody", "write", frozenset({"home", "work"}))
    async with inside(service, caller=caller, fixed=None) as client:
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert "library" in offered["add_skill"].input_schema["properties"]
        there = await client.call_tool("list_libraries", {})
        assert [one["name"] for one in there.structured_content["libraries"]] == ["home", "work"]
        assert (await client.call_tool("library_stats", {"library": "work"})).structured_content["total_skills"] == 1
        unsaid = await client.call_tool("library_stats", {})
        assert "there are home, work" in text(unsaid)
        for name in ("secret", "nowhere", "../home", "", "x" * 5_000):
            refused = await client.call_tool("library_stats", {"library": name})
            assert refused.is_error
            assert "there are home, work" in text(refused)
            assert len(text(refused)) < 300
        assert (await client.call_tool("library_stats", {"library": 7})).is_error


async def test_a_request_id_has_a_write_carried_out_once(service: Service) -> None:
    meta: Any = {"skillstore/request_id": "use-1"}
    service.run("add_skill", {"skill": KEY}, library="home")
    async with inside(service) as client:
        for _ in range(3):
            fared = await client.call_tool("record_outcome", {"id": 1, "success": True}, meta=meta)
            assert fared.structured_content["times_used"] == 1
        other = await client.call_tool("record_outcome", {"id": 1, "success": False}, meta=meta)
        assert "used before" in text(other)
        meta["skillstore/request_id"] = 5
        with pytest.raises(MCPError, match="is text"):
            await client.call_tool("record_outcome", {"id": 1, "success": True}, meta=meta)


async def test_long_skills_are_cut_unless_everything_is_asked_for(service: Service) -> None:
    actions = [{"tool": "say", "words": "x" * 100} for _ in range(500)]
    skill = {"name": "long " * 100, "action_sequence": actions, "metadata": {"m": "y" * 10_000}}
    service.run("add_skill", {"skill": skill}, library="home")
    async with inside(service) as client:
        short = await client.call_tool("retrieve_skills", {"state": {}})
        (match,) = short.structured_content["matches"]
        assert match["steps"] == 500
        assert 0 < len(match["action_sequence"]) < 40
        assert len(json.dumps(match)) < answers.MAX_STEPS + 2_000
        assert "of 500 steps left out: get_skill" in text(short)
        assert len(text(short)) < 1_000
        everything = await client.call_tool("retrieve_skills", {"state": {}, "verbose": True})
        (match,) = everything.structured_content["matches"]
        assert match["action_sequence"] == actions
        assert match["metadata"] == skill["metadata"]


async def test_what_no_skill_is_similar_to_is_said_apart_from_what_does_not_apply(service: Service) -> None:
    service.run("add_skill", {"skill": {**KEY, "preconditions": {}}}, library="home")
    async with inside(service) as client:
        none = await client.call_tool("retrieve_skills", {"state": {}, "text": "zebra", "min_similarity": 0.99})
        assert none.structured_content["matches"] == []
        assert "min_similarity" in text(none)


@pytest.mark.damages
async def test_a_library_that_cannot_be_opened_says_so_and_the_others_work(service: Service, tmp_path: Path) -> None:
    damaged = tmp_path / "all" / "broken"
    damaged.mkdir()
    (damaged / "MANIFEST").write_bytes(b"nothing of the kind")
    async with inside(service, fixed=None) as client:
        refused = await client.call_tool("library_stats", {"library": "broken"})
        assert refused.is_error
        assert "damaged" in text(refused)
        assert str(tmp_path) not in text(refused)
        assert (await client.call_tool("library_stats", {"library": "home"})).structured_content["total_skills"] == 0
        assert (await client.list_resources()).resources == []
        assert not (await client.call_tool("list_libraries", {})).is_error


async def test_a_defect_is_told_and_logged_without_its_words(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret inner words")

    monkeypatch.setattr(answers, "holdings", broken)
    monkeypatch.setattr(catalog, "page", broken)
    async with inside(service) as client:
        told = await client.call_tool("library_stats", {})
        assert told.is_error
        assert "a defect of the server" in text(told)
        assert "secret" not in text(told)
        with pytest.raises(MCPError, match="a defect of the server") as refused:
            await client.list_resources()
        assert refused.value.code == -32603
    assert caplog.text.count("ZeroDivisionError at") == 2
    assert "secret" not in caplog.text


def test_every_tool_is_an_operation_in_snake_case() -> None:
    assert list(TOOLS) == [*NAMES, "list_libraries", "remove_skill"]
