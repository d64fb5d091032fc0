"""Hostile: names, headers and bodies that nobody means well with. Each is refused as it should be, and harms nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.service.raw import as_json, exchange, request
from tests.service.started import SKILL, Started

HOME = "/v1/libraries/home"
DEEP = 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with Started(tmp_path_factory.mktemp("hostile") / "all") as server:
        server.client.post("/v1/libraries", json={"name": "home"})
        server.client.post("/v1/libraries", json={"name": "two", "embedding_dim": 2})
        server.client.post(f"{HOME}/skills", json=SKILL)
        yield server
        assert server.client.get("/healthz").status_code == 200
        assert server.client.get(f"{HOME}/skills/1").json()["skill"]["name"] == SKILL["name"]
        assert server.client.get("/v1/libraries").json()["next"] is None
        assert {path.name for path in server.directory.iterdir()} == {"home", "two"}
        assert server.stop() == 0
        assert '"defect"' not in server.log.read_text()


HOSTS = [
    "evil.com",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:{port}:evil.com",
    "127.0.0.1:evil.com",
    "127.0.0.1:{port}.evil.com",
    "127.0.0.1.evil.com:{port}",
    "evil.com#127.0.0.1:{port}",
    "evil.com/127.0.0.1:{port}",
    "user@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil.com",
    "127.0.0.1:{port},evil.com",
    "localhost.evil.com:{port}",
    "xlocalhost:{port}",
    "localhost",
    "localhost:",
    "localhost:0{port}",
    "[::1]",
    "[::1]:{port}.evil.com",
    "[::ffff:127.0.0.1]:{port}",
    "2130706433:{port}",
    "0x7f.1:{port}",
    "0177.0.0.1:{port}",
    "127.1:{port}",
    "0.0.0.0:{port}",
    "0:{port}",
    "::1:{port}",
    "127.0.0.1:{port} evil.com",
    "127.0.0.1 :{port}",
    "localhost..:{port}",
    "LOCALHOST.evil:{port}",
    "http://127.0.0.1:{port}",
    "127.0.0.1:{port}/",
    "127.0.0.1:{port}?",
    "*",
    "null",
    "127.0.0.1:{port}\t.evil.com",
    "\u2460\u2461\u2466.0.0.1:{port}",
]
ORIGINS = [
    "http://evil.com",
    "https://evil.com",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost",
    "http://127.0.0.1:{port}.evil.com",
    "http://127.0.0.1:{port}@evil.com",
    "http://evil.com:{port}",
    "file://",
    "http://127.0.0.1.evil.com:{port}",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}, http://evil.com",
    "http://127.0.0.1:{port} http://evil.com",
    "ftp://127.0.0.1:{port}",
    "127.0.0.1:{port}",
    "//127.0.0.1:{port}",
    "http:127.0.0.1:{port}",
    "http://user@127.0.0.1:{port}",
    "http://127.0.0.1:{port}#",
    "*",
    "about:blank",
    "chrome-extension://abcdef",
    "http://[::1]",
    "http://localhost:{port}.",
    "javascript:alert(1)",
    "\x01",
    "ws://127.0.0.1:{port}",
]
NAMES = [
    "..",
    "...",
    "%2e%2e",
    "%2E%2E%2F",
    "..%2f..%2fetc",
    "%2fetc%2fpasswd",
    "home%00",
    "home%2f..",
    "Home",
    "HOME",
    "-home",
    "_home",
    ".home",
    "home.",
    "ho me",
    "ho%20me",
    "home%0a",
    "home%0d%0aX:1",
    "a" * 65,
    "a" * 5000,
    "%ff",
    "%c3%28",
    "h%C3%B6me",
    "~root",
    "$HOME",
    "*",
    "keys.json",
    "keys.lock",
    ".deleted-home-00",
    "home%5c..",
    "con:",
    "%",
    "%zz",
    "home;a",
    "%e2%80%ae",
    "MANIFEST",
]
IDS = [
    "0",
    "-1",
    "1.0",
    "1e3",
    "01",
    "+1",
    "%201",
    "1%20",
    "0x1",
    "abc",
    "null",
    "true",
    "99999999999999999999",
    "9" * 400,
    "4611686018427387905",
    "\u0661",
    "%D9%A1",
    "1;2",
    "1,2",
    "NaN",
    "%00",
    "1%00",
]


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused(server: Started, host: str) -> None:
    for place in ("/healthz", HOME, "/metrics", "/nothing"):
        status, _, _ = exchange(server.port, request("GET", place, host=host, port=server.port))
        assert status in (400, 421), (host, status)
    assert status == 421 or "\t" in host


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_our_own_host_is_answered(server: Started, host: str) -> None:
    assert exchange(server.port, request("GET", HOME, host=host, port=server.port))[0] == 200


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_origin_is_refused(server: Started, origin: str) -> None:
    origin = origin.format(port=server.port)
    data = request("POST", f"{HOME}/retrieve", b'{"state": {}}', {"Origin": origin}, port=server.port)
    assert exchange(server.port, data)[0] == (400 if origin == "\x01" else 403)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_our_own_origin_is_answered(server: Started, scheme: str) -> None:
    origin = {"Origin": f"{scheme}://localhost:{server.port}"}
    assert exchange(server.port, request("GET", HOME, headers=origin, port=server.port))[0] == 200


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_name_is_no_library(server: Started, name: str) -> None:
    for method, rest, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("GET", "/export", None),
        ("GET", "/backup", None),
        ("POST", "/retrieve", b'{"state": {}}'),
        ("GET", "/skills/1", None),
    ):
        status, _, _ = exchange(server.port, request(method, f"/v1/libraries/{name}{rest}", body, port=server.port))
        assert status in ((400, 404) if "%" in name or name == "ho me" else (404, 405)), (name, method, rest, status)
    if "%" not in name and name.isascii() and " " not in name:
        data = request("POST", "/v1/libraries", as_json({"name": name}), port=server.port)
        assert exchange(server.port, data)[0] == 422


@pytest.mark.parametrize("skill_id", IDS)
def test_what_is_no_id_is_refused(server: Started, skill_id: str) -> None:
    for method, rest, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("PUT", "", as_json(SKILL)),
        ("POST", "/outcomes", b'{"success": true}'),
    ):
        data = request(method, f"{HOME}/skills/{skill_id}{rest}", body, port=server.port)
        assert exchange(server.port, data)[0] in (400, 422), (skill_id, method)


def nested(opening: str, closing: str, inner: str = "1") -> bytes:
    return (opening * DEEP + inner + closing * DEEP).encode()


def within(field: str, value: Any) -> bytes:
    return as_json({"state": {}, field: value})


def skill(**changed: Any) -> bytes:
    return as_json({**SKILL, **changed})


JSON_400 = [
    b"",
    b" ",
    b"{",
    b"}",
    b"[",
    b"nul",
    b"{'state': {}}",
    b'{"state": {}',
    b'{"state": {}}}',
    b'{"state": {},}',
    b"\xff",
    b'{"state": {"a": "\xff"}}',
    b'{"state": {"a": NaN}}',
    b'{"state": {"a": Infinity}}',
    b'{"state": {"a": -Infinity}}',
    b'{"state": {"a": "\\ud800"}}',
    b'{"state": {"\\udfff": 1}}',
    b'{"state": {"a": "\x01"}}',
    b'{"state": {"a": 01}}',
    b'{"state": {"a": .5}}',
    b'{"state": {"a": +1}}',
    b'{"state": {"a": 0x1}}',
    b'{"state": {}} {}',
    b"\xef\xbb\xbf{}",
    b'{"state": {}}\0',
    '{"state": {}}'.encode("utf-16"),
    nested("[", "]"),
    nested('{"state":', "}"),
    nested('{"a":[', "]}"),
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b'{"state": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}",
    b"/* */ {}",
    b"{}//",
    b'{"state": {"a": "' + b"\\u00" + b'"}}',
    b'{"state": {"a": tru}}',
]
BODIES_422 = [
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"true",
    b"{}",
    b'{"state": null}',
    b'{"state": []}',
    b'{"state": "x"}',
    b'{"state": 1}',
    within("k", 0),
    within("k", -1),
    within("k", 1001),
    within("k", 1.5),
    within("k", "three"),
    within("k", True),
    within("k", "null"),
    within("k", 10**30),
    within("embedding", []),
    within("embedding", "x"),
    within("embedding", [None]),
    within("embedding", [True]),
    within("embedding", ["1"]),
    within("embedding", [[1.0]]),
    within("embedding", [0.0] * 256),
    within("embedding", [1.0]),
    within("embedding", [1.0] * 255),
    within("embedding", [1.0] * 65_537),
    b'{"state": {}, "embedding": [1e999]}',
    within("embedding", {"0": 1}),
    within("text", ""),
    within("text", 1),
    within("text", "x" * 8193),
    within("text", "?!"),
    within("text", None) + b"",
    within("unknown", 1),
    within("__proto__", {}),
    within("min_similarity", 0.5),
    within("min_similarity", "x"),
    b'{"state": {}, "text": "a", "min_similarity": 1e999}',
    within("exact", 1),
    within("exact", "yes"),
    within("embeddings", "yes"),
    within("library", "home"),
    as_json({"state": {"a": {"b": 1}, "a.b": 2}}),
    as_json({"state": {"x" * 1001: 1}}),
    as_json({"state": {str(n): n for n in range(10_001)}}),
    as_json({"state": {"$tuple": []}}),
    as_json({"state": {"$map": [[1, 1]]}}),
    as_json({"state": {"a": {"$unknown": 1}}}),
    as_json({"state": {"a": {"$bytes": "?"}}}),
    as_json({"state": {"a": {"$map": [[["list"], 1]]}}}),
    as_json({"state": {}, "embedding": [1.0] * 256, "text": "a"}),
    b'{"state": {"a": 1e999}}',
    as_json({"State": {}}),
]
BODIES_422 = [body for body in BODIES_422 if body != within("text", None)]
SKILLS_422 = [
    b"null",
    b"[]",
    b"{}",
    skill(name=""),
    skill(name=" \n"),
    skill(name=1),
    skill(name=None),
    skill(name="x" * 8193),
    skill(action_sequence=[]),
    skill(action_sequence="up"),
    skill(action_sequence=None),
    skill(action_sequence={}),
    skill(action_sequence={"$tuple": []}),
    skill(action_sequence={"a": 1}),
    skill(action_sequence=[{"$tuple": 1}]),
    skill(action_sequence=[10**30]),
    skill(action_sequence=[{"$bytes": "not base64"}]),
    skill(action_sequence=[{"$x": 1}]),
    skill(preconditions=[]),
    skill(preconditions="None"),
    skill(preconditions={"a": {"$one_of": []}}),
    skill(preconditions={"a": {"$interval": [2, 1]}}),
    skill(preconditions={"a": {"$interval": [None, None]}}),
    skill(preconditions={"a": {"$interval": ["x", 1]}}),
    skill(preconditions={"a": {"$facts": 1}}),
    skill(preconditions={"a": {"$facts": {"b": 1}}, "a.b": 1}),
    skill(preconditions={str(n): n for n in range(4097)}),
    skill(metadata=[]),
    skill(metadata="None"),
    skill(metadata={"a": 10**30}),
    skill(metadata={"$map": 1}),
    skill(metadata={"$map": [[1, 1], [1, 2]]}),
    skill(id=1),
    skill(times_used=-1),
    skill(times_used=1, success_count=2),
    skill(times_learned=0),
    skill(times_used=2**63),
    skill(times_used=1.5),
    skill(embedding=[1.0]),
    skill(embedding=[0] * 256),
    skill(embedding=[1.0] * 256, text="a"),
    skill(text=""),
    skill(text="?"),
    skill(unknown=1),
    skill(times_used=True),
    b'{"name": "a", "action_sequence": ["a"], "metadata": {"a": 1e999}}',
    skill(embedding={"$tuple": [1.0]}),
]
SKILLS_400 = [
    b'{"name": "a", "name": "b", "action_sequence": ["a"]}',
    b'{"name": "a", "action_sequence": ["a"], "metadata": {"a": 1, "a": 2}}',
    b'{"name": "\\ud800", "action_sequence": ["a"]}',
    b'{"name": "a", "action_sequence": [NaN]}',
    b'{"name": "a", "action_sequence": [' + b"[]," * 400_000 + b"[]]}",
    b'{"name": "a", "action_sequence": ' + b"[" * 161 + b"]" * 161 + b"}",
    b'{"name": "a", "action_sequence": [1' + b"0" * 5000 + b"]}",
]


@pytest.mark.parametrize("body", JSON_400, ids=range(len(JSON_400)))
def test_what_is_no_json_is_refused(server: Started, body: bytes) -> None:
    for place in ("retrieve", "why-not", "skills", "skills:batch"):
        status, headers, answer = exchange(server.port, request("POST", f"{HOME}/{place}", body, port=server.port))
        assert status == 400, (place, answer)
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(answer)["type"] == "urn:skillstore:problem:malformed"


@pytest.mark.parametrize("body", BODIES_422, ids=range(len(BODIES_422)))
def test_what_is_no_question_is_refused(server: Started, body: bytes) -> None:
    status, _, answer = exchange(server.port, request("POST", f"{HOME}/retrieve", body, port=server.port))
    assert status == 422, answer


@pytest.mark.parametrize("body", SKILLS_422, ids=range(len(SKILLS_422)))
def test_what_is_no_skill_is_refused_alone_and_among_others(server: Started, body: bytes) -> None:
    many = b'{"skills": [' + as_json(SKILL) + b", " + body + b"]}"
    for method, place, data in (("POST", "skills", body), ("PUT", "skills/1", body), ("POST", "skills:batch", many)):
        status, _, answer = exchange(server.port, request(method, f"{HOME}/{place}", data, port=server.port))
        assert status == 422, (place, answer)


@pytest.mark.parametrize("body", SKILLS_400, ids=range(len(SKILLS_400)))
def test_what_json_should_not_be_is_refused_in_a_skill(server: Started, body: bytes) -> None:
    assert exchange(server.port, request("POST", f"{HOME}/skills", body, port=server.port))[0] == 400


HEADERS: list[tuple[dict[str, str], int]] = [
    ({"Content-Type": ""}, 415),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Type": "multipart/form-data"}, 415),
    ({"Content-Type": "application/json; charset=utf-16"}, 415),
    ({"Content-Type": "application/jsonx"}, 415),
    ({"Content-Type": "application/json, text/plain"}, 415),
    ({"Content-Encoding": "gzip"}, 415),
    ({"Content-Encoding": "br"}, 415),
    ({"Idempotency-Key": "x" * 129}, 400),
    ({"Idempotency-Key": "\u00fc"}, 400),
    ({"Idempotency-Key": "a\tb"}, 400),
    ({"Skillstore-Batch": "x"}, 409),
    ({"Skillstore-Batch": "0" * 32}, 409),
    ({"Skillstore-Batch": "\u00fc"}, 409),
    ({"Skillstore-Batch": "../.."}, 409),
    ({"Content-Length": "99999999999"}, 413),
    ({"Content-Length": "9" * 15}, 413),
    ({"Content-Length": "-1"}, 400),
    ({"Content-Length": "1e3"}, 400),
    ({"Content-Length": "0x10"}, 400),
    ({"Content-Length": "9" * 30}, 400),
    ({"Content-Length": "1, 2"}, 400),
    ({"Transfer-Encoding": "chunked", "Content-Length": "5"}, 400),
    ({"Transfer-Encoding": "gzip", "Content-Length": ""}, 400),
    ({"Bad Header": "1"}, 400),
    ({"X": "a\0b"}, 400),
    ({"X": "y" * 200_000}, 431),
    ({f"X-{n}": "y" * 500 for n in range(400)}, 431),
]


@pytest.mark.parametrize(("headers", "expected"), HEADERS, ids=range(len(HEADERS)))
def test_headers_that_are_wrong_are_refused(server: Started, headers: dict[str, str], expected: int) -> None:
    data = request("POST", f"{HOME}/skills", as_json(SKILL), headers, port=server.port)
    assert exchange(server.port, data)[0] == expected


@pytest.mark.parametrize(
    "name", ["Host", "Origin", "Content-Type", "Idempotency-Key", "Authorization", "Content-Length"]
)
def test_a_header_that_is_there_twice_is_refused(server: Started, name: str) -> None:
    values = {
        "Host": f"127.0.0.1:{server.port}",
        "Origin": f"http://127.0.0.1:{server.port}",
        "Content-Type": "application/json",
        "Content-Length": "13",
    }
    more = [(name, values.get(name, "x"))] * 2
    data = request("POST", f"{HOME}/retrieve", b'{"state": {}}', {name: ""}, more=more, port=server.port)
    assert exchange(server.port, data)[0] == 400


def test_no_host_is_refused(server: Started) -> None:
    assert exchange(server.port, request("GET", HOME, host=None))[0] in (400, 421)
    assert exchange(server.port, b"GET /healthz HTTP/1.0\r\n\r\n")[0] in (400, 421)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"get / http/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\0" * 100,
        b"A" * 100_000,
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
    ],
    ids=range(13),
)
def test_what_is_no_http_is_refused(server: Started, data: bytes) -> None:
    status, _, _ = exchange(server.port, data, end=True)
    assert status in (0, 400, 421, 431, 505)


def chunked(parts: list[bytes], port: int, kind: str = "application/json", place: str = f"{HOME}/skills") -> bytes:
    headers = {"Content-Type": kind, "Transfer-Encoding": "chunked", "Content-Length": ""}
    head = request("POST", place, None, headers, port=port)
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def test_a_body_in_chunks_is_limited_too(server: Started) -> None:
    whole = chunked([as_json({**SKILL, "name": "chunked", "preconditions": {"c": 1}})], server.port) + b"0\r\n\r\n"
    assert exchange(server.port, whole)[0] == 201
    status, _, answer = exchange(server.port, chunked([b"x" * 2**20] * 40, server.port))
    assert status == 413, answer
    assert exchange(server.port, chunked([b"x" * 2**20], server.port) + b"zz\r\n")[0] in (0, 400)


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server: Started) -> None:
    for place in ("skills", "retrieve", "skills:batch", "batches"):
        data = request(
            "POST",
            f"{HOME}/{place}",
            None,
            {"Content-Type": "application/json", "Content-Length": str(2**40)},
            port=server.port,
        )
        assert exchange(server.port, data)[0] == 413


QUERIES = [
    "limit=-1",
    "limit=1001",
    "limit=x",
    "limit=1.5",
    "limit=",
    "limit=1&limit=2",
    "after=-1",
    "after=x",
    "unknown=1",
    "name=",
    "name=" + "x" * 201,
    "fact=",
    "embeddings=1",
    "embeddings=maybe",
    "state={}",
    "library=two",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_is_wrong_is_refused(server: Started, query: str) -> None:
    assert exchange(server.port, request("GET", f"{HOME}/skills?{query}", port=server.port))[0] == 422


@pytest.mark.parametrize("query", ["=", "a", "&", "name=%ff", "&".join(f"a{n}=1" for n in range(30))])
def test_what_is_no_query_is_refused(server: Started, query: str) -> None:
    status, _, _ = exchange(server.port, request("GET", f"{HOME}/skills?{query}", port=server.port))
    assert status in (400, 422)


LIBRARIES_422: list[dict[str, Any]] = [
    {},
    {"name": None},
    {"name": 1},
    {"name": "x", "embedding_dim": 0},
    {"name": "x", "embedding_dim": 65_537},
    {"name": "x", "embedding_dim": "eight"},
    {"name": "x", "embedding_dim": True},
    {"name": "x", "encoder": "nobody's"},
    {"name": "x", "encoder": "hashed-words-8", "embedding_dim": 9},
    {"name": "x", "encoder": ""},
    {"name": "x", "encoder": "a\n"},
    {"name": "x", "same_skill": 2},
    {"name": "x", "same_skill": "high"},
    {"name": "x", "dedup_scope": "all"},
    {"name": "x", "durability": "os"},
    {"name": "x", "path": "/tmp"},
    {"name": "../x"},
    {"name": "/x"},
    {"name": "x\0"},
    {"name": "x/y"},
    {"name": ""},
    {"name": ["x"]},
]


@pytest.mark.parametrize("body", LIBRARIES_422, ids=range(len(LIBRARIES_422)))
def test_what_is_no_library_is_not_made(server: Started, body: dict[str, Any]) -> None:
    status, _, answer = exchange(server.port, request("POST", "/v1/libraries", as_json(body), port=server.port))
    assert status == 422, answer


@pytest.mark.parametrize(
    "body", [b"", b"{}\n", b'{"skillstore": [2, 0], "notes": {}}', b"null\n", b"\xff\xfe", b"[1]\n", b"{\n"]
)
def test_what_is_no_export_is_not_imported(server: Started, body: bytes) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    status, _, _ = exchange(server.port, request("POST", f"{HOME}/import", body, headers, port=server.port))
    assert status == 422


def test_there_are_at_least_two_hundred() -> None:
    tables: tuple[list[Any], ...] = (
        HOSTS,
        ORIGINS,
        NAMES,
        IDS,
        JSON_400,
        BODIES_422,
        SKILLS_422,
        SKILLS_400,
        HEADERS,
        QUERIES,
        LIBRARIES_422,
    )
    assert sum(map(len, tables)) > 300
