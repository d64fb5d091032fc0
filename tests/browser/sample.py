"""Sample: what is looked at. A household's skills, made up, and the curves of a training that is in data/."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import httpx

HOSTILE = "<img src=x onerror=alert(1)>"
LIBRARY = "household"

SKILLS: list[dict[str, Any]] = [
    {
        "name": "make tea",
        "preconditions": {"room": "kitchen", "kettle.full": True, "guests": {"$interval": [1, 6]}},
        "action_sequence": ["switch on the kettle", "warm the pot", "pour", "wait four minutes"],
        "metadata": {"learned_in": "episode 12", "source": "watching"},
    },
    {
        "name": "make tea for one",
        "preconditions": {"room": "kitchen", "kettle.full": True, "guests": 0},
        "action_sequence": ["switch on the kettle", "pour", "wait four minutes"],
    },
    {
        "name": "fill the kettle",
        "preconditions": {"room": "kitchen", "kettle.full": False},
        "action_sequence": ["lift the lid", "open the tap", "close the tap"],
    },
    {
        "name": "fetch the door key",
        "preconditions": {"has_key": False, "room": {"$one_of": ["hall", "kitchen"]}},
        "action_sequence": ["go to the hook", "take the key"],
    },
    {
        "name": "open the front door",
        "preconditions": {"has_key": True, "room": "hall", "door.open": False},
        "action_sequence": [{"tool": "unlock", "arguments": {"door": "front"}}, "push"],
    },
    {
        "name": "open the back door",
        "preconditions": {"has_key": True, "room": "kitchen", "door.open": False},
        "action_sequence": [{"tool": "unlock", "arguments": {"door": "back"}}, "push"],
    },
    {"name": "call for help", "preconditions": {}, "action_sequence": ["dial", "say where"]},
    {
        "name": "water the plants",
        "preconditions": {"room": "balcony", "raining": False},
        "action_sequence": ["fill the can", "water each pot", "put the can back"],
    },
    {"name": HOSTILE, "preconditions": {HOSTILE: HOSTILE}, "action_sequence": [HOSTILE]},
]
USES = {1: "yyynyyyyynyyyyyy", 2: "yynyy", 3: "yyyyyyyy", 4: "ynnyyyyyyyyy", 5: "nnyyyyy", 6: "ny", 8: "y"}
_DATA = Path(__file__).parent.parent.parent / "data"
CURVES = {
    run: list(csv.DictReader((_DATA / file).open(encoding="utf-8", newline="")))
    for run, file in (("agent", "gridworld-curves.csv"), ("control", "gridworld-curves-control.csv"))
}
EPISODES = len(CURVES["agent"])


def fill(client: httpx.Client) -> None:
    """Put it all into a library of the server."""
    home = f"/v1/libraries/{LIBRARY}"
    _done(client.post("/v1/libraries", json={"name": LIBRARY}))
    _done(client.post(f"{home}/skills:batch", json={"skills": SKILLS}))
    for skill, uses in USES.items():
        for use in uses:
            _done(client.post(f"{home}/skills/{skill}/outcomes", json={"success": use == "y"}))
    for index in range(EPISODES):
        for run in ("agent", "control"):
            learn(client, run, index)


def learn(client: httpx.Client, run: str, index: int) -> None:
    """One more episode of a run, as an agent notes it; the last once more, where there are no more."""
    row = CURVES[run][min(index, EPISODES - 1)]
    whole = {name: int(row[name]) for name in ("steps", "skills", "uses")}
    learned = row["learned"].split("; ") if row["learned"] else []
    episode = {**whole, "index": index, "reward": float(row["reward"]), "success": row["success"] == "True",
               "learned": learned}  # fmt: skip
    _done(client.put(f"/v1/libraries/{LIBRARY}/notes/runs/{run}/{index:08d}", json=episode))


def _done(answer: httpx.Response) -> None:
    assert answer.is_success, answer.text
