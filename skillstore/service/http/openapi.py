"""OpenAPI: the document of the API, made of the operations, their ways, and what is said of every field."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from skillstore.service.examples import EXAMPLES
from skillstore.service.fields import MAX_REQUEST_KEY
from skillstore.service.http.ways import WAYS, Way
from skillstore.service.names import PATTERN

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "instance"],
    "properties": {
        "type": {
            "type": "string",
            "pattern": "^urn:skillstore:problem:",
            "examples": ["urn:skillstore:problem:unknown-key"],
        },
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "instance": {"type": "string", "pattern": "^urn:skillstore:request:"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
_REFUSALS = {
    "400": "It cannot be read.",
    "401": "A key is needed.",
    "403": "The key's role is too low, or the Origin is another site's.",
    "404": "There is no such library, skill or note, or none that the key may see.",
    "408": "It did not arrive in time.",
    "409": "It does not fit what is there.",
    "412": "The skill was changed meanwhile.",
    "413": "The body is too long.",
    "415": "The body is of a type that is not taken.",
    "421": "It is for another host.",
    "422": "It is not of its form, or what was given cannot be used.",
    "429": "More than the key may ask; Retry-After says when to come again.",
    "503": "The library cannot be reached now; Retry-After says when to come again.",
}
_LIBRARY = {"name": "library", "in": "path", "required": True, "schema": {"type": "string", "pattern": PATTERN}}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same for the same request: it is carried out once, and answered alike each time.",
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$", "maxLength": MAX_REQUEST_KEY, "minLength": 1},
}
_BATCH = {
    "name": "Skillstore-Batch",
    "in": "header",
    "description": "The token of an open batch, to be part of it.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_AFTER = {
    "name": "after",
    "in": "query",
    "description": "Only those whose id is above this.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 2**62},
}
_TAG = {"type": "string", "pattern": '^(\\*|"[0-9a-f]{32}")$'}


def document() -> dict[str, Any]:
    """OpenAPI 3.1, as plain JSON."""
    models = {model: None for way in WAYS for model in (way.operation.request, way.operation.reply)}
    references, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas = definitions.get("$defs", {})
    named = {model: schemas[reference["$ref"].rsplit("/", 1)[-1]] for (model, _), reference in references.items()}
    paths: dict[str, Any] = {}
    for way in WAYS:
        path = paths.setdefault(way.path.replace(":path", ""), {})
        path[way.method.lower()] = _operation(
            way, named[way.operation.request], references[way.operation.reply, "validation"]
        )
    paths.update(_streams())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "skillstore",
            "version": version("skillstore"),
            "description": "Procedural memory for agents: which of my skills apply in this state, and which fit best?",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "responses": {status: _refusal(about) for status, about in _REFUSALS.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "sk_..."}},
        },
        "security": [{"key": []}, {}],
    }


def _operation(way: Way, request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    operation = way.operation
    example = EXAMPLES[operation.name]
    fields = request.get("properties", {})
    in_path = {"id", "key"} & fields.keys() if "{id}" in way.path or "{key" in way.path else set()
    if operation.name == "delete_library":
        in_path = {"name"}
    body = _body_fields(way, fields, in_path)
    parameters = [_LIBRARY] if "{library}" in way.path else []
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": fields[name]}
        for name in sorted(in_path)
        if name != "name"
    ]
    if "{batch}" in way.path:
        parameters.append({**_BATCH, "name": "batch", "in": "path", "required": True})
    in_query = fields.keys() - in_path - body - {"expected"}
    parameters += [
        {"name": name, "in": "query", "schema": _text_of(fields[name])} for name in fields if name in in_query
    ]
    parameters += _headers(way, fields)
    done: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the role `{operation.role}`.",
        "parameters": parameters,
        "responses": _responses(way, reply, example[1]),
    }
    if way.body is not None:
        schema = fields[way.body] if way.body else _part(request, body)
        given = example[0][way.body] if way.body else {k: v for k, v in example[0].items() if k in body}
        content = {"application/json": {"schema": schema, "examples": {"one": {"value": given}}}}
        needed = bool(way.body) or bool(body & set(request.get("required", ())))
        done["requestBody"] = {"required": needed, "content": content}
    return done


def _body_fields(way: Way, fields: dict[str, Any], in_path: set[str]) -> set[str]:
    if way.body is None:
        return set()
    return {way.body} if way.body else fields.keys() - in_path


def _part(request: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The schema of the fields that are in the body."""
    part = {key: value for key, value in request.items() if key not in ("properties", "required")}
    part["properties"] = {name: field for name, field in request["properties"].items() if name in names}
    required = [name for name in request.get("required", ()) if name in names]
    return {**part, "required": required} if required else part


def _text_of(field: dict[str, Any]) -> dict[str, Any]:
    """A field that stands in a query: null is to leave it out."""
    kinds = [kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"]
    return {**{k: v for k, v in field.items() if k not in ("anyOf", "default")}, **kinds[0]} if kinds else field


def _headers(way: Way, fields: dict[str, Any]) -> list[dict[str, Any]]:
    operation, headers = way.operation, []
    if (operation.writes and operation.change is not None) or operation.name == "create_library":
        headers.append(_KEY)
    if operation.about_a_library and "{batch}" not in way.path and operation.role != "admin":
        headers.append(_BATCH)
    if "expected" in fields:
        headers.append({"name": "If-Match", "in": "header", "schema": _TAG})
    if operation.name == "get_skill":
        headers.append({"name": "If-None-Match", "in": "header", "schema": _TAG})
    return headers


def _responses(way: Way, reply: dict[str, Any], example: Any) -> dict[str, Any]:
    answered: dict[str, Any] = {
        "description": "Done.",
        "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
        "content": {"application/json": {"schema": reply, "examples": {"one": {"value": example}}}},
    }
    if way.name in ("get_skill", "replace_skill"):
        answered["headers"] = {**answered["headers"], "ETag": {"schema": {"type": "string"}}}
    responses = {str(way.status): answered}
    if way.name == "add_skill":
        responses["201"] = {**answered, "description": "Created; 200: merged into another."}
    if way.name == "get_skill":
        responses["304"] = {"description": "It is still the version that is known."}
    return {**responses, **_refused()}


def _refused() -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS}


def _refusal(about: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": about, "content": {"application/problem+json": {"schema": schema}}}


def _streams() -> dict[str, Any]:
    out = {"description": "A stream; it is whole if it ends as HTTP says."}
    lines = {"schema": {"type": "string"}}
    imported = {
        "type": "object",
        "required": ["created", "merged"],
        "properties": {"created": {"type": "integer"}, "merged": {"type": "integer"}},
        "additionalProperties": False,
    }
    return {
        "/v1/libraries/{library}/backup": {
            "get": {
                "operationId": "backup",
                "summary": "The library as one file, from which `skillstore restore` makes it again.",
                "description": "Needs the role `admin`.",
                "parameters": [_LIBRARY],
                "responses": {"200": {**out, "content": {"application/octet-stream": lines}}, **_refused()},
            }
        },
        "/v1/libraries/{library}/skills:all": {
            "get": {
                "operationId": "all_skills",
                "summary": "All skills of one moment, by ascending id, as JSON lines; embeddings as base64.",
                "description": "Needs the role `read`.",
                "parameters": [_LIBRARY, _AFTER],
                "responses": {"200": {**out, "content": {"application/x-ndjson": lines}}, **_refused()},
            }
        },
        "/v1/libraries/{library}/export": {
            "get": {
                "operationId": "export",
                "summary": "The library as JSON lines, lossless.",
                "description": "Needs the role `read`.",
                "parameters": [_LIBRARY],
                "responses": {"200": {**out, "content": {"application/x-ndjson": lines}}, **_refused()},
            }
        },
        "/v1/libraries/{library}/import": {
            "post": {
                "operationId": "import",
                "summary": "Add what an export has, as one commit; an empty library becomes an exact copy.",
                "description": "Needs the role `write`.",
                "parameters": [_LIBRARY, _KEY],
                "requestBody": {"required": True, "content": {"application/x-ndjson": lines}},
                "responses": {
                    "200": {"description": "Done.", "content": {"application/json": {"schema": imported}}},
                    **_refused(),
                },
            }
        },
    }
