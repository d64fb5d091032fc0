"""The page: what it shows, and that whatever is stored is only ever shown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from skillstore.service.page.routes import _VIEWS
from skillstore.service.service import Service
from tests.service.visitor import FORM, HERE, Visitor

KEY = {"name": "acquire key", "preconditions": {"has_key": False}, "action_sequence": ["right", "pickup"]}
DOOR = {"name": "open door", "preconditions": {"has_key": True}, "action_sequence": [{"tool": "push", "args": [1]}]}
NEAR = {
    "name": "near",
    "preconditions": {
        "distance": {"$interval": [0, 3]},
        "room": {"$one_of": ["hall", "attic"]},
        "door": {"$facts": {"open": True}},
    },
    "action_sequence": ["walk"],
}
EPISODE = {"index": 0, "reward": 1.5, "steps": 9, "success": True, "skills": 2, "uses": 1, "learned": ["walk"]}
HOSTILE = "<x-evil onclick=alert(1)>'\"&lt;{{7*7}}</x-evil>\u202e"
PAGES = (
    "/", "/libraries/home", "/libraries/home?order=success", "/libraries/home?order=last_use",
    "/libraries/home/skills/1", "/libraries/home/skills/1/edit", "/libraries/home/applies",
    "/libraries/home/applies?state=has_key%3Dfalse", "/libraries/home/similar?level=0.8", "/libraries/home/learning",
    "/libraries/home/snapshots",
)  # fmt: skip


def add(service: Service, *skills: dict[str, Any], library: str = "home") -> list[int]:
    return [service.run("add_skill", {"skill": skill}, library=library)["id"] for skill in skills]


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Visitor]:
    with Service(tmp_path / "all") as service:
        service.run("create_library", {"name": "home"})
        came = Visitor(service)
        yield came
        came.leave()


@pytest.fixture
def full(visitor: Visitor) -> Visitor:
    add(visitor.service, KEY, DOOR, NEAR)
    for index in range(3):
        for name in ("agent", "control"):
            note = {"key": f"runs/{name}/{index:08d}", "value": {**EPISODE, "index": index}}
            visitor.service.run("set_note", note, library="home")
    return visitor


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_elsewhere_and_runs_only_scripts_that_lie_here(full: Visitor, path: str) -> None:
    seen = full.get(path)
    assert seen.status == 200
    policy = seen.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "no-store" in seen.headers["cache-control"]
    for tag, has in seen.elements:
        assert not [name for name in has if name.startswith("on") or name == "style"], (tag, has)
        assert tag != "script" or has["src"]
        assert tag != "style"
        for name in ("src", "href", "action", "hx-get"):
            assert (has.get(name) or "/").startswith(("/", "?", "#")), (tag, has)
            assert not (has.get(name) or "/").startswith("//"), (tag, has)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_used_without_eyes_or_a_mouse(full: Visitor, path: str) -> None:
    seen = full.get(path)
    assert seen.elements[0][0] == "html"
    assert seen.all("html", lang="en")
    assert seen.all("a", class_="skip", href="#main")
    assert seen.all("main", id="main")
    assert sum(tag == "h1" for tag, _ in seen.elements) == 1
    ids = [has["id"] for _, has in seen.elements if "id" in has]
    assert len(ids) == len(set(ids))
    fields = [has for tag in ("input", "select", "textarea") for has in seen.all(tag) if has.get("type") != "hidden"]
    labels = sum(tag == "label" for tag, _ in seen.elements)
    assert len(fields) == labels
    assert all(has.get("aria-label") or has.get("aria-hidden") for has in seen.all("svg"))


def test_whatever_is_stored_is_shown_as_text(visitor: Visitor) -> None:
    skill = {
        "name": HOSTILE,
        "preconditions": {HOSTILE: HOSTILE, "set": {"$one_of": [HOSTILE]}, "deep": {"$facts": {HOSTILE: True}}},
        "action_sequence": [HOSTILE, {HOSTILE: HOSTILE}],
        "metadata": {HOSTILE: HOSTILE, "list": [HOSTILE]},
        "embedding": [1.0] * 256,
    }
    add(visitor.service, skill, {**skill, "preconditions": {HOSTILE: True}})
    visitor.service.run("set_note", {"key": f"runs/{HOSTILE}/00000000", "value": {**EPISODE, "learned": [HOSTILE]}},
                        library="home")  # fmt: skip
    visitor.service.run("record_outcome", {"id": 1, "success": True}, library="home")
    query = urlencode({"q": "<x-evil", "fact": HOSTILE, "order": HOSTILE, "from": HOSTILE, "done": HOSTILE,
                       "state": f"{HOSTILE} = {HOSTILE}", "k": HOSTILE, "level": HOSTILE, "after": HOSTILE,
                       "seen": HOSTILE, "to": HOSTILE})  # fmt: skip
    shown = 0
    for path in PAGES:
        for address in (path, f"{path.partition('?')[0]}?{query}"):
            seen = visitor.get(address)
            assert seen.status < 500, address
            assert not [tag for tag, has in seen.elements if tag == "x-evil" or "onclick" in has], address
            assert "49" not in seen.text, address
            shown += "<x-evil onclick=alert(1)>" in seen.text
    assert shown > 10


def test_each_view_needs_only_what_the_address_says(full: Visitor) -> None:
    for method, path, _view in _VIEWS:
        address = path.format(library="nowhere", id=1)
        seen = full.get(address) if method == "GET" else full.post(address, {"success": "yes"})
        assert seen.status == (404 if "{library}" in path else 200 if method == "GET" else 422), path


@pytest.mark.parametrize("skill", ["0", "-1", "x", "1.0", "9" * 30, "9" * 18, "%00", "²", "1%2F2", "77"])
def test_what_is_no_skill_is_not_found(full: Visitor, skill: str) -> None:
    for ending in ("", "/edit"):
        assert full.get(f"/libraries/home/skills/{skill}{ending}").status in (400, 404)


@pytest.mark.parametrize(
    "query",
    ["q=" + "x" * 201, "fact=" + "x" * 1001, "q=%FF", "a=1&" * 51, "state=" + "x%3D1%0A" * 8_000],
)
def test_a_query_that_is_too_much_is_refused_as_a_page(full: Visitor, query: str) -> None:
    for path in ("/libraries/home", "/libraries/home/applies"):
        seen = full.get(f"{path}?{query}")
        assert seen.status in (200, 400, 422)
        assert seen.all("main", id="main")
    assert any(full.get(f"{path}?{query}").status != 200 for path in ("/libraries/home", "/libraries/home/applies"))


@pytest.mark.damages
def test_libraries_come_with_their_figures_and_those_that_cannot_be_opened_with_the_reason(full: Visitor) -> None:
    broken = full.service.libraries.directory / "broken"
    broken.mkdir()
    (broken / "MANIFEST").write_bytes(b"nothing of the kind")
    seen = full.get("/")
    assert "3 skills" in seen.text
    assert "It cannot be opened" in seen.text
    assert str(full.service.libraries.directory) not in seen.body


def test_a_library_can_be_made(visitor: Visitor) -> None:
    once = visitor.get("/").field("once")
    for _ in range(2):
        made = visitor.post("/libraries", {"name": "new-one", "embedding_dim": "", "once": once})
        assert (made.status, made.headers["location"]) == (303, "/libraries/new-one?done=created")
    assert "Nothing learned yet" in visitor.get("/libraries/new-one?done=created").text
    assert visitor.post("/libraries", {"name": "../up"}).status == 422
    assert visitor.post("/libraries", {"name": "x", "embedding_dim": "many"}).status == 422
    assert visitor.service.libraries.names() == ["home", "new-one"]


def test_skills_are_searched_filtered_and_sorted(full: Visitor) -> None:
    skill = "/libraries/home/skills/"
    full.service.run("record_outcome", {"id": 1, "success": False}, library="home")
    full.service.run("record_outcome", {"id": 2, "success": True}, library="home")
    full.service.run("record_outcome", {"id": 1, "success": False}, library="home")
    for query, ids in {
        "": [3, 2, 1], "order=oldest": [1, 2, 3], "order=success": [2, 3, 1], "order=use": [1, 2, 3],
        "order=last_use": [1, 2], "order=name": [1, 3, 2], "q=OPEN": [2], "q=nobody": [], "fact=has_key": [2, 1],
        "fact=door.open": [3], "fact=has_key&q=key": [1], "order=last_use&q=door": [2], "from=2": [1],
    }.items():  # fmt: skip
        assert full.get(f"/libraries/home?{query}").names() == [f"{skill}{each}" for each in ids], query
    assert "just now" in full.get("/libraries/home").text


def test_pages_lead_through_all_skills_each_once(visitor: Visitor) -> None:
    many = [{**KEY, "name": f"skill {n}", "preconditions": {"n": n}} for n in range(120)]
    visitor.service.run("add_skills", {"skills": many}, library="home")
    found: list[str] = []
    address: str | None = "/libraries/home?order=oldest&fact=n"
    while address:
        seen = visitor.get(address)
        found += seen.names()
        later = [a["href"] for a in seen.all("a") if (a["href"] or "").startswith("?") and "Next" in seen.text]
        address = f"/libraries/home{later[-1]}" if later else None
    assert found == [f"/libraries/home/skills/{n}" for n in range(1, 121)]


def test_a_skill_is_shown_whole(full: Visitor) -> None:
    seen = full.get("/libraries/home/skills/3").text
    for words in ("distance 0 to 3", "room hall or attic", "door.open true", "walk", "never used", "open door"):
        assert words in seen
    assert '"tool": "push"' in full.get("/libraries/home/skills/2").text


def test_what_else_applies_asks_with_a_state_in_which_the_skill_applies(full: Visitor) -> None:
    for skill in (1, 2, 3):
        link = next(
            a["href"] for a in full.get(f"/libraries/home/skills/{skill}").all("a") if "state=" in str(a["href"])
        )
        assert f"/libraries/home/skills/{skill}" in full.get(str(link)).body.partition('id="h-no"')[0]


def test_a_use_is_recorded_and_the_same_form_counts_once(full: Visitor) -> None:
    once = full.get("/libraries/home/skills/1").field("once")
    for _ in range(2):
        done = full.post("/libraries/home/skills/1/outcomes", {"success": "yes", "once": once})
        assert "The last use succeeded" in full.get("/libraries/home/skills/1").text
        assert (done.status, done.headers["location"]) == (303, "/libraries/home/skills/1?done=outcome")
    assert full.post("/libraries/home/skills/1/outcomes", {"success": "no"}).status == 303
    assert full.post("/libraries/home/skills/1/outcomes", {"success": "perhaps"}).status == 422
    seen = full.get("/libraries/home/skills/1?done=outcome")
    assert "50\u202f% of 2 uses" in seen.body.replace("</span>", "").replace('<span class="soft">', "")
    assert "1 of the last 2 uses succeeded" in seen.text
    assert "The use was recorded." in seen.text


def test_a_skill_is_replaced_and_keeps_its_embedding(full: Visitor) -> None:
    before = full.service.run("get_skill", {"id": 1}, library="home")["skill"]
    form = full.get("/libraries/home/skills/1/edit")
    given = {"name": "fetch key", "preconditions": '{"has_key": null}', "actions": "left\npickup", "metadata": "",
             "expected": form.field("expected"), "once": form.field("once")}  # fmt: skip
    assert full.post("/libraries/home/skills/1/edit", given).status == 303
    after = full.service.run("get_skill", {"id": 1}, library="home")["skill"]
    assert (after["name"], after["preconditions"], after["action_sequence"]) == (
        "fetch key", {"has_key": None}, ["left", "pickup"])  # fmt: skip
    assert after["embedding"] == before["embedding"]
    again = full.post("/libraries/home/skills/1/edit", {**given, "name": "stale", "once": "another"})
    assert again.status == 422
    assert again.field("name") == "stale"
    form = full.get("/libraries/home/skills/1/edit")
    words = {**given, "embedding": "words", "expected": form.field("expected"), "once": form.field("once")}
    assert full.post("/libraries/home/skills/1/edit", words).status == 303
    assert full.service.run("get_skill", {"id": 1}, library="home")["skill"]["embedding"] != before["embedding"]


@pytest.mark.parametrize(
    "wrong",
    [{"preconditions": "["}, {"preconditions": "[]"}, {"preconditions": '{"a": NaN}'}, {"actions": ""},
     {"actions": "[1"}, {"metadata": "7"}, {"name": " "}, {"preconditions": "{" * 5000}, {"expected": "x"}],
)  # fmt: skip
def test_what_cannot_replace_a_skill_is_shown_again_with_the_reason(full: Visitor, wrong: dict[str, str]) -> None:
    form = full.get("/libraries/home/skills/1/edit")
    given = {"name": "n", "preconditions": "{}", "actions": "a", "metadata": "", "expected": form.field("expected")}
    seen = full.post("/libraries/home/skills/1/edit", {**given, **wrong})
    assert seen.status == 422
    assert seen.all("p", role="alert")
    assert full.service.run("get_skill", {"id": 1}, library="home")["skill"]["name"] == "acquire key"


def test_the_form_of_a_skill_gives_back_what_is_there(full: Visitor) -> None:
    for skill in (1, 2, 3):
        before = full.service.run("get_skill", {"id": skill}, library="home")["skill"]
        seen = full.get(f"/libraries/home/skills/{skill}/edit")
        areas = _areas(seen.body)
        form = {"name": seen.field("name"), "expected": seen.field("expected"), **areas}
        assert full.post(f"/libraries/home/skills/{skill}/edit", form).status == 303
        assert full.service.run("get_skill", {"id": skill}, library="home")["skill"] == before


def _areas(body: str) -> dict[str, str]:
    found = re.findall(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', body, re.DOTALL)
    return {name: html.unescape(text) for name, text in found}


def test_a_skill_is_removed_for_good(full: Visitor) -> None:
    assert full.post("/libraries/home/skills/1/remove").headers["location"] == "/libraries/home?done=removed"
    back = full.post("/libraries/home/skills/2/remove", {"back": "similar"}).headers["location"]
    assert back == "/libraries/home/similar?done=removed"
    assert full.get("/libraries/home").names() == ["/libraries/home/skills/3"]
    assert full.post("/libraries/home/skills/1/remove").status == 404


def test_a_state_is_entered_as_lines_or_as_json(full: Visitor) -> None:
    for state in ("has_key = false", "has_key: False\n", '{"has_key": false}', '"has_key": false,', "has_key=FALSE"):
        seen = full.get(f"/libraries/home/applies?{urlencode({'state': state})}")
        assert seen.names()[0] == "/libraries/home/skills/1", state
        assert "has_key must be true, is false" in seen.text
        assert "distance must be 0 to 3, is unknown" in seen.text
    assert "No skill applies" in full.get("/libraries/home/applies?state=").text
    words = full.get(f"/libraries/home/applies?{urlencode({'state': 'has_key=true', 'text': 'open door'})}")
    assert "similarity" in words.text


@pytest.mark.parametrize(
    "state",
    ["has_key", "= 1", "a = 1\na = 2", "a == 1", "a = NaN", "a = [1", "{", '{"a": NaN}', '{"a": 1, "a": 2', "[1]"],
)
def test_a_state_that_cannot_be_read_is_shown_again_with_the_reason(full: Visitor, state: str) -> None:
    seen = full.get(f"/libraries/home/applies?{urlencode({'state': state})}")
    assert seen.status == 422
    assert seen.all("p", role="alert")
    assert _areas(seen.body)["state"] == state


def test_duplicates_are_pairs_of_the_same_kind_whatever_their_preconditions(visitor: Visitor) -> None:
    twin = {**KEY, "text": "fetch it"}
    add(visitor.service, twin, {**twin, "preconditions": {"has_key": False, "room": 3}}, {**DOOR, "text": "quite else"})
    seen = visitor.get("/libraries/home/similar?level=0.99")
    assert seen.names() == ["/libraries/home/skills/1", "/libraries/home/skills/2"]
    assert "1.000 different preconditions" in seen.text
    assert len(seen.all("li", class_="marked")) == 1
    visitor.service.run("remove_skill", {"id": 2}, library="home")
    assert "No two skills are that similar" in visitor.get("/libraries/home/similar?level=0.99").text


def test_curves_grow_with_the_notes_of_a_run(full: Visitor) -> None:
    seen = full.get("/libraries/home/learning")
    assert len(seen.all("figure", class_="chart")) == 4
    assert "agent 3 episodes" in seen.text
    poll = str(seen.all("div", id="curves")[0]["hx-get"])
    assert full.get(poll).status == 204
    full.service.run("set_note", {"key": "runs/agent/00000003", "value": {**EPISODE, "index": 3}}, library="home")
    grown = full.get(poll)
    assert grown.status == 200
    assert "agent 4 episodes" in grown.text


@pytest.mark.parametrize("value", [None, 7, "text", {}, {**EPISODE, "steps": "9"}, {**EPISODE, "reward": True}])
def test_notes_of_another_form_are_left_out(visitor: Visitor, value: Any) -> None:
    for key in ("runs/agent/00000000", "runs//00000000", "runs/agent/x", "runs/agent", "runs/"):
        visitor.service.run("set_note", {"key": key, "value": value}, library="home")
    seen = visitor.get("/libraries/home/learning")
    assert seen.status == 200
    assert "No training run" in seen.text


def test_snapshots_say_what_changed_since(full: Visitor) -> None:
    assert "3 skills added" in full.get("/libraries/home/snapshots").text
    assert full.post("/libraries/home/snapshots").status == 303
    assert "Nothing was changed since this snapshot" in full.get("/libraries/home/snapshots").text
    full.service.run("record_outcome", {"id": 1, "success": True}, library="home")
    assert "1 outcome recorded" in full.get("/libraries/home/snapshots?done=snapshot").text
    assert full.post("/libraries/home/compact").headers["location"].endswith("?done=compacted")
    assert full.post("/libraries/home/verify").headers["location"].endswith("?done=verified")


@pytest.mark.damages
def test_damage_is_shown_as_what_it_is(full: Visitor) -> None:
    full.service.run("snapshot", {}, library="home")
    for file in (full.service.libraries.directory / "home").glob("segment-*"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    seen = full.post("/libraries/home/verify")
    assert seen.status == 500
    assert "damaged" in seen.text
    assert str(full.service.libraries.directory) not in seen.body


def test_files_are_kept_for_good_and_nothing_else_is_handed_out(visitor: Visitor) -> None:
    seen = visitor.get("/")
    for address in [str(has.get("src") or has.get("href")) for tag, has in seen.elements if tag in ("script", "link")]:
        file = visitor.get(address)
        assert file.status == 200
        assert "immutable" in file.headers["cache-control"]
    for name in ("", "..%2frendering.py", "htmx.LICENSE", "nothing.js", "%00"):
        assert visitor.get(f"/assets/{name}").status in (400, 404)


def test_a_form_from_elsewhere_changes_nothing(full: Visitor) -> None:
    path, kind = "/libraries/home/skills/1/remove", FORM
    sent = [
        ({"content-type": kind}, 403),
        ({"content-type": kind, "origin": "null"}, 403),
        ({"content-type": kind, "origin": "http://evil.test"}, 403),
        ({"content-type": kind, "origin": HERE + ".evil.test"}, 403),
        ({"content-type": kind, "origin": HERE, "host": "evil.test"}, 421),
        ({"content-type": "text/plain", "origin": HERE}, 415),
        ({"content-type": "multipart/form-data; boundary=x", "origin": HERE}, 415),
        ({"origin": HERE}, 415),
    ]
    for headers, status in sent:
        assert full.ask("POST", path, content=b"", headers=headers).status == status, headers
    assert full.post(path, {"a": "x" * 2**20}).status == 413
    assert full.get("/libraries/home/skills/1").status == 200
    assert full.get(path).status == 405
