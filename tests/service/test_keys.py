"""Keys: who is let in, to what, and that nothing of a key is left anywhere."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from skillstore import (
    BackendUnavailableError,
    InvalidInputError,
    LibraryNotFoundError,
    SkillStoreError,
    UnsupportedFormatError,
)
from skillstore.service import keys as keys_module
from skillstore.service.http.app import application
from skillstore.service.http.hosts import Hosts
from skillstore.service.http.ways import WAYS, Way
from skillstore.service.keys import FILE, Keys
from skillstore.service.rates import Rates
from skillstore.service.refusals import TooManyRequestsError, UnknownKeyError
from skillstore.service.service import Service
from tests.service.started import SKILL
from tests.service.test_http import refused


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def test_a_key_is_known_by_its_words_and_they_are_not_kept(keys: Keys, tmp_path: Path) -> None:
    key, words = keys.add("laptop", "write", ["b", "a", "a"])
    caller = keys.caller(words)
    assert (caller.name, caller.role, caller.libraries) == (key.id, "write", frozenset({"a", "b"}))
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    secret = words.split("_", 2)[2]
    assert secret not in file.read_text()
    assert secret not in repr(keys.all())
    assert Keys(tmp_path).caller(words) == caller


NEARLY: list[Callable[[str], str]] = [
    lambda words: words[:-1],
    lambda words: words + "x",
    lambda words: words[:-1] + ("A" if words[-1] != "A" else "B"),
    lambda words: words.upper(),
    lambda words: "sk_" + "0" * 12 + words[15:],
    lambda words: "",
    lambda words: words + "\n",
    lambda words: words.replace("sk_", "pk_"),
]


@pytest.mark.parametrize("change", NEARLY)
def test_what_is_nearly_a_key_is_none(keys: Keys, change: Any) -> None:
    _, words = keys.add("laptop", "read", None)
    with pytest.raises(UnknownKeyError):
        keys.caller(change(words))


def test_secrets_are_compared_in_constant_time(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    _, words = keys.add("laptop", "read", None)
    compared = []

    def compare(a: str, b: str) -> bool:
        compared.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr("hmac.compare_digest", compare)
    keys.caller(words)
    with pytest.raises(UnknownKeyError):
        keys.caller("sk_" + "0" * 12 + words[15:])
    assert compared == [(64, 64), (64, 64)]


def test_what_another_process_changes_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "_LOOK", 0.0)
    serving, elsewhere = Keys(tmp_path), Keys(tmp_path)
    assert not serving
    key, words = elsewhere.add("laptop", "read", None)
    assert serving
    assert serving.caller(words).name == key.id
    elsewhere.remove(key.id)
    with pytest.raises(UnknownKeyError):
        serving.caller(words)


def test_keys_that_cannot_be_read_let_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "_LOOK", 0.0)
    keys = Keys(tmp_path)
    _, words = keys.add("laptop", "read", None)
    good = (tmp_path / FILE).read_text()
    for bad, error in (
        ("", InvalidInputError), ("{", InvalidInputError), ("[]", InvalidInputError),
        ('{"format": [1, 0]}', InvalidInputError),
        (good.replace('"read"', '"root"'), InvalidInputError), (good.replace('"sha256"', '"md5"'), InvalidInputError),
        ('{"format": [2, 0], "keys": []}', UnsupportedFormatError),
    ):  # fmt: skip
        (tmp_path / FILE).write_text(bad)
        for refuse in (lambda: Keys(tmp_path), lambda: keys.caller(words), lambda: bool(keys)):
            with pytest.raises(error):
                refuse()
    (tmp_path / FILE).write_text(good)
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(InvalidInputError, match="chmod 600"):
        Keys(tmp_path)


@pytest.mark.parametrize("wrong", [("", "read", None), ("x" * 101, "read", None), ("a\nb", "read", None),
                                   ("a", "root", None), ("a", "read", ["../a"]), ("a", "read", [""])])  # fmt: skip
def test_what_is_no_key_is_not_made(keys: Keys, wrong: Any) -> None:
    with pytest.raises(InvalidInputError):
        keys.add(*wrong)
    assert not keys


def test_a_key_that_is_not_there_is_not_removed(keys: Keys) -> None:
    with pytest.raises(InvalidInputError, match="no key"):
        keys.remove("0" * 12)


def test_a_directory_that_cannot_be_written_says_so(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BackendUnavailableError):
        keys.add("a", "read", None)


def test_a_rate_is_for_each_caller_and_comes_back_with_time() -> None:
    now = [0.0]
    rates = Rates(2.0, lambda: now[0])
    for _ in range(4):
        rates.take("a")
    with pytest.raises(TooManyRequestsError) as over:
        rates.take("a")
    assert 0 < over.value.retry_after <= 0.5
    rates.take("b")
    now[0] += over.value.retry_after
    rates.take("a")
    with pytest.raises(TooManyRequestsError):
        rates.take("a")
    for _ in range(1000):
        Rates(None).take("a")


# over HTTP


class Doors:
    """A server with two libraries, and a key of each kind for the first."""

    def __init__(self, client: Any, words: dict[str, str]) -> None:
        self.client, self.words = client, words

    def ask(self, key: str | None, method: str, place: str, **more: Any) -> Any:
        headers = more.pop("headers", {})
        if key is not None:
            headers["Authorization"] = f"Bearer {self.words.get(key, key)}"
        return self.client.request(method, place, headers=headers, **more)


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    service = Service(tmp_path)
    for name in ("home", "secret"):
        service.run("create_library", {"name": name})
        service.run("add_skill", {"skill": SKILL}, library=name)
    keys = Keys(tmp_path)
    words = {role: keys.add(role, role, ["home"])[1] for role in ("read", "write", "admin")}
    words["all"] = keys.add("all", "admin", None)[1]
    app = application(service, Hosts.of("127.0.0.1", 8750), keys=keys)
    with TestClient(app, base_url="http://127.0.0.1:8750", raise_server_exceptions=False) as client:
        yield Doors(client, words)


def test_without_a_key_nothing_is_answered_but_that_it_lives(doors: Doors) -> None:
    for place in ("/v1/libraries", "/v1/libraries/home", "/metrics", "/v1/openapi.json", "/nothing"):
        answer = doors.ask(None, "GET", place)
        refused(answer, 401, "unknown-key")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        refused(doors.ask("sk_" + "0" * 12 + "_" + "x" * 43, "GET", place), 401, "unknown-key")
    assert doors.ask(None, "GET", "/healthz").status_code == 200
    assert doors.ask(None, "GET", "/readyz").status_code in (200, 503)
    assert doors.ask("read", "GET", "/v1/libraries/home").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    ["", "Bearer", "Bearer ", "bearer x", "Basic", "Basic !!!", "Basic eDp5", "Digest x", "Bearer \u00fc", "sk_",
     "Bearer sk_a_b", "Token {}", "Bearer {} x", "Bearer {}{}"],
)  # fmt: skip
def test_what_is_no_authorization_lets_nobody_in(doors: Doors, wrong: str) -> None:
    given = wrong.replace("{}", doors.words["all"]).encode()
    refused(doors.client.get("/v1/libraries", headers={b"Authorization": given}), 401)


def test_browsers_may_give_the_key_as_a_password(doors: Doors) -> None:
    given = base64.b64encode(f"any:{doors.words['read']}".encode()).decode()
    assert doors.client.get("/v1/libraries", headers={"Authorization": f"Basic {given}"}).status_code == 200


def address(way: Way, library: str) -> str:
    """Of something that is not there, in `library`."""
    named = {"{library}": library, "{id}": "999", "{key:path}": "none", "{batch}": "0" * 32}
    place = way.path
    for name, value in named.items():
        place = place.replace(name, value)
    return place


def test_a_role_is_enough_or_it_is_not(doors: Doors) -> None:
    ranks = {"read": 0, "write": 1, "admin": 2}
    for way in WAYS:
        place = address(way, "home")
        for role, rank in ranks.items():
            answer = doors.ask(role, way.method, place, json={"never": 1} if way.body is not None else None)
            if ranks[way.operation.role] > rank:
                refused(answer, 403, "not-allowed")
            else:
                assert answer.status_code not in (401, 403), (way, role)
            if way.name == "delete_library" and answer.status_code == 200:
                doors.ask("all", "POST", "/v1/libraries", json={"name": "home"})


def test_a_library_that_a_key_may_not_see_is_not_there(doors: Doors) -> None:
    bodies: dict[str, Any] = {"retrieve_skills": {"state": {}}, "add_skill": SKILL, "begin_batch": {}}
    for way in WAYS:
        if "{library}" not in way.path:
            continue
        told = []
        for library in ("secret", "absent"):
            body = bodies.get(way.name, {}) if way.body is not None else None
            answer = doors.ask("admin", way.method, address(way, library), json=body)
            problem = refused(answer, 404, "library-not-found")
            del problem["instance"]
            told.append(json.dumps(problem).replace(library, "it"))
        assert told[0] == told[1], way
    for place in ("export", "backup"):
        refused(doors.ask("admin", "GET", f"/v1/libraries/secret/{place}"), 404)
    listed = doors.ask("admin", "GET", "/v1/libraries").json()["libraries"]
    assert [library["name"] for library in listed] == ["home"]
    refused(doors.ask("admin", "POST", "/v1/libraries", json={"name": "secret"}), 403)
    refused(doors.ask("admin", "POST", "/v1/libraries", json={"name": "absent"}), 403)
    metrics = doors.ask("read", "GET", "/metrics").text
    assert 'library="home"' in metrics
    assert "secret" not in metrics
    assert [lib["name"] for lib in doors.ask("all", "GET", "/v1/libraries").json()["libraries"]] == ["home", "secret"]


def test_another_callers_request_ids_and_batches_do_not_meet(doors: Doors) -> None:
    headers = {"Idempotency-Key": "k"}
    first = doors.ask("write", "POST", "/v1/libraries/home/skills", json=SKILL, headers=dict(headers))
    other = doors.ask("admin", "POST", "/v1/libraries/home/skills", json={**SKILL, "name": "x"}, headers=dict(headers))
    assert (first.status_code, other.status_code) == (200, 201)
    token = doors.ask("write", "POST", "/v1/libraries/home/batches").json()["batch"]
    refused(doors.ask("admin", "POST", f"/v1/libraries/home/batches/{token}", json={"keep": True}), 409)
    assert doors.ask("write", "POST", f"/v1/libraries/home/batches/{token}", json={"keep": False}).status_code == 200


def test_more_than_its_rate_is_refused_and_said_until_when(tmp_path: Path) -> None:
    service = Service(tmp_path)
    keys = Keys(tmp_path)
    headers = {"Authorization": f"Bearer {keys.add('a', 'read', None)[1]}"}
    app = application(service, Hosts.of("127.0.0.1", 8750), keys=keys, rate=1.0)
    with TestClient(app, base_url="http://127.0.0.1:8750") as client:
        answers = [client.get("/v1/libraries", headers=headers) for _ in range(10)]
        over = [answer for answer in answers if answer.status_code != 200]
        assert over
        for answer in over:
            refused(answer, 429, "too-many-requests")
            assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/healthz").status_code == 200


def test_random_operations_of_two_keys_never_meet(tmp_path: Path) -> None:
    """Each key writes a word of its own, and must never read the other's."""
    service, keys, chance = Service(tmp_path), Keys(tmp_path), random.Random(7)
    callers = {}
    for name in ("north", "south"):
        service.run("create_library", {"name": name})
        callers[name] = keys.caller(keys.add(name, "admin", [name])[1])
    with service:
        for step in range(2000):
            name = chance.choice(("north", "south"))
            library = chance.choice(("north", "south"))
            skill = {**SKILL, "name": f"{name} word", "preconditions": {"n": chance.randrange(9)}}
            choices: list[tuple[str, dict[str, Any]]] = [
                ("add_skill", {"skill": skill}), ("retrieve_skills", {"state": {"n": chance.randrange(9)}}),
                ("list_skills", {}), ("get_skill", {"id": chance.randrange(1, 9)}), ("why_not", {"state": {}}),
                ("set_note", {"key": "k", "value": f"{name} word"}), ("get_note", {"key": "k"}), ("list_libraries", {}),
                ("remove_skill", {"id": chance.randrange(1, 9)}), ("library_stats", {}),
            ]  # fmt: skip
            operation, request = chance.choice(choices)
            request_id = f"r{step % 50}" if chance.random() < 0.3 else None
            try:
                reply = service.run(operation, request, library=library, caller=callers[name], request_id=request_id)
                mine = True
            except SkillStoreError as error:
                reply = {"error": str(error)}
                mine = not isinstance(error, LibraryNotFoundError)
            assert mine == (library == name or operation == "list_libraries")
            other = "south" if name == "north" else "north"
            assert f"{other} word" not in json.dumps(reply)
            assert library == other or other not in json.dumps(reply)
