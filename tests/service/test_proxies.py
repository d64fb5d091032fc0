"""Behind a proxy: everything works through a real nginx with TLS, at the root and below a path."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from skillstore.errors import InvalidInputError
from skillstore.service.http.prefixes import check_prefix, prefix_of
from skillstore.service.keys import Keys
from tests.service.connected import KEY
from tests.service.proxied import MISSING, NAME, proxied

WAYS: dict[str, dict[str, Any]] = {
    "at the root": {},
    "at the root, its own host": {"keeps_host": False},
    "below a path": {"prefix": "/memory"},
    "below a path, its own host": {"prefix": "/tools/memory", "keeps_host": False},
    "below a path that is left on": {"prefix": "/memory", "strips": False},
}
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"a proxy is tried where nginx and openssl are: {MISSING} missing"
)


class Near(httpx.HTTPTransport):
    """Goes to this machine, whatever name an address has: as a name in a file of hosts would."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        near = httpx.Request(
            request.method, request.url.copy_with(host="127.0.0.1"), headers=request.headers, stream=request.stream,
            extensions={**request.extensions, "sni_hostname": NAME},
        )  # fmt: skip
        return super().handle_request(near)


@pytest.fixture(params=WAYS, scope="module")
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """The address, a key of an administrator, and the certificate."""
    top = tmp_path_factory.mktemp("proxied")
    (top / "all").mkdir()
    _, key = Keys(top / "all").add("admin", "admin", None)
    with proxied(top, **WAYS[request.param]) as (address, certificate):
        yield address, key, certificate


@pytest.fixture
def client(way: tuple[str, str, Path]) -> Iterator[httpx.Client]:
    address, key, certificate = way
    transport = Near(verify=ssl.create_default_context(cafile=str(certificate)))
    with httpx.Client(base_url=address, transport=transport, headers={"Authorization": f"Bearer {key}"}) as made:
        yield made


def test_the_api_reads_writes_and_streams(client: httpx.Client) -> None:
    client.delete("/v1/libraries/home")
    made = client.post("/v1/libraries/", json={"name": "home"})
    assert made.status_code == 201
    assert made.headers["location"] == f"{client.base_url.path.rstrip('/')}/v1/libraries/home"
    added = client.post("/v1/libraries/home/skills", json=KEY)
    assert added.status_code == 201
    there = client.base_url.copy_with(path=added.headers["location"])
    assert client.get(there).json()["skill"]["name"] == KEY["name"]
    exported = client.get("/v1/libraries/home/export").content
    client.post("/v1/libraries", json={"name": "copy"})
    carried = client.post(
        "/v1/libraries/copy/import", content=exported, headers={"content-type": "application/x-ndjson"}
    )
    assert carried.status_code == 200, carried.text
    assert client.get("/v1/libraries/copy").json()["total_skills"] == 1
    client.delete("/v1/libraries/copy")
    assert client.get("/v1/openapi.json").json()["servers"] == [{"url": client.base_url.path.rstrip("/") or "/"}]


@pytest.mark.parametrize("slash", ["", "/"])
def test_mcp_answers_with_and_without_a_slash(client: httpx.Client, slash: str) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = client.post(f"/mcp{slash}", json=asked, headers={"accept": "application/json, text/event-stream"})
    assert answer.status_code == 200, answer.text
    assert {"retrieve_skills", "add_skill"} <= {tool["name"] for tool in answer.json()["result"]["tools"]}


def test_the_page_signs_in_follows_its_links_and_posts_its_forms(
    client: httpx.Client, way: tuple[str, str, Path]
) -> None:
    address, key, _ = way
    root = client.base_url.path.rstrip("/")
    origin = f"https://{NAME}:{client.base_url.port}"
    del client.headers["Authorization"]
    sent = client.get("/")
    assert (sent.status_code, sent.headers["location"]) == (303, f"{root}/sign-in?to=%2F")
    page = client.get("/sign-in")
    (action,) = re.findall(r'<form method="post" action="([^"]*sign-in)"', page.text)
    asked = client.post(_at(client, action), data={"key": key, "to": "/"}, headers={"origin": origin})
    assert asked.status_code == 303, asked.text
    assert f"Path={root}/;" in asked.headers["set-cookie"]
    assert "; Secure" in asked.headers["set-cookie"]
    page = client.get(_at(client, asked.headers["location"]), follow_redirects=True)
    assert page.status_code == 200, page.text
    links = re.findall(r'(?:href|src|action|hx-get)="(/[^"]*)"', page.text)
    assert links
    assert all(link.startswith(f"{root}/") for link in links)
    for link in links:
        if "assets" in link:
            assert client.get(_at(client, link)).status_code == 200
    created = client.post(_at(client, f"{root}/libraries"), data={"name": "posted"}, headers={"origin": origin})
    assert created.headers["location"] == f"{root}/libraries/posted?done=created"
    assert client.get(_at(client, created.headers["location"])).status_code == 200
    refused = client.post(
        _at(client, f"{root}/libraries"), data={"name": "b"}, headers={"origin": "https://evil.example"}
    )
    assert refused.status_code == 403
    client.headers["Authorization"] = f"Bearer {key}"
    client.delete("/v1/libraries/posted")
    assert address.startswith(origin)


def test_no_address_leads_to_another_host(client: httpx.Client) -> None:
    for path in ("//evil.example/", "//evil.example", "/%2f/evil.example/", "/sign-in?to=//evil.example/"):
        answer = client.get(client.base_url.copy_with(raw_path=f"{client.base_url.path.rstrip('/')}{path}".encode()))
        assert "evil" not in answer.headers.get("location", "")


def _at(client: httpx.Client, path: str) -> httpx.URL:
    return client.base_url.copy_with(raw_path=path.encode())


@pytest.mark.parametrize("said", [
    b"", b"/", b"memory", b"//evil.example", b"/a//b", b"/a/../b", b"/..", b"/a b", b"/a\"><script>", b"/a%2f",
    b"/a\\b",     b"https://evil.example", b"/a?b", b"/a#b", b"/" + b"a" * 300, b"/\xff", b"/a\r\nSet-Cookie: x",
])  # fmt: skip
def test_a_prefix_that_is_no_plain_path_is_not_taken(said: bytes) -> None:
    assert prefix_of({b"x-forwarded-prefix": said}, "") == ""
    if said.strip(b"/"):
        assert prefix_of({b"x-forwarded-prefix": said}, "/own") == "/own"
        with pytest.raises(InvalidInputError, match="no path to serve below"):
            check_prefix(said.decode("latin-1"))


def test_a_prefix_may_end_with_a_slash_and_have_several_parts() -> None:
    assert [check_prefix(given) for given in ("/memory/", "/a/b-c_d.e~f", "")] == ["/memory", "/a/b-c_d.e~f", ""]
    assert prefix_of({b"x-forwarded-prefix": b"/memory/"}, "") == "/memory"
    assert json.dumps(prefix_of({}, "/own")) == '"/own"'
