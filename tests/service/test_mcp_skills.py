"""MCP: skills as resources, and the skills extension of the protocol (SEP-2640)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PaginatedRequestParams, Request, Result
from pydantic import ConfigDict

from skillstore.service.callers import Caller
from skillstore.service.mcp import catalog
from skillstore.service.mcp.extension import IDENTIFIER, STATE, GetSkillParams
from skillstore.service.service import Service
from tests.service.connected import DOOR, ERAS, KEY, inside, listening_at, over_http, piped

pytestmark = pytest.mark.anyio
MODERN = "2026-07-28"


class ListSkills(Request[PaginatedRequestParams, Literal["skills/list"]]):
    method: Literal["skills/list"] = "skills/list"
    params: PaginatedRequestParams


class GetSkill(Request[GetSkillParams, Literal["skills/get"]]):
    method: Literal["skills/get"] = "skills/get"
    params: GetSkillParams


class Anything(Result):
    """Whatever came."""

    model_config = ConfigDict(extra="allow")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "all") as made:
        made.run("create_library", {"name": "home", "same_skill": None})
        yield made


def kept(service: Service, count: int, library: str = "home") -> None:
    skills = [{**KEY, "name": f"skill {i}", "preconditions": {"even": i % 2 == 0}} for i in range(count)]
    for start in range(0, count, 1000):
        service.run("add_skills", {"skills": skills[start : start + 1000]}, library=library)


async def listed(client: Client, cursor: str | None = None, state: Any = None) -> dict[str, Any]:
    meta = {} if state is None else {STATE: state}
    params = PaginatedRequestParams.model_validate({"cursor": cursor, "_meta": meta})
    return await told(client, ListSkills(params=params))


async def told(client: Client, request: Any) -> dict[str, Any]:
    result = await client.session.send_request(request, Anything)
    return result.model_dump(mode="json", by_alias=True, exclude_unset=True)


async def all_pages(client: Client, state: Any = None) -> list[list[dict[str, Any]]]:
    pages, cursor = [], None
    while True:
        page = await listed(client, cursor, state)
        pages.append(page["skills"])
        assert len(pages) < 20, "it never ends"
        cursor = page.get("nextCursor")
        if cursor is None:
            return pages


async def verified(client: Client, entry: dict[str, Any]) -> None:
    """As a host must: the file's size, digest and front matter are those of the entry."""
    assert set(entry) == {"uri", "frontmatter", "resources"}
    (file,) = entry["resources"]
    assert file["uri"] == entry["uri"]
    assert entry["uri"].split("/")[-1] == "SKILL.md"
    assert entry["uri"].split("/")[-2] == entry["frontmatter"]["name"]
    (contents,) = (await client.read_resource(entry["uri"])).contents
    assert (contents.uri, contents.mime_type) == (entry["uri"], "text/markdown")
    data = contents.text.encode()  # type: ignore[union-attr]
    assert len(data) == file["size"]
    assert "sha256:" + hashlib.sha256(data).hexdigest() == file["digest"]
    assert yaml.safe_load(re.split("^---$", data.decode(), flags=re.MULTILINE)[1]) == entry["frontmatter"]


async def as_a_host(client: Client) -> None:
    known = client.protocol_version == MODERN  # versions before it have no place to declare an extension in
    assert client.server_capabilities.extensions == ({IDENTIFIER: {}} if known else None)
    assert client.server_capabilities.resources is not None
    page = await listed(client)
    assert [entry["uri"] for entry in page["skills"]] == [
        "skill://home/acquire-key-1/SKILL.md", "skill://home/open-door-2/SKILL.md",
    ]  # fmt: skip
    for entry in page["skills"]:
        await verified(client, entry)
        one = await told(client, GetSkill(params=GetSkillParams(uri=entry["uri"])))
        assert one["skill"] == entry
    resources = (await client.list_resources()).resources
    assert [resource.uri for resource in resources] == [entry["uri"] for entry in page["skills"]]
    for resource, entry in zip(resources, page["skills"], strict=True):
        assert (resource.name, resource.description) == tuple(
            entry["frontmatter"][key] for key in ("name", "description")
        )
        assert resource.size == entry["resources"][0]["size"]
    (template,) = (await client.list_resource_templates()).resource_templates
    assert template.uri_template == "skill://{library}/{name}/SKILL.md"


@pytest.mark.parametrize("era", ERAS)
async def test_a_host_lists_gets_and_verifies_skills(service: Service, era: str) -> None:
    service.run("add_skills", {"skills": [KEY, DOOR]}, library="home")
    async with inside(service, era) as client:
        await as_a_host(client)


@pytest.mark.parametrize("era", ERAS)
async def test_a_host_lists_gets_and_verifies_skills_over_http(service: Service, era: str) -> None:
    service.run("add_skills", {"skills": [KEY, DOOR]}, library="home")
    with listening_at(service) as address:
        async with over_http(address + "/mcp", era=era) as client:
            await as_a_host(client)


async def test_a_host_lists_gets_and_verifies_skills_over_stdio(tmp_path: Path) -> None:
    async with piped(tmp_path / "home", era="auto") as client:
        await client.call_tool("add_skill", KEY)
        await client.call_tool("add_skill", DOOR)
        await as_a_host(client)


async def test_results_say_how_long_they_hold_where_the_protocol_has_that(service: Service) -> None:
    service.run("add_skill", {"skill": KEY}, library="home")
    uri = "skill://home/acquire-key-1/SKILL.md"
    for era, known in ((MODERN, True), ("legacy", False)):
        async with inside(service, era) as client:
            for result in (await listed(client), await told(client, GetSkill(params=GetSkillParams(uri=uri)))):
                assert ("ttlMs" in result) is ("cacheScope" in result) is ("resultType" in result) is known
                if known:
                    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
async def test_pages_are_all_skills_once(service: Service, count: int) -> None:
    if count:
        kept(service, count)
    async with inside(service) as client:
        pages = await all_pages(client)
        assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
        names = [entry["frontmatter"]["name"] for page in pages for entry in page]
        assert names == [f"skill-{i}-{i + 1}" for i in range(count)]
        resources, cursor = [], None
        while True:
            page = await client.list_resources(cursor=cursor)
            resources += [resource.name for resource in page.resources]
            assert len(resources) <= count
            cursor = page.next_cursor
            if cursor is None:
                break
        assert resources == names


@pytest.mark.parametrize("sizes", [(100, 100), (99, 0, 2), (101, 1), (0, 0), (200, 3)])
async def test_pages_go_on_from_library_to_library(service: Service, sizes: tuple[int, ...]) -> None:
    for number, size in enumerate(sizes):
        service.run("create_library", {"name": f"lib{number}", "same_skill": None})
        if size:
            kept(service, size, f"lib{number}")
    service.run("create_library", {"name": "not-seen"})
    service.run("add_skill", {"skill": KEY}, library="not-seen")
    caller = Caller("somebody", "read", frozenset(["home", *(f"lib{i}" for i in range(len(sizes)))]))
    async with inside(service, caller=caller, fixed=None) as client:
        pages = await all_pages(client)
        uris = [entry["uri"] for page in pages for entry in page]
        assert uris == [
            f"skill://lib{n}/skill-{i}-{i + 1}/SKILL.md" for n, size in enumerate(sizes) for i in range(size)
        ]
        assert all(len(page) <= catalog.PAGE for page in pages)
        with pytest.raises(MCPError):
            await told(client, GetSkill(params=GetSkillParams(uri="skill://not-seen/acquire-key-1/SKILL.md")))


async def test_with_a_state_only_what_applies_is_listed_the_most_reliable_first(service: Service) -> None:
    kept(service, 500)
    for _ in range(3):
        service.run("record_outcome", {"id": 5, "success": True}, library="home")
    async with inside(service) as client:
        pages = await all_pages(client, {"even": True})
        names = [entry["frontmatter"]["name"] for page in pages for entry in page]
        assert [len(page) for page in pages] == [100, 100, 50]
        assert names[0] == "skill-4-5"
        assert sorted(names) == sorted(f"skill-{i}-{i + 1}" for i in range(0, 500, 2))
        assert await all_pages(client, {"even": None}) == [[]]
        assert await all_pages(client, {}) == [[]]


@pytest.mark.parametrize("state", ["even", 5, [], [1], True, {"a": {"b": 1}, "a.b": 2}, {"x" * 1001: 1}])
async def test_a_state_that_is_none_is_refused(service: Service, state: Any) -> None:
    kept(service, 3)
    async with inside(service) as client:
        with pytest.raises(MCPError) as refused:
            await listed(client, state=state)
        assert refused.value.code == -32602


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "home", "home/", "home/-1", "home/01", "home/1 ", "../1", "home/" + "9" * 19, "x" * 100_000, "a/b/1"],
)
async def test_a_cursor_that_is_none_is_refused(service: Service, cursor: str) -> None:
    kept(service, 3)
    async with inside(service) as client:
        for asked in (lambda: listed(client, cursor), lambda: client.list_resources(cursor=cursor)):
            with pytest.raises(MCPError, match="no cursor") as refused:
                await asked()
            assert refused.value.code == -32602


ADDRESSES = [
    "skill://home/acquire-key-2/SKILL.md",
    "skill://home/acquire-key-1",
    "skill://home/acquire-key-1/",
    "skill://home/acquire-key-1/skill.md",
    "skill://home/acquire-key-1/OTHER.md",
    "skill://home/acquire-key-01/SKILL.md",
    "skill://home/1/SKILL.md",
    "skill://home/open-door-1/SKILL.md",
    "skill://nowhere/acquire-key-1/SKILL.md",
    "skill://home/acquire-key-9999999999999999999/SKILL.md",
    "skill://home/../home/acquire-key-1/SKILL.md",
    "skill://home/acquire-key-1/SKILL.md?x",
    "skill://home/acquire-key-1/SKILL.md\n",
    "SKILL://home/acquire-key-1/SKILL.md",
    "file:///etc/passwd",
    "http://home/acquire-key-1/SKILL.md",
    "",
    "x" * 100_000,
]


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_not_served_is_refused_as_the_protocol_says(service: Service, era: str) -> None:
    service.run("add_skill", {"skill": KEY}, library="home")
    async with inside(service, era) as client:
        for uri in ADDRESSES:
            entry, contents = GetSkill(params=GetSkillParams(uri=uri)), client.read_resource
            for asked in (partial(told, client, entry), partial(contents, uri)):
                with pytest.raises(MCPError, match="no skill is served at") as refused:
                    await asked()
                assert refused.value.code == -32602, uri
                assert len(refused.value.message) < 500


async def test_a_replaced_skill_is_told_where_it_is_now(service: Service) -> None:
    service.run("add_skill", {"skill": KEY}, library="home")
    service.run("replace_skill", {"id": 1, "skill": {**KEY, "name": "take key"}}, library="home")
    async with inside(service) as client:
        with pytest.raises(MCPError, match=r"skill 1 is at skill://home/take-key-1/SKILL\.md"):
            await client.read_resource("skill://home/acquire-key-1/SKILL.md")


async def test_the_digest_stays_through_use_and_changes_with_the_skill(service: Service) -> None:
    service.run("add_skill", {"skill": KEY}, library="home")
    async with inside(service) as client:
        (before,) = (await listed(client))["skills"]
        await client.call_tool("record_outcome", {"id": 1, "success": True})
        assert (await listed(client))["skills"] == [before]
        service.run("replace_skill", {"id": 1, "skill": {**KEY, "action_sequence": ["left"]}}, library="home")
        (after,) = (await listed(client))["skills"]
        assert after["uri"] == before["uri"]
        assert after["resources"][0]["digest"] != before["resources"][0]["digest"]
        await verified(client, after)
