"""Tools: what an agent can call. Each is an operation of the service, with the arguments that an agent needs of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from skillstore.service import replies, requests
from skillstore.service.coercion import coerce
from skillstore.service.mcp import answers
from skillstore.service.mcp.answers import Answer
from skillstore.service.mcp.asking import Asking
from skillstore.service.operations import OPERATIONS
from skillstore.service.refusals import InvalidRequestError, NotAllowedError

_NEAREST = 3

Call: TypeAlias = Callable[[Asking, str, dict[str, Any], bool, str | None], Answer]
"""(who asks, library, arguments, verbose, request id) -> what it hears."""


@dataclass(frozen=True)
class Tool:
    """`form`: what the arguments are, without those `hidden`, and with `verbose` where that says more.

    `defaults`: of arguments that have another one here than in the operation.
    """

    name: str
    title: str
    description: str
    form: type[requests.Request]
    reply: type[replies.Reply]
    call: Call
    hidden: tuple[str, ...] = ()
    defaults: tuple[tuple[str, Any], ...] = ()
    verbose: bool = False
    destructive: bool = False
    idempotent: bool = False

    @property
    def writes(self) -> bool:
        return OPERATIONS[self.name].writes

    @property
    def about_a_library(self) -> bool:
        return OPERATIONS[self.name].about_a_library

    def offered(self, asking: Asking) -> bool:
        """Whether it is shown to who asks."""
        if not self.about_a_library and asking.fixed is not None:
            return False
        return asking.may(OPERATIONS[self.name].role) and (not self.destructive or asking.may_delete)


def call(tool: Tool, asking: Asking, arguments: dict[str, Any], request_id: str | None = None) -> Answer:
    """Blocks. Raises what the service raises: InvalidRequestError, NotAllowedError ..."""
    given = dict(arguments)
    if tool.destructive and not asking.may_delete:
        raise NotAllowedError("nothing is removed here: this server was started without --allow-delete")
    named = _taken(given, "library", str, None) if tool.about_a_library and asking.fixed is None else None
    verbose = _taken(given, "verbose", bool, False) if tool.verbose else False
    for name in tool.hidden:
        if name in given:
            raise InvalidRequestError([(f"/{name}", "Extra inputs are not permitted")])
    library = asking.library(named) if tool.about_a_library else ""
    return tool.call(asking, library, given, verbose, request_id)


@lru_cache(maxsize=64)
def input_schema(tool: Tool, takes_library: bool) -> dict[str, Any]:
    """JSON Schema of the arguments. Shared: not to be changed."""
    schema = _bare(tool.form.model_json_schema())
    fields = schema.get("properties", {}).items()
    properties = {name: _given(field) for name, field in fields if name not in tool.hidden}
    for name, default in tool.defaults:
        properties[name]["default"] = default
    if tool.verbose:
        properties["verbose"] = _VERBOSE
    if takes_library and tool.about_a_library:
        properties["library"] = _LIBRARY
    schema["properties"] = properties
    schema.pop("description", None)
    return schema


@lru_cache(maxsize=64)
def output_schema(tool: Tool) -> dict[str, Any]:
    """JSON Schema of the data. Shared: not to be changed."""
    return _bare(tool.reply.model_json_schema(mode="serialization"), "description", "examples")


_VERBOSE = {
    "type": "boolean",
    "default": False,
    "description": "Everything, whatever its length: all steps, preconditions, metadata.",
}
_LIBRARY = {
    "type": "string",
    "description": "The library's name; list_libraries tells them. May be left out where there is only one.",
}


def _taken(given: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = given.pop(name, None)
    value = default if value is None else coerce(value, {"type": {bool: "boolean", str: "string"}[kind]})
    if value is not default and type(value) is not kind:
        words = {bool: "a boolean", str: "text"}[kind]
        raise InvalidRequestError([(f"/{name}", f"Input should be {words}")])
    return value


def _bare(schema: dict[str, Any], *without: str) -> dict[str, Any]:
    """Without what an agent would read and pay for, and learn nothing from: the titles that pydantic makes of names,
    and null as another way to leave something out, which is taken all the same."""
    bare: dict[str, Any] = _stripped(schema, ("title", *without))
    return bare


def _stripped(schema: Any, without: tuple[str, ...]) -> Any:
    if type(schema) is list:
        return [_stripped(part, without) for part in schema]
    if type(schema) is not dict:
        return schema
    return {
        key: {name: _stripped(inner, without) for name, inner in part.items()}
        if key in ("properties", "$defs")
        else _stripped(part, without)
        for key, part in schema.items()
        if key not in without
    }


def _given(field: dict[str, Any]) -> dict[str, Any]:
    """An argument's schema, for when it is given: of what it may be the first, as clients send text for a choice."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    if not kinds:
        return field
    without = ("anyOf", "default") if len(kinds) < len(field["anyOf"]) else ("anyOf",)
    rest = {key: part for key, part in field.items() if key not in without}
    return _given({**kinds[0], **rest})


# each tool


def _retrieve(asking: Asking, library: str, given: dict[str, Any], verbose: bool, _id: str | None) -> Answer:
    reply = asking.run("retrieve_skills", given, library)
    if reply["matches"]:
        return answers.retrieved(library, reply, [], None, verbose)
    asked = {name: given[name] for name in ("state", "embedding", "text") if given.get(name) is not None}
    nearest = asking.run("why_not", {**asked, "k": _NEAREST}, library)["near_misses"]
    total = None if nearest else asking.run("library_stats", {}, library)["total_skills"]
    return answers.retrieved(library, reply, nearest, total, verbose)


def _why_not(asking: Asking, library: str, given: dict[str, Any], verbose: bool, _id: str | None) -> Answer:
    return answers.missed(library, asking.run("why_not", given, library), verbose)


def _get(asking: Asking, library: str, given: dict[str, Any], _verbose: bool, _id: str | None) -> Answer:
    return answers.one(asking.run("get_skill", {**dict(_WITHOUT_EMBEDDINGS), **given}, library))


def _add(asking: Asking, library: str, given: dict[str, Any], _verbose: bool, request_id: str | None) -> Answer:
    try:
        return answers.added(asking.run("add_skill", {"skill": given}, library, request_id))
    except InvalidRequestError as error:
        raise InvalidRequestError([(where.removeprefix("/skill"), what) for where, what in error.faults]) from None


def _record(asking: Asking, library: str, given: dict[str, Any], _verbose: bool, request_id: str | None) -> Answer:
    return answers.recorded(asking.run("record_outcome", given, library, request_id))


def _remove(asking: Asking, library: str, given: dict[str, Any], _verbose: bool, request_id: str | None) -> Answer:
    return answers.removed(asking.run("remove_skill", given, library, request_id))


def _stats(asking: Asking, library: str, given: dict[str, Any], verbose: bool, _id: str | None) -> Answer:
    return answers.holdings(library, asking.run("library_stats", given, library), verbose)


def _libraries(asking: Asking, _library: str, given: dict[str, Any], _verbose: bool, _id: str | None) -> Answer:
    return answers.libraries(asking.run("list_libraries", given, None))


_WITHOUT_EMBEDDINGS = (("embeddings", False),)
_COUNTS = ("times_used", "success_count", "times_learned")
_ALL = (
    Tool("retrieve_skills", "Retrieve skills",
         "Which known skills apply right now? Call it before you work something out anew. Give the facts of the moment "
         "as `state`, and what you want to do as `text` (or an `embedding`); with neither, the most reliable come "
         "first. Only skills all of whose preconditions hold are returned, best first. If none applies, the answer "
         "says so and tells the nearest, with the facts that they would need.",
         requests.RetrieveSkills, answers.Retrieved, _retrieve, hidden=("embeddings",), verbose=True),
    Tool("why_not", "Why a skill does not apply",
         "The best skills that do not apply in `state`, each with the facts that do not hold: what would have to be "
         "brought about first.",
         requests.WhyNot, answers.Missed, _why_not, hidden=("embeddings",), verbose=True),
    Tool("get_skill", "Get a skill",
         "One skill by its id, whole: preconditions, all steps, metadata, how it fared.",
         requests.GetSkill, replies.OneSkill, _get, defaults=_WITHOUT_EMBEDDINGS),
    Tool("add_skill", "Keep a skill",
         "Keep a sequence of actions that worked, so that it is found again. `preconditions`: the facts that must hold "
         "for it, no more; `text`: what it is good for, in the words that one would look for. What is nearly the same "
         "as a kept skill with the same preconditions is not kept twice; the answer says so.",
         requests.NewSkill, replies.Addition, _add, hidden=_COUNTS),
    Tool("record_outcome", "Record an outcome",
         "Say how it went, each time after you used a skill: that is what makes reliable skills come first.",
         requests.RecordOutcome, replies.Outcome, _record),
    Tool("library_stats", "Library statistics",
         "How many skills there are, how often they were used and worked, and whether texts can be given.",
         requests.Nothing, answers.Holdings, _stats, verbose=True),
    Tool("list_libraries", "List libraries", "The libraries that can be asked, by name.",
         requests.ListLibraries, replies.LibraryPage, _libraries),
    Tool("remove_skill", "Remove a skill", "Forget one skill for good, by its id. It cannot be undone.",
         requests.RemoveSkill, replies.RemovedSkill, _remove, destructive=True, idempotent=False),
)  # fmt: skip

TOOLS: dict[str, Tool] = {tool.name: tool for tool in _ALL}
"""By name."""
