"""The page where keys are needed: who sees what, and how a key is entered and kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skillstore.service.callers import ROLES, Role
from skillstore.service.http.cookies import key_cookie, key_in
from skillstore.service.keys import Keys
from skillstore.service.page.routes import _VIEWS
from skillstore.service.service import Service
from tests.service.visitor import HERE, Visitor

KEY = {"name": "acquire key", "preconditions": {"has_key": False}, "action_sequence": ["right", "pickup"]}
COOKIE = "skillstore-key-8750"


class House:
    """Two libraries, and a key for each role of the first; `admin-all` is for both."""

    def __init__(self, directory: Path) -> None:
        self.service = Service(directory)
        for name in ("home", "secret"):
            self.service.run("create_library", {"name": name})
            self.service.run("add_skill", {"skill": KEY}, library=name)
        keys = Keys(directory)
        self.words: dict[str, str] = {role: keys.add(role, role, ["home"])[1] for role in ROLES}
        self.words["admin-all"] = keys.add("all", "admin", None)[1]
        self.visitor = Visitor(self.service, keys)

    def enter(self, name: str) -> Visitor:
        """As somebody who has entered this key."""
        self.visitor.client.cookies.clear()
        self.visitor.client.cookies.set(COOKIE, self.words[name], domain="page.test")
        return self.visitor


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "all")
    yield made
    made.visitor.leave()
    made.service.close()


def test_who_has_no_key_sees_where_to_enter_one_and_nothing_else(house: House) -> None:
    for method, path, _view in _VIEWS:
        address = path.format(library="home", id=1)
        seen = house.visitor.get(address) if method == "GET" else house.visitor.post(address)
        assert seen.status == 303, path
        assert seen.headers["location"].startswith("/sign-in?to=")
        assert not seen.body
    assert house.visitor.get("/libraries/home?q=a").headers["location"] == "/sign-in?to=%2Flibraries%2Fhome%3Fq%3Da"
    assert "A key, please" in house.visitor.get("/sign-in").text
    assert house.visitor.get("/v1/libraries").status == 401


def test_a_key_is_entered_once_and_kept_where_no_script_can_read_it(house: House) -> None:
    visitor = house.visitor
    entered = visitor.post("/sign-in", {"key": f" {house.words['read']} ", "to": "/libraries/home"})
    assert entered.status == 303
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=sk_")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert visitor.get(entered.headers["location"]).headers["location"] == "/libraries/home"
    assert visitor.get("/libraries/home").status == 200
    left = visitor.post("/sign-out")
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert visitor.get("/libraries/home").status == 303


@pytest.mark.parametrize(
    "key", ["", "nonsense", "sk_" + "0" * 12 + "_" + "A" * 43, "sk_x; Path=/elsewhere", "sk_\r\nx: y", "sk_é"]
)
def test_a_key_that_is_not_known_opens_nothing(house: House, key: str) -> None:
    entered = house.visitor.post("/sign-in", {"key": key})
    if entered.status == 303:
        entered = house.visitor.get(entered.headers["location"])
    assert entered.status == 401
    assert "not known" in entered.text
    assert key == "" or key not in entered.body
    assert house.visitor.get("/").status == 303


@pytest.mark.parametrize(
    "to", ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/\r\nx: y", "é"]
)
def test_who_signs_in_goes_on_nowhere_else(house: House, to: str) -> None:
    seen = house.enter("read").get("/sign-in", params={"to": to})
    assert (seen.status, seen.headers["location"]) == (303, "/")
    house.visitor.client.cookies.clear()
    entered = house.visitor.post("/sign-in", {"key": house.words["read"], "to": to})
    assert entered.headers["location"] == "/sign-in?tried=1&to=%2F"


def test_other_libraries_do_not_exist_for_a_key(house: House) -> None:
    visitor = house.enter("admin")
    assert "secret" not in visitor.get("/").body
    for method, path, _view in _VIEWS:
        if "{library}" in path:
            other, none = (
                visitor.ask(method, path.format(library=name, id=1), headers={"origin": HERE, "content-type": FORM},
                            content="success=yes" if method == "POST" else "")
                for name in ("secret", "nothing")
            )  # fmt: skip
            assert (other.status, none.status) == (404, 404), path
            assert other.text.replace("secret", "nothing") == none.text
    assert visitor.post("/libraries", {"name": "secret"}).status == 403
    assert "secret" in house.enter("admin-all").get("/").body


FORM = "application/x-www-form-urlencoded"
NEEDS: dict[str, Role] = {
    "/libraries/home/skills/1/outcomes": "write",
    "/libraries/home/skills/1/edit": "write",
    "/libraries/home/snapshots": "admin",
    "/libraries/home/compact": "admin",
    "/libraries/home/verify": "admin",
    "/libraries/home/skills/1/remove": "write",
}


@pytest.mark.parametrize("role", ROLES)
def test_a_page_offers_and_does_what_the_role_may(house: House, role: Role) -> None:
    visitor = house.enter(role)
    offered = {
        form["action"]
        for page in ("", "/skills/1", "/snapshots", "/similar")
        for form in visitor.get(f"/libraries/home{page}").all("form", method="post")
        if form["action"] != "/sign-out"
    }
    for path, needed in NEEDS.items():
        may = ROLES.index(role) >= ROLES.index(needed)
        if not path.endswith("/edit"):
            assert (path in offered) == may, path
        form = {
            "success": "yes",
            "name": "n",
            "actions": "a",
            "preconditions": "",
            "metadata": "",
            "expected": "0" * 32,
        }
        status = visitor.post(path, form).status
        assert (status != 403) == may, (path, status)


def test_a_cookie_alone_changes_nothing_over_the_api(house: House) -> None:
    visitor = house.enter("write")
    assert visitor.get("/v1/libraries/home").status == 200
    address = "/v1/libraries/home/skills/1/outcomes"
    assert visitor.ask("POST", address, json={"success": True}).status == 401
    assert visitor.ask("POST", address, json={"success": True}, headers={"origin": "http://evil.test"}).status == 403
    assert visitor.ask("POST", address, json={"success": True}, headers={"origin": HERE}).status == 200


def test_the_cookie_of_another_port_is_another_cookie() -> None:
    key = "sk_" + "0" * 12 + "_" + "A" * 43
    here, there = {b"host": b"127.0.0.1:1"}, {b"host": b"127.0.0.1:2"}
    sent = key_cookie(here, key).partition(b";")[0]
    assert key_in({**here, b"cookie": b"a=b; " + sent}) == key
    assert key_in({**there, b"cookie": sent}) is None
    assert key_in({**here, b"cookie": sent + b"\x00"}) is None
