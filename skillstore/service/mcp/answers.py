"""Answers: what a tool hands back, twice: as data, of the shapes here, and as few words that say the same.

Agents pay for every word. So an answer has what is needed to act: ids, steps, how similar, how reliable. `verbose` adds
preconditions and metadata, and leaves nothing out.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pydantic import ConfigDict

from skillstore.service import fields, replies
from skillstore.service.skill_md import condition, line, step, steps_of

MAX_STEPS = 4_000
"""Characters of JSON of one skill's steps in an answer that is not verbose; what is beyond is left out."""
_WORDS = 300  # characters of one skill's steps in words
_TITLE = 100
_ONCE = ("used once, in vain", "worked the one time it was used")


class Answer(NamedTuple):
    """`data`, plain JSON, and `words`."""

    data: dict[str, Any]
    words: str


class Shown(replies.Reply):
    """A skill. `steps`: how many actions it has, of which `action_sequence` may show the first only."""

    id: fields.SkillId
    name: str
    steps: int
    action_sequence: fields.Actions
    times_used: fields.Count
    success_count: fields.Count
    preconditions: fields.Preconditions | None = None
    metadata: dict[str, Any] | None = None
    times_learned: fields.Count | None = None


class Match(Shown):
    """A skill that applies."""

    similarity: fields.Cosine = None


class NearMiss(Match):
    """A skill that does not apply, and each fact because of which."""

    unmet: dict[str, replies.Unmet]


class Retrieved(replies.Reply):
    """`matches`: best first. Where there is none, `nearest`: the best that do not apply. `exact`: as a full scan."""

    library: str
    matches: list[Match]
    nearest: list[NearMiss]
    exact: bool


class Missed(replies.Reply):
    """Nearest first."""

    library: str
    near_misses: list[NearMiss]


class Holdings(replies.Reply):
    """What a library holds; `verbose` tells more."""

    model_config = ConfigDict(extra="allow", strict=True)

    library: str
    total_skills: int
    total_uses: int
    total_successes: int
    avg_success_rate: float
    embedding_dim: int
    encoder: str | None
    takes_text: bool


def retrieved(
    library: str, reply: dict[str, Any], missed: list[dict[str, Any]], total: int | None, verbose: bool
) -> Answer:
    """`missed` and `total`, how many skills there are, only where there is no match."""
    matches = [_match(match, verbose) for match in reply["matches"]]
    nearest = [_miss(miss, verbose) for miss in missed]
    data = {"library": library, "matches": matches, "nearest": nearest, "exact": reply["exact"]}
    if matches:
        return Answer(data, f"{_number(len(matches))} of {library}, best first:\n" + "\n".join(map(_line, matches)))
    if total == 0:
        return Answer(data, f"No skill applies: {library} has none yet. add_skill keeps one that worked.")
    if not nearest:
        return Answer(data, "No skill that applies is that similar; lower min_similarity, or leave it out.")
    return Answer(data, "No skill applies in this state. Nearest that do not apply:\n" + "\n".join(map(_why, nearest)))


def missed(library: str, reply: dict[str, Any], verbose: bool) -> Answer:
    misses = [_miss(miss, verbose) for miss in reply["near_misses"]]
    data = {"library": library, "near_misses": misses}
    if not misses:
        return Answer(data, f"Every skill of {library} applies in this state, or it has none.")
    return Answer(data, "These do not apply in this state, nearest first:\n" + "\n".join(map(_why, misses)))


def one(reply: dict[str, Any]) -> Answer:
    skill = reply["skill"]
    needs = [f"{line(fact)} {condition(required)}" for fact, required in skill["preconditions"].items()]
    steps = [f"{number}. {step(action)}" for number, action in enumerate(steps_of(skill["action_sequence"]), start=1)]
    return Answer(
        reply,
        f"{_head(skill)}\nApplies when: {' and '.join(needs) or 'always'}\n" + "\n".join(steps),
    )


def added(reply: dict[str, Any]) -> Answer:
    data = {name: reply[name] for name in ("id", "created", "similarity")}
    if reply["created"]:
        return Answer(data, f"Kept as skill {reply['id']}.")
    return Answer(
        data,
        f"Nothing new: skill {reply['id']} is nearly the same (similarity {reply['similarity']:.3f}) and was kept as "
        "it is; its times_learned grew by one.",
    )


def recorded(reply: dict[str, Any]) -> Answer:
    return Answer(reply, f"Recorded: skill {reply['id']} {_fared(reply)}.")


def removed(reply: dict[str, Any]) -> Answer:
    return Answer(reply, f"Skill {reply['id']} is gone for good; its id is not given again.")


def holdings(library: str, reply: dict[str, Any], verbose: bool) -> Answer:
    known = Holdings.model_fields
    data = {"library": library, **{name: value for name, value in reply.items() if verbose or name in known}}
    takes = "texts or embeddings" if reply["takes_text"] else "embeddings only"
    return Answer(
        data,
        f"{library}: {_number(reply['total_skills'])}, used {_times(reply['total_uses'])} in all, "
        f"{reply['total_successes']} of them with success. Ask with {takes} "
        f"({reply['embedding_dim']} numbers, encoder {reply['encoder'] or 'not said'}).",
    )


def libraries(reply: dict[str, Any]) -> Answer:
    lines = [f"- {one['name']}: {one['problem'] or _number(one['total_skills'])}" for one in reply["libraries"]]
    more = f"\nMore follow after {reply['next']}." if reply["next"] is not None else ""
    return Answer(reply, ("\n".join(lines) or "There is no library yet.") + more)


def _match(match: dict[str, Any], verbose: bool) -> dict[str, Any]:
    return {"similarity": match["similarity"], **_shown(match["skill"], verbose)}


def _miss(miss: dict[str, Any], verbose: bool) -> dict[str, Any]:
    return {**_match(miss, verbose), "unmet": miss["unmet"]}


def _shown(skill: dict[str, Any], verbose: bool) -> dict[str, Any]:
    steps = len(steps_of(skill["action_sequence"]))
    if verbose:
        return {"steps": steps, **skill}
    kept = {name: skill[name] for name in ("id", "name", "times_used", "success_count")}
    return {**kept, "steps": steps, "action_sequence": _first(skill["action_sequence"])}


def _first(actions: Any) -> Any:
    room, kept = MAX_STEPS, []
    for action in steps_of(actions):
        room -= len(json.dumps(action, ensure_ascii=False))
        if room < 0:
            break
        kept.append(action)
    return {"$tuple": kept} if type(actions) is dict else kept


def _line(shown: dict[str, Any]) -> str:
    similarity = shown["similarity"]
    near = "" if similarity is None else f"similarity {similarity:.2f}, "
    return f"- {_head(shown, near)}: {_steps(shown)}"


def _why(shown: dict[str, Any]) -> str:
    reasons = [
        f"{line(fact)} {condition(unmet['required'])} (the state: {_value(unmet['state'])})"
        for fact, unmet in list(shown["unmet"].items())[:5]
    ]
    more = f" and {len(shown['unmet']) - 5} more facts" if len(shown["unmet"]) > 5 else ""
    return f"- {_head(shown)} would need: {_cut(', '.join(reasons), 1_000)}{more}"


def _head(skill: dict[str, Any], near: str = "") -> str:
    return f"#{skill['id']} {_cut(line(skill['name']), _TITLE)} ({near}{_fared(skill)})"


def _fared(counts: dict[str, Any]) -> str:
    used = counts["times_used"]
    if not used:
        return "not used yet"
    return f"worked {counts['success_count']} of {used} times" if used > 1 else _ONCE[counts["success_count"]]


def _steps(shown: dict[str, Any]) -> str:
    kept = steps_of(shown["action_sequence"])
    words = _cut("; ".join(step(action) for action in kept), _WORDS)
    left = shown["steps"] - len(kept)
    return f"{words} [{left} of {shown['steps']} steps left out: get_skill]" if left else words


def _value(value: Any) -> str:
    return "not given" if value is None else _cut(json.dumps(value, ensure_ascii=False), 100)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _times(count: int) -> str:
    return "1 time" if count == 1 else f"{count} times"


def _number(count: int) -> str:
    return "1 skill" if count == 1 else f"{count} skills"
