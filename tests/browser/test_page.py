"""The page in a real browser: every view, light and dark, wide and narrow, with the keyboard, and without a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skillstore.service.keys import Keys
from tests.browser.sample import EPISODES, HOSTILE, LIBRARY, SKILLS, learn
from tests.service.started import SKILL, Started

HOME = f"/libraries/{LIBRARY}"
STATE = "room%20%3D%20kitchen%0Akettle.full%20%3D%20true%0Aguests%20%3D%202"
VIEWS = (
    "/", HOME, f"{HOME}?order=last_use", f"{HOME}?q=nothing", f"{HOME}/skills/1", f"{HOME}/skills/5",
    f"{HOME}/skills/9",
    f"{HOME}/skills/5/edit", f"{HOME}/applies", f"{HOME}/applies?state={STATE}&text=tea", f"{HOME}/similar?level=0.8",
    f"{HOME}/learning", f"{HOME}/snapshots",
)  # fmt: skip

Opened = Callable[..., Any]

CONTRASTS = """() => {
  const lightness = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const colour = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0.99) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const words = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join("");
    if (!words || /^[→/]$/.test(words) || !element.getClientRects().length || element.closest("svg, .skip")) continue;
    const [one, other] = [colour(getComputedStyle(element).color), behind(element)].map(lightness).sort().reverse();
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) poor.push(`${words.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_can_be_read_in_any_light_and_width(opened: Opened, scheme: str, width: int) -> None:
    page = opened("/", color_scheme=scheme, viewport={"width": width, "height": 800})
    for view in VIEWS:
        page.goto(view)
        assert page.locator("h1").count() == 1, view
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert page.evaluate(CONTRASTS) == [], view
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, paper[4:-1].split(","))) < 60) == (scheme == "dark"), view


def test_the_list_answers_while_one_types(opened: Opened) -> None:
    page = opened(HOME)
    assert page.locator(".rows > li").count() == len(SKILLS)
    page.evaluate("window.same = true")
    page.keyboard.press("/")
    page.keyboard.type("tea")
    page.locator("#count", has_text="2 skills of 9").wait_for()
    assert page.locator(".rows > li").count() == 2
    assert page.url.endswith("?q=tea&fact=&order=newest")
    page.locator("#q").fill("")
    page.get_by_label("Fact").select_option("has_key")
    page.locator("#count", has_text="3 skills of 9").wait_for()
    page.get_by_label("Order").select_option("success")
    page.locator(".rows > li:first-child .name", has_text="fetch the door key").wait_for()
    assert page.evaluate("window.same")
    page.reload()
    assert page.locator(".rows > li").count() == 3


def test_all_can_be_reached_with_the_keyboard_and_is_seen_to_be(opened: Opened) -> None:
    page = opened(f"{HOME}/skills/7")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        words, outline = page.evaluate(
            "() => { const at = document.activeElement; const style = getComputedStyle(at);"
            " return [at.innerText || at.name || '', style.outlineStyle + style.outlineWidth]; }"
        )
        if words == "it succeeded":
            break
        assert outline == "solid2px", words
        reached.append(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**?done=outcome")
    assert "The use was recorded." in page.locator("main").inner_text()
    assert "100 % of 1 use" in page.locator(".lead").inner_text().replace("\u202f", " ")
    assert page.locator(".strip rect.good").count() == 1


def test_a_state_is_asked_about(opened: Opened) -> None:
    page = opened(HOME)
    page.get_by_role("link", name="What applies?").click()
    page.get_by_label("State").fill("room = kitchen\nhas_key = true\ndoor.open = false")
    page.get_by_label("Looking for").fill("the door")
    page.get_by_role("button", name="Ask").click()
    yes, no = page.locator("#answer section").all()
    assert yes.locator(".name").all_inner_texts()[0] == "open the back door"
    assert "room must be hall, is kitchen" in no.inner_text()
    page.get_by_label("State").fill("room")
    page.get_by_role("button", name="Ask").click()
    assert "line 1" in page.get_by_role("alert").inner_text()


def test_curves_grow_while_one_looks(opened: Opened, server: Started) -> None:
    page = opened(f"{HOME}/learning")
    assert page.locator("figure.chart").count() == 4
    page.wait_for_timeout(2_500)  # nothing new: nothing happens
    assert f"agent {EPISODES} episodes" in page.locator(".legend").inner_text()
    learn(server.client, "agent", EPISODES)
    page.locator(".legend", has_text=f"agent {EPISODES + 1} episodes").wait_for()
    server.client.delete(f"/v1/libraries/{LIBRARY}/notes/runs/agent/{EPISODES:08d}")
    page.locator(".legend", has_text=f"agent {EPISODES} episodes").wait_for()


def test_a_hostile_skill_is_only_words(opened: Opened) -> None:
    page = opened(f"{HOME}/skills/9")
    assert page.locator("h1").inner_text() == HOSTILE
    for view in (HOME, f"{HOME}/skills/9/edit", f"{HOME}/applies?state=&k=20"):
        page.goto(view)
        assert HOSTILE in page.locator("main").inner_html().replace("&lt;", "<").replace("&gt;", ">")
        assert page.locator("img").count() == 0


def test_it_works_without_a_script(opened: Opened) -> None:
    page = opened(HOME, java_script_enabled=False)
    page.get_by_label("Search").fill("door")
    page.get_by_role("button", name="Show").click()
    assert page.locator(".rows > li").count() == 3
    page.get_by_role("link", name="open the back door").click()
    before = page.locator(".strip rect").count()
    page.get_by_role("button", name="it failed").click()
    assert page.locator(".strip rect").count() == before + 1
    page.get_by_role("link", name="Learning").click()
    assert page.locator("figure.chart").count() == 4


def test_a_skill_is_replaced_and_removed(opened: Opened, server: Started) -> None:
    made = server.client.post(f"/v1/libraries/{LIBRARY}/skills", json=SKILL).json()["id"]
    page = opened(f"{HOME}/skills/{made}")
    page.get_by_role("link", name="Replace it").click()
    page.get_by_label("Preconditions").fill("{")
    page.get_by_role("button", name="Replace").click()
    assert "JSON" in page.get_by_role("alert").inner_text()
    page.get_by_label("Preconditions").fill('{"has_key": null}')
    page.get_by_role("button", name="Replace").click()
    page.wait_for_url("**?done=replaced")
    assert "nothing" in page.locator(".facts").first.inner_text()
    page.get_by_text("Remove it").click()
    page.get_by_role("button", name="Remove for good").click()
    page.wait_for_url("**?done=removed")
    assert server.client.get(f"/v1/libraries/{LIBRARY}/skills/{made}").status_code == 404


def test_a_library_is_carried_away(opened: Opened, server: Started) -> None:
    page = opened(f"{HOME}/snapshots")
    page.get_by_role("button", name="Take a snapshot").click()
    assert "Nothing was changed since" in page.locator("main").inner_text()
    page.get_by_role("button", name="Verify every byte").click()
    assert "is what was written" in page.get_by_role("status").inner_text()
    with page.expect_download() as exported:
        page.get_by_role("link", name="Export").click()
    words = Path(exported.value.path()).read_text()
    assert words == server.client.get(f"/v1/libraries/{LIBRARY}/export").text
    with page.expect_download() as backed_up:
        page.get_by_role("link", name="Backup").click()
    assert backed_up.value.suggested_filename == f"{LIBRARY}.backup"


def test_a_key_is_entered_once(opened: Opened, tmp_path: Path) -> None:
    _, words = Keys(tmp_path / "all").add("reader", "read", None)
    with Started(tmp_path / "all", "--quiet") as started:
        page = opened("/", started.address)
        page.get_by_label("Key").fill(words)
        page.get_by_role("button", name="Sign in").click()
        assert "No library yet" in page.locator("main").inner_text()
        assert page.get_by_text("New library").count() == 0
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        page.goto("/")
        assert page.get_by_label("Key").count() == 1
