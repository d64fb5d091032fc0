"""Server: the process, from its start to its end, however that comes."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner

from cli.main import skillstore
from skillstore import BackendUnavailableError, CorruptLibraryError, InvalidInputError, Skill, SkillLibrary
from skillstore.interchange import export_lines
from skillstore.service.http import bodies, server, streams
from skillstore.service.http.app import application
from skillstore.service.http.bodies import GoneError
from skillstore.service.http.hosts import Hosts
from skillstore.service.refusals import TooLargeError, TooSlowError
from skillstore.service.running import running
from skillstore.service.service import Service
from tests.service.raw import exchange, request
from tests.service.started import SKILL, Started

HOME = "/v1/libraries/home"


def test_a_write_that_was_acknowledged_outlives_a_kill_and_its_key_answers_alike(tmp_path: Path) -> None:
    headers = {"Idempotency-Key": "k1"}
    with Started(tmp_path / "all") as first:
        assert (
            first.client.post("/v1/libraries", json={"name": "home"}, headers={"Idempotency-Key": "k0"}).status_code
            == 201
        )
        added = first.client.post(f"{HOME}/skills", json=SKILL, headers=headers)
        many = {"skills": [{**SKILL, "preconditions": {"n": n}} for n in range(500)]}
        batch = first.client.post(f"{HOME}/skills:batch", json=many, headers={"Idempotency-Key": "k2"})
        first.stop(signal.SIGKILL)
    with Started(tmp_path / "all") as second:
        made = second.client.post("/v1/libraries", json={"name": "home"}, headers={"Idempotency-Key": "k0"})
        assert (made.status_code, made.json()["total_skills"]) == (201, 0)
        again = second.client.post(f"{HOME}/skills", json=SKILL, headers=headers)
        assert (again.status_code, again.json()) == (added.status_code, added.json())
        repeated = second.client.post(f"{HOME}/skills:batch", json=many, headers={"Idempotency-Key": "k2"})
        assert repeated.json() == batch.json()
        stats = second.client.get(HOME).json()
        assert (stats["total_skills"], stats["merged"]) == (501, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_begun_is_finished_when_it_is_asked_to_stop(tmp_path: Path, number: int) -> None:
    acknowledged: list[int] = []
    with Started(tmp_path / "all") as started:
        started.client.post("/v1/libraries", json={"name": "home"})

        def write(thread: int) -> None:
            with httpx.Client(base_url=started.address, timeout=60) as client:
                for step in range(10_000):
                    skill = {**SKILL, "preconditions": {"thread": thread, "step": step}}
                    try:
                        answer = client.post(f"{HOME}/skills", json=skill)
                    except httpx.TransportError:
                        return
                    if answer.status_code != 201:
                        return
                    acknowledged.append(answer.json()["id"])

        with ThreadPoolExecutor(8) as pool:
            writing = [pool.submit(write, thread) for thread in range(8)]
            while len(acknowledged) < 100:
                time.sleep(0.01)
            assert started.stop(number) == 0
            for one in writing:
                one.result()
        assert "stopped" in started.log.read_text()
    with SkillLibrary.open(tmp_path / "all" / "home", create=False) as library:
        assert {skill.id for skill in library} >= set(acknowledged)


def test_writers_share_syncs(tmp_path: Path) -> None:
    with Started(tmp_path / "all", "--quiet") as started:
        started.client.post("/v1/libraries", json={"name": "home"})
        started.client.post(f"{HOME}/skills", json=SKILL)

        with SkillLibrary.open(f"{started.address}/home") as library, ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda _number: library.record_outcome(1, True), range(400)))
        stats = started.client.get(HOME).json()
        assert stats["total_uses"] == 400
        assert stats["syncs"] < 400
        assert started.log.read_text() == ""


def test_a_key_is_left_in_no_log_error_or_figure(tmp_path: Path) -> None:
    place = tmp_path / "all"
    made = CliRunner().invoke(skillstore, ["--library", str(place), "keys", "add", "canary", "--role", "admin"])
    key = made.stdout.strip()
    secret = key.split("_", 2)[2]
    seen = []
    with Started(place) as started:
        for headers in (
            {"Authorization": f"Bearer {key}"},
            {"Authorization": f"Bearer {key}x"},
            {"Authorization": key},
            {"X-Request-Id": key},
            {"Authorization": f"Bearer {key}", "X-Request-Id": key},
            {"Authorization": f"Bearer {key}", "Origin": f"http://{key}"},
            {"Authorization": f"Bearer {key}", "Host": key},
        ):
            for method, address, body in (
                ("GET", "/v1/libraries", None),
                ("GET", "/metrics", None),
                ("GET", f"/{key}", None),
                ("POST", "/v1/libraries", {}),
                ("POST", "/v1/libraries", {"name": key}),
                ("GET", f"/v1/libraries/{key}", None),
                ("GET", f"/healthz?{key}", None),
                ("POST", "/v1/libraries", {key: 1}),
                ("PATCH", f"/{key}", None),
            ):
                answer = started.client.request(method, address, json=body, headers=headers)
                if key not in json.dumps([address, body]):  # what is asked about may be named
                    seen.append(answer.text + str(answer.headers))
        exchange(started.port, b"GET /" + key.encode() + b" HTTP/9.9\r\n\r\n", end=True)
        exchange(started.port, request("GET", f"/{key}\x01", port=started.port), end=True)
        metrics = started.client.get("/metrics", headers={"Authorization": f"Bearer {key}"})
        assert started.stop() == 0
        seen += [metrics.text, started.log.read_text(), (place / "keys.json").read_text()]
    assert len(seen) > 20
    assert not any(secret in text for text in seen)


def test_others_than_this_machine_need_a_key(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com", ""):
        with pytest.raises(InvalidInputError, match="a key is needed"), running(tmp_path, host, 0):
            pass
    Service(tmp_path).close()
    CliRunner().invoke(skillstore, ["--library", str(tmp_path), "keys", "add", "a"])
    with pytest.raises(InvalidInputError, match="--allow-host"), running(tmp_path, "0.0.0.0", 0):
        pass
    with running(tmp_path, "0.0.0.0", 0, ["memory.example"]) as made:
        assert made.port > 0


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BackendUnavailableError, match=f"127.0.0.1:{port}"), running(tmp_path, "127.0.0.1", port):
            pass


@pytest.mark.parametrize(("host", "taken"), [
    ("127.0.0.1:80", True), ("127.0.0.1", True), ("localhost", True), ("[::1]:80", True), ("localhost:8080", False),
    ("other.example:9", True), ("other.example", False), ("memory.example:80", True), ("MEMORY.example", True),
])  # fmt: skip
def test_a_host_is_known_whole(host: str, taken: bool) -> None:
    hosts = Hosts.of("127.0.0.1", 80, ["memory.example", "other.example:9"])
    assert hosts.check_host(host.encode()) == taken
    assert hosts.check_origin(f"http://{host}".encode()) == taken


@pytest.mark.parametrize("named", ["memory.example", "memory.example:443", "https://memory.example", "Memory.Example."])
def test_a_server_behind_a_proxy_with_tls_is_reached_by_its_name(named: str) -> None:
    hosts = Hosts.of("127.0.0.1", 8750, [named])
    for host in (b"memory.example", b"memory.example:443", b"MEMORY.example.", b"memory.example.:443"):
        assert hosts.check_host(host), host
    for origin in (b"https://memory.example", b"https://memory.example:443", b"https://Memory.example."):
        assert hosts.check_origin(origin), origin
    for host in (b"memory.example..", b"memory.example:80", b"x.memory.example", b"memory.example.evil", b"", b"."):
        assert not hosts.check_host(host), host
    for origin in (b"http://memory.example", b"https://evil.example", b"https://memory.example.evil", b"null", b""):
        assert not hosts.check_origin(origin), origin
    assert hosts.check_host(b"127.0.0.1:8750")  # where a proxy rewrites Host
    assert not hosts.check_host(b"127.0.0.1")
    assert not hosts.check_origin(b"http://localhost")  # another server of this machine, at port 80


@pytest.mark.parametrize("named", ["[2001:db8::1]", "https://[2001:db8::1]"])
def test_an_ipv6_address_is_a_name_too(named: str) -> None:
    hosts = Hosts.of("::1", 8750, [named])
    for host in (b"[2001:db8::1]", b"[2001:DB8::1]:443", b"[::1]:8750"):
        assert hosts.check_host(host), host
    assert hosts.check_origin(b"https://[2001:db8::1]")
    assert not hosts.check_host(b"[2001:db8::2]")


@pytest.mark.parametrize("named", ["", " ", "a b", "*", "https://", "a/b", "a..b", "a:0", "a:99999", "http://u@h", "ä"])
def test_what_is_no_name_is_refused(named: str) -> None:
    with pytest.raises(InvalidInputError, match="no name that a server is reached by"):
        Hosts.of("127.0.0.1", 8750, [named])


# what does not come to an end


class Served:
    """A server in a thread of this process."""

    def __init__(self, directory: Path) -> None:
        self._sock = server.listening("127.0.0.1", 0)
        self.port = self._sock.getsockname()[1]
        self.app = application(Service(directory), Hosts.of("127.0.0.1", self.port))
        started = threading.Event()
        made: list[Any] = []
        real = server._Server

        class Noted(real):  # type: ignore[misc, valid-type]
            def __init__(self, *given: Any) -> None:
                made.append(self)
                super().__init__(*given)

        server._Server = Noted  # type: ignore[misc, assignment]
        try:
            self._thread = threading.Thread(target=server.serve, args=(self.app, self._sock, started.set))
            self._thread.start()
            assert started.wait(30)
        finally:
            server._Server = real  # type: ignore[misc]
        self._server = made[0]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.stop()


def test_a_head_that_does_not_end_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_PATIENCE", 0.5)
    for data in (b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
        assert exchange(served.port, data)[0] == 408
    with socket.create_connection(("127.0.0.1", served.port)) as connection:  # after a request that was well
        connection.sendall(request("GET", "/healthz", port=served.port))
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HT")
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")


def test_a_body_that_does_not_end_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)
    body = {"Content-Type": "application/json", "Content-Length": "100"}
    data = request("POST", "/v1/libraries", None, body, port=served.port)
    for begun in (b"", b'{"name"'):
        status, _, answer = exchange(served.port, data + begun)
        assert (status, json.loads(answer)["type"]) == (408, "urn:skillstore:problem:too-slow")


def test_who_goes_away_harms_nobody(served: Served) -> None:
    body = {"Content-Type": "application/json", "Content-Length": "100"}
    for data in (b"GET / HT", request("POST", "/v1/libraries", None, body, port=served.port)):
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            connection.sendall(data)
    assert exchange(served.port, request("GET", "/healthz", port=served.port))[0] == 200


def test_a_body_is_read_within_its_bounds() -> None:
    async def body(parts: list[bytes], most: int, said: bytes | None = None) -> bytes:
        sent: list[Any] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages = iter([*sent, {"type": "http.disconnect"}])

        async def receive() -> Any:
            message = next(messages)
            if message["type"] == "http.request" and message["body"] == b"end":
                message["more_body"] = False
            return message

        headers = {} if said is None else {b"content-length": said}
        return await bodies.whole(receive, headers, most)

    assert asyncio.run(body([b"a", b"b", b"end"], 5)) == b"abend"
    for wrong, error in (
        (body([b"a", b"b", b"end"], 4), TooLargeError),
        (body([b"a"], 4), GoneError),
        (body([b"end"], 4, b"5"), TooLargeError),
        (body([b"end"], 4, b"x"), TooLargeError),
    ):
        with pytest.raises(error):
            asyncio.run(wrong)

    async def never() -> bytes:
        async def receive() -> Any:
            await asyncio.sleep(3600)

        return await bodies.whole(receive, {}, 1)

    before, bodies.PATIENCE = bodies.PATIENCE, 0.01
    try:
        with pytest.raises(TooSlowError):
            asyncio.run(never())
    finally:
        bodies.PATIENCE = before


# the commands


def test_keys_are_added_listed_and_removed(tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(skillstore, ["--library", str(tmp_path / "all"), "keys", *arguments])
        assert result.exit_code == 0, result.stderr
        return result

    assert run("list", "--json").stdout == "[]\n"
    added = json.loads(run("add", "laptop", "--role", "write", "--for", "home", "--json").stdout)
    assert added["key"].startswith(f"sk_{added['id']}_")
    listed = json.loads(run("list", "--json").stdout)
    assert [(key["name"], key["role"], key["libraries"]) for key in listed] == [("laptop", "write", ["home"])]
    assert "sha256" not in listed[0]
    assert "laptop" in run("list").stdout
    run("remove", added["id"])
    assert run("list", "--json").stdout == "[]\n"
    wrong = CliRunner().invoke(skillstore, ["--library", str(tmp_path / "all"), "keys", "remove", added["id"]])
    assert (wrong.exit_code, wrong.stdout) == (2, "")


def test_a_directory_that_is_a_library_is_not_served(tmp_path: Path) -> None:
    SkillLibrary.open(tmp_path / "one", embedding_dim=2).close()
    result = CliRunner().invoke(skillstore, ["--library", str(tmp_path / "one"), "serve", "--port", "0"])
    assert result.exit_code == 2
    assert "is a library; give the directory" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


# streams


def filled(tmp_path: Path) -> None:
    with SkillLibrary.open(tmp_path / "home", embedding_dim=256, same_skill=None, durability="os") as library:
        vectors = np.random.default_rng(1).normal(size=(4000, 256))
        library.add_skills(Skill(f"s{n}", {"n": n}, ["a"], vector) for n, vector in enumerate(vectors))


def test_who_takes_no_more_of_a_stream_holds_nobody_up(tmp_path: Path) -> None:
    filled(tmp_path)
    served = Served(tmp_path)
    try:
        for _ in range(12):  # more than there are threads for streams
            with socket.create_connection(("127.0.0.1", served.port)) as connection:
                connection.sendall(request("GET", f"{HOME}/export", port=served.port))
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        lines = httpx.get(f"http://127.0.0.1:{served.port}{HOME}/export", timeout=60).text.splitlines()
        assert len(lines) == 4001
    finally:
        served.stop()


def test_a_stream_that_fails_in_the_middle_does_not_end_as_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    real = export_lines

    def failing(library: SkillLibrary) -> Iterator[str]:
        yield from islice(real(library), 2000)
        raise CorruptLibraryError("file", 1, "canary")

    monkeypatch.setattr(streams, "export_lines", failing)
    served = Served(tmp_path)
    try:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{served.port}{HOME}/export", timeout=60)
        assert exchange(served.port, request("GET", "/healthz", port=served.port))[0] == 200
    finally:
        served.stop()
