"""Keys: a key is removed by its id, or by a name that no other key has."""

from __future__ import annotations

import sys

import pytest

from tests.cli.conftest import Run, refused


def test_a_key_is_removed_by_its_id_or_its_name(run: Run) -> None:
    ids: dict[str, list[str]] = {}
    for name in ("laptop", "phone", "phone"):
        result = run("keys", "add", name)
        ids.setdefault(name, []).append(result.stderr.split()[1])
    assert run("keys", "remove", "laptop").stderr == f"removed key {ids['laptop'][0]} (laptop)\n"
    refused(run("keys", "remove", "phone"), 2, "2 keys", *ids["phone"])
    assert run("keys", "remove", ids["phone"][0]).exit_code == 0
    assert run("keys", "remove", "phone").exit_code == 0
    refused(run("keys", "remove", "phone"), 2, "'phone'", "keys list")


def test_a_tool_of_mcp_is_not_offered_where_mcp_is_not_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {"mcp", *(name for name in sys.modules if name.startswith("mcp."))}:  # also what is imported already
        monkeypatch.setitem(sys.modules, name, None)
    for name in [name for name in sys.modules if name.startswith("skillstore.service.mcp")]:
        monkeypatch.delitem(sys.modules, name)
    refused(run("serve", "--allow-delete", "--port", "0"), 2, "--allow-delete", "skillstore[mcp]")


def test_what_mcp_may_only_read_is_not_deleted(run: Run) -> None:
    refused(run("mcp", "--read-only", "--allow-delete"), 2, "--allow-delete")
