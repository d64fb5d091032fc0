"""MCP over HTTP: behind the gate of the service, with its keys and roles, and nothing kept between two requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp.shared.exceptions import MCPError

from skillstore.service.keys import Keys
from skillstore.service.service import Service
from tests.service.connected import DOOR, ERAS, KEY, listening_at, over_http, text
from tests.service.started import Started

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "all") as made:
        for name in ("home", "work"):
            made.run("create_library", {"name": name})
            made.run("add_skill", {"skill": KEY}, library=name)
        yield made


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    with listening_at(service) as where:
        yield where


@pytest.fixture
def keys(service: Service) -> dict[str, str]:
    """One for each role, all for one library."""
    made = Keys(service.libraries.directory)
    return {role: made.add(role, role, ["home"])[1] for role in ("read", "write", "admin")}


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_key_may_what_its_role_may_in_its_libraries_only(
    service: Service, keys: dict[str, str], address: str, era: str
) -> None:
    reader, writer = keys["read"], keys["write"]
    async with over_http(f"{address}/mcp", reader, era) as client:
        assert "add_skill" not in [tool.name for tool in (await client.list_tools()).tools]
        assert (await client.call_tool("library_stats", {})).structured_content["library"] == "home"
        for name, arguments in (("add_skill", DOOR), ("record_outcome", {"id": 1, "success": True})):
            assert "needs the role 'write'" in text(await client.call_tool(name, arguments))
        there = await client.call_tool("list_libraries", {})
        assert [one["name"] for one in there.structured_content["libraries"]] == ["home"]
        other = await client.call_tool("library_stats", {"library": "work"})
        assert other.is_error
        assert "there is no library 'work'; there is home" in text(other)
        assert [one.uri for one in (await client.list_resources()).resources] == ["skill://home/acquire-key-1/SKILL.md"]
        with pytest.raises(MCPError, match="no skill is served"):
            await client.read_resource("skill://work/acquire-key-1/SKILL.md")
    async with over_http(f"{address}/mcp", writer, era) as client:
        assert not (await client.call_tool("add_skill", DOOR)).is_error
        assert (await client.call_tool("remove_skill", {"id": 1})).is_error
    assert service.run("library_stats", {}, library="work")["total_skills"] == 1
    assert service.run("library_stats", {}, library="home")["total_skills"] == 2


def refused(address: str, **more: Any) -> httpx.Response:
    place = more.pop("place", "/mcp")
    method = more.pop("method", "POST")
    headers = {**JSON, **more.pop("headers", {})}
    content = more.pop("content", json.dumps(LIST).encode())
    return httpx.request(method, address + place, headers=headers, content=content, timeout=60)


def test_without_a_key_where_keys_exist_nothing_is_answered(keys: dict[str, str], address: str) -> None:
    good = keys["read"]
    for headers in ({}, {"authorization": "Bearer sk_wrong"}, {"authorization": good}):
        answer = refused(address, headers=headers)
        assert answer.status_code == 401, headers
        assert "acquire" not in answer.text
    bearer = {"authorization": f"Bearer {good}"}
    assert refused(address, headers=bearer).status_code == 200
    assert refused(address, headers=bearer, place="/mcp/home").status_code == 200
    assert refused(address, headers=bearer, place="/mcp/work").status_code == 404
    assert (
        refused(address, headers=bearer, place="/mcp/nowhere").json()["title"]
        == (refused(address, headers=bearer, place="/mcp/work").json()["title"])
    )


HOSTS = ["127.0.0.1:evil.com", "evil.com", "127.0.0.1", "localhost", "127.0.0.1.evil.com", "", "*", "127.0.0.1:80"]
ORIGINS = ["http://evil.com", "null", "http://127.0.0.1:evil.com", "http://127.0.0.1", "https://localhost", "file://"]


def test_hosts_and_origins_of_others_are_refused(address: str) -> None:
    for host in HOSTS:
        assert refused(address, headers={"host": host}).status_code in (400, 421), host
    for origin in ORIGINS:
        assert refused(address, headers={"origin": origin}).status_code == 403, origin
    assert refused(address, headers={"origin": address}).status_code == 200


def deep(levels: int) -> bytes:
    state = b'{"a":' * levels + b"1" + b"}" * levels
    arguments = b'{"name": "why_not", "arguments": {"state": ' + state + b"}}"
    return b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ' + arguments + b"}"


BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"no json", 400),
    (b"\xff\xfe", 400),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "method": "tools/call"}', 400),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"a": NaN}}', 400),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"a": "\\ud800"}}', 400),
    (deep(200), 400),
    (b"[" * 1_000_000, 400),
    (b"[]", 400),
    (b"5", 400),
    (json.dumps([LIST]).encode(), 400),
    (b" " * (16 * 2**20 + 1), 413),
]


@pytest.mark.parametrize("version", [None, "2025-11-25", "2026-07-28", "1999-01-01"])
def test_bodies_of_all_kinds_get_the_right_status(address: str, version: str | None) -> None:
    headers = {} if version is None else {"mcp-protocol-version": version}
    for content, status in BODIES:
        answer = refused(address, content=content, headers=headers)
        assert answer.status_code == status, content[:60]
        assert "Traceback" not in answer.text
        assert len(answer.content) < 2_000
    chunked = httpx.post(address + "/mcp", headers=JSON, content=(b" " * 2**20 for _ in range(20)), timeout=60)
    assert chunked.status_code == 413


def test_other_methods_types_and_places_are_refused(address: str) -> None:
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        assert refused(address, method=method).status_code == 405, method
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""):
        assert refused(address, headers={"content-type": kind}).status_code == 415, kind
    assert refused(address, headers={"content-encoding": "gzip"}).status_code == 415
    for place in ("/mcp//", "/mcp/../v1", "/mcp/%2e%2e", "/mcp/Home", "/mcp/home%00", "/mcp/.keys", "/mcp/home/more"):
        assert refused(address, place=place).status_code in (400, 404), place
    assert refused(address, place="/mcp/" + "x" * 5000).status_code == 404


def test_too_deep_a_state_is_an_error_of_the_tool(address: str) -> None:
    answer = refused(address, content=deep(100), place="/mcp/home").json()["result"]
    assert answer["isError"]
    assert "32 deep" in answer["content"][0]["text"]


@pytest.mark.anyio
async def test_many_clients_write_at_once_and_nothing_is_lost(service: Service, address: str) -> None:
    async def use(number: int) -> None:
        async with over_http(f"{address}/mcp/home", era=ERAS[number % 2]) as client:
            for _ in range(5):
                assert not (await client.call_tool("record_outcome", {"id": 1, "success": True})).is_error

    async with anyio.create_task_group() as group:
        for number in range(16):
            group.start_soon(use, number)
    assert service.run("get_skill", {"id": 1}, library="home")["skill"]["times_used"] == 80


@pytest.mark.anyio
async def test_serve_answers_at_mcp_and_logs_nothing_of_a_skill(tmp_path: Path) -> None:
    with Started(tmp_path / "all", "--allow-delete") as server:
        assert server.client.post("/v1/libraries", json={"name": "home"}).status_code == 201
        async with over_http(f"{server.address}/mcp") as client:
            kept = await client.call_tool("add_skill", {**KEY, "name": "canary-5b1f", "metadata": {"a": "canary-5b1f"}})
            assert kept.structured_content["id"] == 1
            assert "canary-5b1f" in text(await client.call_tool("get_skill", {"id": 1}))
            assert (await client.call_tool("get_skill", {"id": "canary-5b1f"})).is_error
            assert not (await client.call_tool("remove_skill", {"id": 1})).is_error
        assert server.stop() == 0
    log = server.log.read_text()
    assert '"route": "/mcp"' in log
    assert "canary-5b1f" not in log
