"""Ways: at which address, by which method, each operation is reached. The rest is the same for all."""

from __future__ import annotations

from dataclasses import dataclass

from skillstore.service.operations import OPERATIONS, Operation


@dataclass(frozen=True)
class Way:
    """`body`: the field of the request that the body is; "": its other fields; None: there is no body.

    What stands in the address are fields, too (`library` is which library it is about); the query has the rest.
    """

    method: str
    path: str
    name: str
    body: str | None = None
    status: int = 200

    @property
    def operation(self) -> Operation:
        return OPERATIONS[self.name]


_LIBRARIES = "/v1/libraries"
_ONE = "/v1/libraries/{library}"

WAYS = (
    Way("POST", f"{_ONE}/retrieve", "retrieve_skills", ""),
    Way("POST", f"{_ONE}/skills/{{id}}/outcomes", "record_outcome", ""),
    Way("GET", f"{_ONE}/skills/{{id}}", "get_skill"),
    Way("POST", f"{_ONE}/skills", "add_skill", "skill"),
    Way("POST", f"{_ONE}/skills:batch", "add_skills", ""),
    Way("POST", f"{_ONE}/skills:restore", "restore_skills", ""),
    Way("GET", f"{_ONE}/skills", "list_skills"),
    Way("GET", f"{_ONE}/skills:browse", "browse_skills"),
    Way("GET", f"{_ONE}/skills/{{id}}/similar", "similar_skills"),
    Way("POST", f"{_ONE}/similar-pairs", "similar_pairs", ""),
    Way("PUT", f"{_ONE}/skills/{{id}}", "replace_skill", "skill"),
    Way("DELETE", f"{_ONE}/skills/{{id}}", "remove_skill"),
    Way("POST", f"{_ONE}/why-not", "why_not", ""),
    Way("GET", f"{_ONE}/notes", "list_notes"),
    Way("GET", f"{_ONE}/notes/{{key:path}}", "get_note"),
    Way("PUT", f"{_ONE}/notes/{{key:path}}", "set_note", "value"),
    Way("DELETE", f"{_ONE}/notes/{{key:path}}", "remove_note"),
    Way("POST", f"{_ONE}/batches", "begin_batch", ""),
    Way("POST", f"{_ONE}/batches/{{batch}}", "end_batch", ""),
    Way("POST", f"{_ONE}/snapshots", "snapshot", status=201),
    Way("POST", f"{_ONE}/compact", "compact"),
    Way("POST", f"{_ONE}/verify", "verify"),
    Way("POST", f"{_ONE}/settle", "settle"),
    Way("GET", _ONE, "library_stats"),
    Way("DELETE", _ONE, "delete_library"),
    Way("GET", _LIBRARIES, "list_libraries"),
    Way("POST", _LIBRARIES, "create_library", "", 201),
)
"""Those asked most first: they are looked for in this order."""
