"""What happens between a library and its server: what is asked again, what is not, what errors become."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest

import skillstore
from skillstore import (
    AccessDeniedError,
    BackendUnavailableError,
    CorruptLibraryError,
    InvalidInputError,
    SkillLibrary,
    SkillNotFoundError,
    SkillStoreError,
    WriteFailedError,
)
from skillstore.remote.patience import LONG
from skillstore.service.http.problems import _KINDS
from tests.contracts.library_contract import skill
from tests.remote.wires import STATS, Script, install, problem, without_pauses

WHERE = "http://127.0.0.1:1/home"
FAILURES = [
    httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.RemoteProtocolError("closed"),
    httpx.ReadTimeout("slow"), httpx.WriteError("pipe"), problem(503, "library-closed"),
    httpx.Response(502, text="bad"), problem(408, "too-slow"), problem(429, "too-many-requests"),
]  # fmt: skip
ADDED = {"id": 1, "created": True, "similarity": None, "skill": None}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return without_pauses(monkeypatch)


def opened(monkeypatch: pytest.MonkeyPatch, *answers: Any, **given: Any) -> tuple[SkillLibrary, Script]:
    script = Script(*answers)
    install(monkeypatch, script)
    return SkillLibrary.open(WHERE, **given), script


def test_a_read_is_asked_again_until_it_is_answered(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    library, script = opened(monkeypatch, *FAILURES, {"skills": [], "next": None, "total": 7})
    assert len(library) == 7
    assert len(script.asked) == len(FAILURES) + 1 == len(pauses) + 1
    assert all(later >= earlier / 2 for earlier, later in pairwise(pauses))


def test_a_write_comes_again_under_one_key_and_each_has_its_own(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    library, script = opened(monkeypatch, *FAILURES, ADDED, ADDED)
    assert library.add_skill(skill()).skill.id == 1
    library.add_skill(skill())
    keys = [request.headers["idempotency-key"] for request in script.asked]
    assert len(set(keys[:-1])) == 1
    assert len({request.content for request in script.asked}) == 1
    assert keys[-1] not in keys[:-1]


@pytest.mark.parametrize("failure", FAILURES[1:-1])
def test_inside_a_batch_no_change_comes_again_and_the_batch_fails(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], failure: Any
) -> None:
    begun = {"batch": "0" * 32, "answered": False, "answer": None}
    library, script = opened(monkeypatch, begun, failure, {"answer": None, "open": 0})
    with pytest.raises(BackendUnavailableError), library.batch():
        library.add_skill(skill())
    assert [request.url.path.rsplit("/", 1)[-1] for request in script.asked] == ["batches", "skills", "0" * 32]
    assert b'"keep":false' in script.asked[-1].content
    assert "idempotency-key" not in script.asked[1].headers
    assert pauses == []


def test_when_to_come_again_is_what_the_server_says_and_too_late_is_never(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    late = problem(429, "too-many-requests", "slower", **{"retry-after": "3"})
    never = problem(429, "too-many-requests", "slower", **{"retry-after": "3600"})
    library, script = opened(monkeypatch, late, late, never)
    with pytest.raises(BackendUnavailableError, match="slower"):
        library.get_skill(1)
    assert pauses == [3.0, 3.0]
    assert len(script.asked) == 3


def test_a_connection_is_used_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Alone] = []

    class Alone(httpx.BaseTransport):
        def __init__(self, **_given: Any) -> None:
            self.users, self.most, self.closed = 0, 0, False
            made.append(self)

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.users += 1
            self.most = max(self.most, self.users)
            time.sleep(0.001)
            self.users -= 1
            return httpx.Response(200, json=STATS)

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(httpx, "HTTPTransport", Alone)
    library = SkillLibrary.open(WHERE)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _number: library.get_stats(), range(80)))
    assert 2 <= len(made) <= 8
    assert {one.most for one in made} == {1}
    library.close()
    assert all(one.closed for one in made)


def test_a_connection_whose_answer_broke_off_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Script] = []

    def connect(**_given: Any) -> Script:
        script = Script(httpx.ReadError("broken off"), 3)
        if made:
            script.first, script.answers = httpx.Request("GET", WHERE), [STATS]
        made.append(script)
        return script

    monkeypatch.setattr(httpx, "HTTPTransport", connect)
    with SkillLibrary.open(WHERE) as library:
        assert library.get_stats()["embedding_dim"] == 2
    assert [len(script.asked) for script in made] == [1, 1]


def test_patience_ends(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    library, _ = opened(monkeypatch, *[httpx.ConnectError("refused")] * 10_000)
    with pytest.raises(BackendUnavailableError, match="cannot be reached"):
        library.get_skill(1)
    assert LONG / 2 < sum(pauses) <= LONG


@pytest.mark.parametrize("slug", ["write-failed", "library-locked"])
def test_what_lasts_is_told_at_once(monkeypatch: pytest.MonkeyPatch, pauses: list[float], slug: str) -> None:
    library, script = opened(monkeypatch, problem(503, slug))
    with pytest.raises(SkillStoreError):
        library.add_skill(skill())
    assert len(script.asked) == 1


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind[1].slug)
def test_every_problem_of_the_service_becomes_an_error_that_is_known(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], kind: Any
) -> None:
    of, (status, slug, _) = kind
    library, _ = opened(monkeypatch, *[problem(status, slug, "the words")] * 1000)
    with pytest.raises(SkillStoreError) as caught:
        library.record_outcome(1, True)
    assert "the words" in str(caught.value)
    public = next(base for base in of.__mro__ if base in vars(skillstore).values())
    if public not in (SkillStoreError, skillstore.LibraryClosedError):
        assert isinstance(caught.value, public)


def test_damage_keeps_file_and_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    library, _ = opened(monkeypatch, problem(500, "corrupt-library", str(CorruptLibraryError("home/a", 7, "torn"))))
    with pytest.raises(CorruptLibraryError) as caught:
        library.verify()
    assert (caught.value.file, caught.value.offset, caught.value.what) == ("home/a", 7, "torn")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b"\xff", b'{"matches": 1, "exact": true}', b'{"matches": [{}], "exact": true}',
     b'{"matches": [{"skill": {"name": 1}, "similarity": 1}], "exact": true}'],
)  # fmt: skip
def test_what_is_no_answer_is_refused(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    library, _ = opened(monkeypatch, httpx.Response(200, content=body))
    with pytest.raises(BackendUnavailableError, match="no skillstore server"):
        library.retrieve_skills({}, [1, 0])


@pytest.mark.parametrize("stats", [{}, [], None, "x", {**STATS, "embedding_dim": "2"}, {**STATS, "same_skill": 7}])
def test_what_is_no_server_of_ours_is_not_opened(monkeypatch: pytest.MonkeyPatch, stats: Any) -> None:
    monkeypatch.setattr(
        httpx, "HTTPTransport", lambda **_given: httpx.MockTransport(lambda _: httpx.Response(200, json=stats))
    )
    with pytest.raises(BackendUnavailableError, match="no skillstore server"):
        SkillLibrary.open(WHERE)


def test_a_key_goes_along_and_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    library, script = opened(monkeypatch, problem(403, "not-allowed"), key="sk_canary")
    assert script.first is not None
    assert script.first.headers["authorization"] == "Bearer sk_canary"
    with pytest.raises(AccessDeniedError) as caught:
        library.add_skill(skill())
    assert "canary" not in str(caught.value) + repr(library)
    monkeypatch.setenv("SKILLSTORE_KEY", "sk_other")
    _, script = opened(monkeypatch)
    assert script.first is not None
    assert script.first.headers["authorization"] == "Bearer sk_other"


@pytest.mark.parametrize("key", ["", "a\nb", "ü", 1, b"sk"])
def test_what_is_no_key_is_refused(monkeypatch: pytest.MonkeyPatch, key: Any) -> None:
    with pytest.raises(InvalidInputError):
        opened(monkeypatch, key=key)


@pytest.mark.parametrize(
    "where",
    ["http://", "http://host", "http://host/", "http:///home", "http://host/Home", "http://host/../x",
     "http://host/a b", "http://u:secret@host/home", "http://host:port/home", "http://host/home?x=1",
     "http://host/home#x", "http://[::1/home", "http://host/%2e%2e", "http://host:99999/home", "http://host/\nhome",
     "http://hö/home", "http://host//home/", "http://host/a/./home"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_no_secret_repeated(where: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        SkillLibrary.open(where)
    assert "secret" not in str(caught.value)


def test_a_key_is_for_servers() -> None:
    with pytest.raises(InvalidInputError, match="directory"):
        SkillLibrary.open("somewhere", key="sk_x")


def test_where_nobody_listens_is_soon_known(pauses: list[float]) -> None:
    with pytest.raises(BackendUnavailableError, match=r"127.0.0.1:1 cannot be reached"):
        SkillLibrary.open(WHERE)
    assert sum(pauses) <= 2.0


def test_an_id_that_can_be_none_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    library, script = opened(monkeypatch)
    for missing in (0, -1, 2**63):
        with pytest.raises(SkillNotFoundError):
            library.get_skill(missing)
    assert script.asked == []


def test_a_failed_write_keeps_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    library, _ = opened(monkeypatch, problem(503, "write-failed", "the disk"))
    with pytest.raises(WriteFailedError, match="the disk"):
        library.add_skill(skill())
