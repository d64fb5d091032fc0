"""docs/mcp.md: what it says is so."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

import skillstore
from skillstore.service.mcp.catalog import PAGE
from skillstore.service.mcp.extension import IDENTIFIER, STATE
from skillstore.service.mcp.server import REQUEST_ID
from skillstore.service.mcp.tools import TOOLS, input_schema

DOCS = (Path(skillstore.__file__).parent.parent / "docs" / "mcp.md").read_text()
SERVERS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)]


def test_the_table_has_every_tool_and_every_argument() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", DOCS.split("## Tools")[1], re.MULTILINE))
    assert list(rows) == list(TOOLS)
    for name, words in rows.items():
        assert set(re.findall("`([a-z_]+)`", words)) == set(input_schema(TOOLS[name], False)["properties"]), name


def test_keys_and_figures_are_those_of_the_code() -> None:
    for known in (IDENTIFIER, STATE, REQUEST_ID, f"{PAGE} a page"):
        assert known in DOCS
    for option in ("--name", "--read-only", "--allow-delete"):
        assert f"`{option}" in DOCS


@pytest.mark.anyio
@pytest.mark.parametrize("block", [0, 1])
async def test_the_config_blocks_start_a_server(block: int, tmp_path: Path) -> None:
    ((kind, servers),) = SERVERS[block].items()
    assert kind in ("mcpServers", "servers")
    server: dict[str, Any] = servers["skills"]
    assert server["command"] == "skillstore"
    arguments = [str(tmp_path / "skills") if one == "/home/me/skills" else one for one in server["args"]]
    command = str(Path(sys.executable).parent / server["command"])
    async with Client(StdioServerParameters(command=command, args=arguments)) as client:
        assert (await client.call_tool("library_stats", {})).structured_content["library"] == "skills"


def test_the_block_for_codex_is_the_same_command() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)
    arguments = re.search(r"^args = (.*)$", block, re.MULTILINE)
    assert arguments is not None
    assert json.loads(arguments[1]) == SERVERS[0]["mcpServers"]["skills"]["args"]
