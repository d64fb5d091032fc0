"""HTTP: each operation at its address, and what HTTP adds to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.testclient import TestClient

from skillstore import SkillLibrary, restore
from skillstore.service.examples import EXAMPLES
from skillstore.service.http import log
from skillstore.service.http.app import application
from skillstore.service.http.hosts import Hosts
from skillstore.service.http.ways import WAYS
from skillstore.service.operations import OPERATIONS
from skillstore.service.service import Service
from tests.service.started import JSON, SKILL

HOME = "/v1/libraries/home"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    service = Service(tmp_path / "all")
    app = application(service, Hosts.of("127.0.0.1", 8750))
    with TestClient(app, base_url="http://127.0.0.1:8750", raise_server_exceptions=False) as client:
        assert client.post("/v1/libraries", json={"name": "home"}).status_code == 201
        yield client


def refused(answer: Any, status: int, slug: str | None = None) -> Any:
    """The problem, which is one as RFC 9457 has them."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["instance"].endswith(answer.headers["x-request-id"])
    if slug is not None:
        assert problem["type"] == f"urn:skillstore:problem:{slug}"
    return problem


def test_every_operation_has_one_address_and_its_example_is_true(client: httpx.Client) -> None:
    assert sorted(way.name for way in WAYS) == sorted(OPERATIONS)
    assert EXAMPLES.keys() == OPERATIONS.keys()
    for name, (request, reply) in EXAMPLES.items():
        OPERATIONS[name].request.model_validate(request)
        OPERATIONS[name].reply.model_validate(reply)


def test_a_skill_is_added_found_used_replaced_and_removed(client: httpx.Client) -> None:
    added = client.post(f"{HOME}/skills", json=SKILL)
    assert (added.status_code, added.headers["location"]) == (201, f"{HOME}/skills/1")
    merged = client.post(f"{HOME}/skills", json=SKILL)
    assert (merged.status_code, merged.json()["created"], merged.json()["id"]) == (200, False, 1)
    found = client.post(f"{HOME}/retrieve", json={"state": {"has_key": False}, "text": "key", "k": 2})
    assert [match["skill"]["id"] for match in found.json()["matches"]] == [1]
    missed = client.post(f"{HOME}/why-not", json={"state": {"has_key": True}})
    assert missed.json()["near_misses"][0]["unmet"] == {"has_key": {"required": False, "state": True}}
    assert client.post(f"{HOME}/skills/1/outcomes", json={"success": True}).json()["times_used"] == 1
    replaced = client.put(f"{HOME}/skills/1", json={**SKILL, "name": "other"})
    assert replaced.json()["skill"]["name"] == "other"
    assert client.get(f"{HOME}/skills/1").json()["skill"]["name"] == "other"
    assert client.delete(f"{HOME}/skills/1").json() == {"id": 1}
    refused(client.get(f"{HOME}/skills/1"), 404, "skill-not-found")


def test_many_are_added_and_listed_page_by_page(client: httpx.Client) -> None:
    many = [{**SKILL, "name": f"s{i}", "preconditions": {"n": i}} for i in range(5)]
    added = client.post(f"{HOME}/skills:batch", json={"skills": many}).json()["added"]
    assert [one["id"] for one in added] == [1, 2, 3, 4, 5]
    page = client.get(f"{HOME}/skills", params={"limit": 2, "after": 1, "embeddings": "true"}).json()
    assert ([skill["id"] for skill in page["skills"]], page["next"], page["total"]) == ([2, 3], 3, 5)
    assert len(page["skills"][0]["embedding"]) == 256


def test_notes_have_any_key(client: httpx.Client) -> None:
    for key in ("a", "a/b", "ü", "a b?c#d", "..", "5"):
        place = f"{HOME}/notes/{'%2E%2E' if key == '..' else quote(key)}"
        assert client.put(place, json=[key]).json() == {"key": key}
        assert client.get(place).json() == {"key": key, "value": [key]}
    assert client.get(f"{HOME}/notes", params={"after": "5"}).json()["total"] == 6
    assert client.delete(f"{HOME}/notes/a/b").status_code == 200
    refused(client.get(f"{HOME}/notes/a/b"), 404, "note-not-found")
    assert client.put(f"{HOME}/notes/null", json=None, headers=JSON, content=b"null").status_code == 200


def test_a_version_guards_a_change(client: httpx.Client) -> None:
    client.post(f"{HOME}/skills", json=SKILL)
    tag = client.get(f"{HOME}/skills/1").headers["etag"]
    unchanged = client.get(f"{HOME}/skills/1", headers={"If-None-Match": f'"x", {tag}'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    assert client.get(f"{HOME}/skills/1", headers={"If-None-Match": '"x"'}).status_code == 200
    client.post(f"{HOME}/skills/1/outcomes", json={"success": False})
    for method, body in (("PUT", SKILL), ("DELETE", None)):
        for wrong in (tag, "W/" + tag, '"x"'):
            answer = client.request(method, f"{HOME}/skills/1", json=body, headers={"If-Match": wrong})
            refused(answer, 412, "changed-meanwhile")
        answer = client.request(method, f"{HOME}/skills/1", json=body, headers={"If-None-Match": "*"})
        refused(answer, 412, "changed-meanwhile")
        refused(client.request(method, f"{HOME}/skills/1", json=body, headers={"If-Match": "a, b"}), 400)
    tag = client.get(f"{HOME}/skills/1").headers["etag"]
    assert client.put(f"{HOME}/skills/1", json=SKILL, headers={"If-Match": tag}).headers["etag"]
    assert client.delete(f"{HOME}/skills/1", headers={"If-Match": "*"}).status_code == 200


def test_an_idempotency_key_answers_alike(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post(f"{HOME}/skills", json=SKILL, headers=headers)
    second = client.post(f"{HOME}/skills", json=SKILL, headers=headers)
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, first.json())
    refused(client.post(f"{HOME}/skills", json={**SKILL, "name": "x"}, headers=headers), 422, "request-reused")
    assert client.get(HOME).json()["merged"] == 0


def test_a_batch_is_open_from_one_request_to_the_next(client: httpx.Client) -> None:
    token = client.post(f"{HOME}/batches").json()["batch"]
    inside = {"Skillstore-Batch": token}
    client.post(f"{HOME}/skills", json=SKILL, headers=inside)
    assert client.get(HOME).json()["total_skills"] == 0
    assert client.get(HOME, headers=inside).json()["total_skills"] == 1
    nested = client.post(f"{HOME}/batches", json={"once": "r"}, headers=inside).json()
    assert nested["batch"] == token
    assert client.post(f"{HOME}/batches/{token}", json={"keep": True, "answer": 7}).json() == {"answer": 7, "open": 1}
    assert client.post(f"{HOME}/batches/{token}", json={"keep": True}).json()["open"] == 0
    assert client.get(HOME).json()["total_skills"] == 1
    refused(client.post(f"{HOME}/batches/{token}", json={"keep": True}), 409, "batch-ended")
    refused(client.get(HOME, headers=inside), 409, "batch-ended")
    again = client.post(f"{HOME}/batches", json={"once": "r"}).json()
    assert again == {"batch": None, "answered": True, "answer": 7}


def test_a_library_leaves_and_comes_as_lines(client: httpx.Client) -> None:
    many = [{**SKILL, "name": f"s{i}", "preconditions": {"n": i}} for i in range(50)]
    client.post(f"{HOME}/skills:batch", json={"skills": many})
    client.put(f"{HOME}/notes/a", json={"$tuple": [1]})
    lines = client.get(f"{HOME}/export")
    assert lines.headers["content-type"] == "application/x-ndjson"
    client.post("/v1/libraries", json={"name": "copy"})
    headers = {"content-type": "application/x-ndjson", "Idempotency-Key": "i"}
    for _ in range(2):
        copied = client.post("/v1/libraries/copy/import", content=lines.content, headers=headers)
        assert copied.json() == {"created": 50, "merged": 0}
    assert client.get("/v1/libraries/copy/export").content == lines.content
    bad = client.post(
        f"{HOME}/import", content=lines.content + b"{\n", headers={"content-type": "application/x-ndjson"}
    )
    assert "line 52" in refused(bad, 422)["detail"]
    assert client.get(HOME).json()["total_skills"] == 50


def test_a_backup_is_a_library(client: httpx.Client, tmp_path: Path) -> None:
    client.post(f"{HOME}/skills", json=SKILL)
    answer = client.get(f"{HOME}/backup")
    assert answer.headers["content-disposition"] == 'attachment; filename="home.backup"'
    (tmp_path / "file").write_bytes(answer.content)
    restore(tmp_path / "file", tmp_path / "again")
    with SkillLibrary.open(tmp_path / "again", mode="r") as library:
        assert [skill.name for skill in library] == [SKILL["name"]]


def test_libraries_are_made_listed_and_deleted(client: httpx.Client) -> None:
    made = client.post("/v1/libraries", json={"name": "other", "embedding_dim": 3})
    assert (made.status_code, made.headers["location"]) == (201, "/v1/libraries/other")
    refused(client.post("/v1/libraries", json={"name": "other"}), 409, "library-exists")
    listed = client.get("/v1/libraries", params={"after": "5", "limit": 1}).json()
    assert ([library["name"] for library in listed["libraries"]], listed["next"]) == (["home"], "home")
    assert client.delete("/v1/libraries/other").json() == {"name": "other"}
    refused(client.get("/v1/libraries/other"), 404, "library-not-found")


def test_the_whole_is_cared_for(client: httpx.Client) -> None:
    assert client.post(f"{HOME}/snapshots").status_code == 201
    for what in ("compact", "verify", "settle"):
        assert client.post(f"{HOME}/{what}").status_code == 200
    assert client.get("/healthz").json() == {"status": "alive"}
    for _ in range(200):
        ready = client.get("/readyz")
        if ready.status_code == 200:
            break
    assert ready.json() == {"status": "ready"}


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    for place in ("/healthz", HOME, f"{HOME}/skills", f"{HOME}/export", f"{HOME}/backup"):
        head = client.head(place)
        assert (head.status_code, head.content) == (200, b"")


def test_what_is_not_there_is_a_problem_too(client: httpx.Client) -> None:
    for place in ("/v1", "/v1/", "/v1/libraries//", "/v2", "/v1/libraries/home/nothing", "/docs"):
        refused(client.get(place), 404, "no-such-place")
    for method, place in (
        ("PATCH", HOME),
        ("PUT", "/v1/libraries"),
        ("DELETE", "/healthz"),
        ("GET", f"{HOME}/retrieve"),
    ):
        answer = client.request(method, place)
        refused(answer, 405, "no-such-method")
        assert answer.headers["allow"]
    assert set(client.options(f"{HOME}/skills/1").headers["allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE"}


def test_a_request_id_comes_back_and_a_wrong_one_is_not_taken(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    for wrong in ("a b", "x" * 65, "sk_0123456789ab_" + "x" * 43, "a\tb"):
        given = client.get("/healthz", headers={"X-Request-Id": wrong}).headers["x-request-id"]
        assert given != wrong
        assert len(given) == 16


def test_the_log_has_a_line_for_each_request_and_nothing_that_was_given(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", log.LOGGER.name):
        client.post(f"{HOME}/skills", json={**SKILL, "name": "canary"}, headers={"X-Request-Id": "r1"})
        client.get("/canary")
        client.post(f"{HOME}/retrieve", json={"state": {"canary": "canary"}, "canary": 1})
    lines = [json.loads(log.Lines().format(record)) for record in caplog.records if record.name == log.LOGGER.name]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/libraries/{library}/skills", 201),
        ("GET", "none", 404),
        ("POST", "/v1/libraries/{library}/retrieve", 422),
    ]
    assert lines[0]["request_id"] == "r1"
    assert "canary" not in json.dumps(lines)


def test_a_defect_is_answered_and_logged_without_its_words(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: Any, **_named: Any) -> Any:
        raise RuntimeError("canary")

    monkeypatch.setattr(SkillLibrary, "get_skill", broken)
    with caplog.at_level("INFO", log.LOGGER.name):
        problem = refused(client.get(f"{HOME}/skills/1"), 500, "defect")
    lines = [json.loads(log.Lines().format(record)) for record in caplog.records]
    assert "detail" not in problem
    assert [line["error"] for line in lines if line["message"] == "defect"] == ["RuntimeError"]
    assert "canary" not in json.dumps(lines)


def test_the_metrics_count_what_happened(client: httpx.Client) -> None:
    client.post(f"{HOME}/skills", json=SKILL)
    client.post(f"{HOME}/skills", json=SKILL)
    for state in ({"has_key": False}, {"has_key": True}, {}):
        client.post(f"{HOME}/retrieve", json={"state": state})
    text = client.get("/metrics").text
    for line in (
        'skillstore_retrievals_total{applicable="some"} 1.0',
        'skillstore_retrievals_total{applicable="none"} 2.0',
        "skillstore_retrieval_seconds_count 3.0",
        'skillstore_library_merges{library="home"} 1.0',
        'skillstore_library_syncs_total{library="home"} 2.0',
        'skillstore_requests_total{method="POST",route="/v1/libraries/{library}/skills",status="201"} 1.0',
        'skillstore_requests_total{method="POST",route="/v1/libraries/{library}/skills",status="200"} 1.0',
        "skillstore_requests_underway 1.0",
    ):
        assert line in text.splitlines(), line
    assert "skillstore_library_lock_wait_seconds_total" in text


def test_a_read_does_not_wait_for_a_sync(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.post(f"{HOME}/skills", json=SKILL)
    syncing, go_on = threading.Event(), threading.Event()

    def slow(*_given: Any) -> None:
        syncing.set()
        assert go_on.wait(30)

    monkeypatch.setattr("skillstore.local.storage.Disk.sync", slow)
    writing = threading.Thread(target=lambda: client.post(f"{HOME}/skills/1/outcomes", json={"success": True}))
    writing.start()
    assert syncing.wait(30)
    try:
        for _ in range(3):
            found = client.post(f"{HOME}/retrieve", json={"state": {"has_key": False}}).json()["matches"]
            assert [match["skill"]["times_used"] for match in found] == [0]
    finally:
        go_on.set()
        writing.join()
    assert client.get(f"{HOME}/skills/1").json()["skill"]["times_used"] == 1


def test_the_document_says_all_of_it(client: httpx.Client) -> None:
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    said = {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}
    assert said.keys() == OPERATIONS.keys() | {"backup", "export", "import", "all_skills"}
    for name, operation in said.items():
        assert {"401", "404", "422", "429"} <= operation["responses"].keys(), name
        assert operation["summary"]
    assert document["components"]["schemas"]["RetrieveSkills"]["additionalProperties"] is False
