"""Examples: one request and its reply for each operation, for the documents; tests hold them to the shapes."""

from __future__ import annotations

from typing import Any

_SKILL: dict[str, Any] = {
    "name": "acquire key",
    "preconditions": {"has_key": False, "distance": {"$interval": [0, 3]}},
    "action_sequence": ["right", {"tool": "pickup", "what": "key"}],
    "text": "pick up the key",
    "metadata": {"learned_by": "agent 7"},
}
_KEPT: dict[str, Any] = {
    "id": 1,
    **{name: value for name, value in _SKILL.items() if name != "text"},
    "times_used": 3,
    "success_count": 2,
    "times_learned": 1,
}
_WHOLE = {**_KEPT, "embedding": [0.6, 0.8]}
_VERSION = "0123456789abcdef0123456789abcdef"
_TOKEN = "fedcba9876543210fedcba9876543210"  # noqa: S105 - an example
_STATE = {"has_key": False, "distance": 2}
_LIBRARY = {
    "name": "household",
    "embedding_dim": 256,
    "encoder": "hashed-words-256",
    "total_skills": 1,
    "problem": None,
}
_STATS = {
    "total_skills": 1,
    "total_uses": 3,
    "total_successes": 2,
    "avg_success_rate": 0.6666666666666666,
    "merged": 0,
    "precondition_sets": 1,
    "embedding_dim": 256,
    "since_snapshot": {"added": 2, "merged": 0, "replaced": 0, "removed": 1, "outcomes": 4, "notes": 1},
    "encoder": "hashed-words-256",
    "same_skill": 0.9,
    "dedup_scope": "preconditions",
    "durability": "full",
    "generation": 1,
    "journal_bytes": 1480,
    "disk_bytes": 2310,
    "takes_text": True,
}

EXAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "list_libraries": ({}, {"libraries": [_LIBRARY], "next": None}),
    "create_library": ({"name": "household"}, {**_LIBRARY, "total_skills": 0}),
    "delete_library": ({"name": "household"}, {"name": "household"}),
    "library_stats": ({}, _STATS),
    "retrieve_skills": (
        {"state": _STATE, "text": "get the key", "k": 3},
        {"matches": [{"similarity": 0.61, "skill": _KEPT}], "exact": True},
    ),
    "why_not": (
        {"state": {"has_key": True, "distance": 2}, "k": 1},
        {
            "near_misses": [
                {"similarity": None, "skill": _KEPT, "unmet": {"has_key": {"required": False, "state": True}}}
            ]
        },
    ),
    "get_skill": ({"id": 1}, {"skill": _WHOLE, "version": _VERSION}),
    "list_skills": ({"after": 0, "limit": 10}, {"skills": [_KEPT], "next": None, "total": 1}),
    "browse_skills": (
        {"name": "key", "order": "success", "limit": 10},
        {"skills": [_KEPT], "found": 1, "facts": {"has_key": 1}, "looked_at": 1, "total": 1},
    ),
    "similar_skills": (
        {"id": 1, "k": 3},
        {"similar": [{"similarity": 0.93, "same_preconditions": False, "skill": _KEPT}]},
    ),
    "similar_pairs": ({"min_similarity": 0.9, "limit": 10}, {"pairs": [], "compared": 1, "next": None}),
    "add_skill": ({"skill": _SKILL}, {"id": 1, "created": True, "similarity": None, "skill": _KEPT}),
    "add_skills": ({"skills": [_SKILL]}, {"added": [{"id": 1, "created": False, "similarity": 1.0}]}),
    "restore_skills": (
        {"skills": [{**_WHOLE, "id": 7}]},
        {"added": [{"id": 7, "created": True, "similarity": None}]},
    ),
    "replace_skill": ({"id": 1, "skill": _SKILL}, {"skill": _KEPT, "version": _VERSION}),
    "remove_skill": ({"id": 1}, {"id": 1}),
    "record_outcome": ({"id": 1, "success": True}, {"id": 1, "times_used": 4, "success_count": 3}),
    "list_notes": ({}, {"keys": ["agent/progress"], "next": None, "total": 1}),
    "get_note": ({"key": "agent/progress"}, {"key": "agent/progress", "value": {"episode": 7}}),
    "set_note": ({"key": "agent/progress", "value": {"episode": 7}}, {"key": "agent/progress"}),
    "remove_note": ({"key": "agent/progress"}, {"key": "agent/progress"}),
    "begin_batch": ({"once": "episode 7"}, {"batch": _TOKEN, "answered": False, "answer": None}),
    "end_batch": ({"keep": True, "answer": 1}, {"answer": 1, "open": 0}),
    "snapshot": ({}, {"generation": 2}),
    "compact": ({}, {"generation": 3}),
    "verify": ({}, {"ok": True, "skills": 1, "generation": 3, "files": 4, "bytes": 2310}),
    "settle": ({}, {"settled": True}),
}
"""By operation: (request, reply)."""
