"""Sample: what is looked at. A household's skills, learned by two runs."""

from __future__ import annotations

import math
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
EPISODES = 60


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
    """One more episode of a run, as an agent notes it."""
    clever = run == "agent"
    steps = round(70 * math.exp(-index / 12) + 12 if clever else 70 + 6 * math.sin(index))
    learned = [skill["name"] for skill in SKILLS[: len(SKILLS) - 1] if clever and SKILLS.index(skill) * 4 == index]
    episode = {
        "index": index, "reward": round(20 - steps / 5, 3), "steps": steps, "success": clever or index % 4 > 0,
        "skills": min(8, 1 + index // 4) if clever else 0, "uses": index if clever else 0, "learned": learned,
    }  # fmt: skip
    _done(client.put(f"/v1/libraries/{LIBRARY}/notes/runs/{run}/{index:08d}", json=episode))


def _done(answer: httpx.Response) -> None:
    assert answer.is_success, answer.text
