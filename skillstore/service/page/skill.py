"""Skill: one, whole, with its neighbours; and what may be done with it."""

from __future__ import annotations

from typing import Any

from skillstore.errors import InvalidInputError
from skillstore.service.page import charts, entered, worded
from skillstore.service.page.asked import Answer, Asked, Elsewhere, Page
from skillstore.service.refusals import ChangedMeanwhileError, InvalidRequestError

_NEIGHBOURS = 6


def show(asked: Asked) -> Answer:
    """Everything that is known of it."""
    found = asked.run("get_skill", id=asked.id, embeddings=False)
    skill = found["skill"]
    uses = asked.service.uses.of(asked.library or "", asked.id, skill["times_used"])
    shown = {
        "skill": skill,
        "state": "\n".join(f"{name} = {word}" for name, word in _facts(skill["preconditions"])),
        "neighbours": asked.run("similar_skills", id=asked.id, k=_NEIGHBOURS)["similar"],
        "uses": uses[::-1],
        "since": asked.service.uses.since,
        "chart": charts.outcomes(uses),
    }
    return Page("skill.html", shown)


def edit(asked: Asked) -> Answer:
    """The form to replace it."""
    found = asked.run("get_skill", id=asked.id, embeddings=False)
    skill = found["skill"]
    written = {
        "name": skill["name"],
        "preconditions": worded.indented(skill["preconditions"]),
        "actions": _lines(skill["action_sequence"]),
        "metadata": worded.indented(skill["metadata"]),
    }
    return _form(asked, found["version"], written, None)


def replace(asked: Asked) -> Answer:
    """What the form says takes its place; what cannot be used is shown again, with the reason."""
    expected = asked.form.get("expected", "")
    try:
        asked.run("replace_skill", id=asked.id, expected=expected, skill=_skill(asked))
    except (InvalidInputError, ChangedMeanwhileError) as error:
        written = {name: asked.form.get(name, "") for name in ("name", "preconditions", "actions", "metadata")}
        return _form(asked, expected, written, str(error))
    return Elsewhere(f"{_place(asked)}?done=replaced")


def remove(asked: Asked) -> Answer:
    """Forget it; then go on where the form was."""
    asked.run("remove_skill", id=asked.id)
    back = "/similar" if asked.form.get("back") == "similar" else ""
    return Elsewhere(f"/libraries/{asked.library}{back}?done=removed")


def record(asked: Asked) -> Answer:
    """It was used, and succeeded or not."""
    words = {"yes": True, "no": False}
    if asked.form.get("success") not in words:
        raise InvalidRequestError([("success", "is yes or no")])
    asked.run("record_outcome", id=asked.id, success=words[asked.form["success"]])
    return Elsewhere(f"{_place(asked)}?done=outcome")


def _form(asked: Asked, version: str, written: dict[str, str], trouble: str | None) -> Answer:
    takes_text = asked.service.run("library_stats", {}, library=asked.library, caller=asked.caller)["takes_text"]
    shown = {"id": asked.id, "version": version, "written": written, "trouble": trouble, "takes_text": takes_text}
    return Page("edit.html", shown, 200 if trouble is None else 422)


def _skill(asked: Asked) -> dict[str, Any]:
    """The skill of the form. It keeps its embedding, unless a new one is to be made of its words."""
    form = asked.form
    skill: dict[str, Any] = {
        "name": form.get("name", ""),
        "preconditions": entered.mapping(form.get("preconditions", ""), "preconditions"),
        "action_sequence": entered.actions(form.get("actions", "")),
        "metadata": entered.mapping(form.get("metadata", ""), "metadata"),
    }
    if form.get("embedding") != "words":
        skill["embedding"] = asked.run("get_skill", id=asked.id)["skill"]["embedding"]
    return skill


def _facts(preconditions: dict[str, Any]) -> list[tuple[str, str]]:
    """A state in which the skill applies, as it is written into a form."""
    return [(name, worded.fitting(condition)) for name, condition in worded.flat(preconditions)]


def _lines(actions: Any) -> str:
    if type(actions) is list and all(type(action) is str and _plain(action) for action in actions):
        return "\n".join(actions)
    return worded.indented(actions)


def _plain(action: str) -> bool:
    """Whether it comes back as it is from a line of its own."""
    return action == action.strip() and len(action.splitlines()) == 1 and action[0] not in "[{"


def _place(asked: Asked) -> str:
    return f"/libraries/{asked.library}/skills/{asked.id}"
