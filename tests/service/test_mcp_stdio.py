"""MCP over stdio: only the protocol on stdout, a quick first answer, an end in order; and raw lines of all kinds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from skillstore import InvalidInputError, SkillLibrary
from skillstore.service.one_library import OneLibrary
from tests.service.connected import KEY

CLEAN = "from cli.main import main; main()"
NOISY = """
import os, sys
from skillstore.service.mcp import tools
class Finder:
    def find_spec(self, name, *more):
        if name == "mcp.server.stdio":
            print("printed by an import")
sys.meta_path.insert(0, Finder())
before, stdout = tools.call, sys.stdout
def call(*given):
    print("printed to what stdout was", file=stdout)
    print("printed by a tool")
    print("printed and pushed out", flush=True)
    os.write(1, b"written from below Python\\n")
    os.system("echo echoed by a child")
    return before(*given)
tools.call = call
from cli.main import main
main()
"""
TELLS_FAISS = """
import sys
from skillstore.service.mcp import server
before = server._Handlers.list_tools
async def list_tools(self, *given):
    told = await before(self, *given)
    print("faiss is loaded:", "faiss" in sys.modules, file=sys.stderr, flush=True)
    return told
server._Handlers.list_tools = list_tools
from cli.main import main
main()
"""


class Raw:
    """A client that sends lines and reads lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.read: list[bytes] = []
        self._last = 0

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def line(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.read.append(line)
        return json.loads(line)

    def ask(self, method: str, params: Any) -> Any:
        self._last += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}).encode())
        while (answer := self.line()).get("id") != self._last:
            pass
        return answer.get("result", answer.get("error"))

    def begin(self) -> Any:
        begun = self.ask("initialize", {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
        })  # fmt: skip
        self.send(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        return begun

    def tool(self, name: str, arguments: Any) -> Any:
        return self.ask("tools/call", {"name": name, "arguments": arguments})

    def end(self) -> tuple[bytes, bytes, int]:
        """What was still printed, what went to stderr, and the exit code."""
        out, err = self.process.communicate(timeout=60)
        return out, err, self.process.returncode


@contextmanager
def started(library: Path, *options: str, code: str = CLEAN) -> Iterator[Raw]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--library", str(library), "mcp", *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},  # as a client has it
    )  # fmt: skip
    try:
        yield Raw(process)
    finally:
        process.kill()
        process.communicate()


def test_whatever_prints_nothing_but_the_protocol_is_on_stdout(tmp_path: Path) -> None:
    with started(tmp_path / "home", code=NOISY) as client:
        assert client.begin()["serverInfo"]["name"] == "skillstore"
        assert not client.tool("add_skill", KEY)["isError"]
        assert not client.tool("retrieve_skills", {"state": {"has_key": False}})["isError"]
        out, err, code = client.end()
    assert code == 0
    assert out == b""
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in client.read)
    for words in (
        b"by an import",
        b"to what stdout was",
        b"by a tool",
        b"pushed out",
        b"from below Python",
        b"by a child",
    ):
        assert words in err, words


def test_the_first_answers_come_before_faiss_is_loaded_and_before_the_library_is_opened(tmp_path: Path) -> None:
    with started(tmp_path / "home", code=TELLS_FAISS) as client:
        client.begin()
        assert len(client.ask("tools/list", {})["tools"]) == 6
        assert not (tmp_path / "home").exists()
        assert not client.tool("add_skill", KEY)["isError"]
        assert (tmp_path / "home" / "MANIFEST").exists()
        _, err, _ = client.end()
    assert b"faiss is loaded: False" in err


LINES = [
    b"",
    b"no json",
    b"[]",
    b"{}",
    b"null",
    b"\xff\xfe\x00",
    b'{"jsonrpc": "2.0"}',
    b'{"jsonrpc": "1.0", "id": 900, "method": "tools/list"}',
    b'{"jsonrpc": "2.0", "id": 901, "method": 5}',
    b'{"jsonrpc": "2.0", "id": {}, "method": "tools/list"}',
    b'[{"jsonrpc": "2.0", "id": 902, "method": "tools/list"}]',
    b'{"jsonrpc": "2.0", "id": 903, "method": "no/such"}',
    b'{"jsonrpc": "2.0", "id": 904, "method": "tools/call", "params": []}',
    b'{"jsonrpc": "2.0", "id": 905, "method": "tools/call", "params": {"name": 5}}',
    b'{"jsonrpc": "2.0", "id": 906, "method": "tools/call", "params": {"name": "get_skill", "arguments": [1]}}',
    b'{"jsonrpc": "2.0", "id": 907, "method": "skills/get", "params": {}}',
    b'{"jsonrpc": "2.0", "id": 908, "method": "resources/read", "params": {"uri": 5}}',
    b'{"jsonrpc": "2.0", "id": 909, "method": "tools/call", "params": ' + b"[" * 100_000,
    b'{"jsonrpc": "2.0", "id": 910, "method": "tools/call", "params": {"name": "\\ud800", "arguments": {}}}',
    b"x" * 3_000_000,
]
NOT_FINITE = (
    ('"state": {"a": NaN}', "retrieve_skills"),
    ('"state": {"a": -Infinity}', "retrieve_skills"),
    ('"state": {}, "k": NaN', "retrieve_skills"),
    ('"state": {}, "text": "x", "min_similarity": NaN', "retrieve_skills"),
    ('"state": {}, "embedding": [NaN]', "retrieve_skills"),
    ('"state": {"a": 1e999}', "why_not"),
    ('"id": NaN', "get_skill"),
    ('"name": "n", "action_sequence": [NaN]', "add_skill"),
    ('"name": "n", "action_sequence": ["a"], "preconditions": {"a": Infinity}', "add_skill"),
    ('"name": "n", "action_sequence": ["a"], "metadata": {"a": {"b": [NaN]}}', "add_skill"),
)


def test_no_line_ends_the_server_and_what_is_not_finite_is_not_kept(tmp_path: Path) -> None:
    with started(tmp_path / "home") as client:
        client.begin()
        for line in LINES:
            client.send(line)
        for number, (arguments, name) in enumerate(NOT_FINITE, start=1000):
            call = f'{{"name": "{name}", "arguments": {{{arguments}}}}}'
            client.send(f'{{"jsonrpc": "2.0", "id": {number}, "method": "tools/call", "params": {call}}}'.encode())
            while (answer := client.line()).get("id") != number:
                pass
            assert "error" in answer or answer["result"]["isError"], arguments
        assert client.tool("library_stats", {})["structuredContent"]["total_skills"] == 0
        out, _, code = client.end()
    assert (out, code) == (b"", 0)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in client.read)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: int) -> None:
    with started(tmp_path / "home") as client:
        client.begin()
        client.tool("add_skill", KEY)
        os.kill(client.process.pid, number)
        assert client.process.wait(30) == 128 + number
    assert (tmp_path / "home" / "seal").exists()  # cleanly closed
    with SkillLibrary.open(tmp_path / "home", mode="r") as library:
        assert len(library) == 1


def test_one_writes_while_others_read_and_a_second_writer_is_told_so(tmp_path: Path) -> None:
    with started(tmp_path / "home") as writer, started(tmp_path / "home") as second:
        writer.begin()
        writer.tool("add_skill", KEY)
        second.begin()
        refused = second.tool("library_stats", {})
        assert refused["isError"]
        words = refused["content"][0]["text"]
        for told in (f"is being written by process {writer.process.pid}", "--read-only", "skillstore serve", "/mcp"):
            assert told in words, words
        with started(tmp_path / "home", "--read-only") as reader:
            reader.begin()
            assert reader.tool("library_stats", {})["structuredContent"]["total_skills"] == 1
            writer.tool("record_outcome", {"id": 1, "success": True})
            assert reader.tool("get_skill", {"id": 1})["structuredContent"]["skill"]["times_used"] == 1
            assert reader.tool("record_outcome", {"id": 1, "success": True})["isError"]


@pytest.mark.parametrize("size", [1, 200_000])
def test_what_was_asked_before_the_input_ended_is_answered(size: int, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}},
        {"method": "notifications/initialized"},
        *({"id": number, "method": "tools/call", "params": {"name": "add_skill", "arguments": {
            "name": f"skill {number}", "action_sequence": ["x" * size], "preconditions": {"n": number}}}}
          for number in range(2, 12)),
        {"id": 12, "method": "tools/call", "params": {"name": "no_such_tool", "arguments": {}}},
        {"id": 13, "method": "no/such/method"},
        {"method": "notifications/cancelled", "params": {"requestId": ["no", {"id": 1}]}},
        {"method": "notifications/cancelled"},
    ]  # fmt: skip
    with started(tmp_path / "home") as client:
        lines = "".join(json.dumps({"jsonrpc": "2.0", **one}) + "\n" for one in asked)
        out, _ = client.process.communicate(lines.encode(), timeout=60)
    assert client.process.returncode == 0
    assert sorted(json.loads(line)["id"] for line in out.splitlines()) == list(range(1, 14))
    with SkillLibrary.open(tmp_path / "home", mode="r") as library:
        assert len(library) == 10


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_it_works_where_python_leaves_out_asserts_and_docstrings(option: str, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": {"name": "add_skill", "arguments": KEY}},
    ]  # fmt: skip
    lines = "".join(json.dumps({"jsonrpc": "2.0", **one}) + "\n" for one in asked)
    answers = []
    for options in ([], [option]):
        command = [sys.executable, *options, "-c", CLEAN, "--library", str(tmp_path / f"home{len(options)}"), "mcp"]
        ran = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
        answers.append(sorted(ran.stdout.splitlines(), key=lambda line: int(json.loads(line)["id"])))
    assert answers[0] == answers[1]


def test_of_a_directory_of_libraries_one_or_all_are_served(tmp_path: Path) -> None:
    for name in ("home", "work"):
        SkillLibrary.open(tmp_path / "all" / name, embedding_dim=2).close()
    with started(tmp_path / "all", "--name", "work") as client:
        client.begin()
        assert client.tool("library_stats", {})["structuredContent"]["library"] == "work"
        assert "list_libraries" not in [tool["name"] for tool in client.ask("tools/list", {})["tools"]]
    with started(tmp_path / "all", "--read-only") as client:
        client.begin()
        there = client.tool("list_libraries", {})["structuredContent"]["libraries"]
        assert [one["name"] for one in there] == ["home", "work"]
        assert client.tool("library_stats", {"library": "home"})["structuredContent"]["embedding_dim"] == 2


def test_a_name_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    with started(tmp_path / "all", "--name", "../home") as client:
        out, err, code = client.end()
    assert (out, code) == (b"", 2)
    assert err.startswith(b"error: ")
    assert not (tmp_path / "all").exists()
    for name in ("Home", "", "x" * 65, "a/b", ".", "-a", "home\n"):
        with pytest.raises(InvalidInputError):
            OneLibrary(tmp_path / "home", name)
