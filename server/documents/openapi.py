"""OpenAPI 3.1 from the table of commands: paths, parameters and answers are the types that validate."""

import re
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, Final

from server.documents.others import OTHERS, RESPONSE_OF_A_CHUNK
from server.documents.words import ABOUT_VALUES, PROBLEM, version
from server.http import IN_QUERY, PREFIX
from tutti.command import Command
from tutti.schema import Json, Schemas, doc_of_slice, reached
from tutti.wire import doc_of_command

_placeholder = re.compile(r"\{(\w+)\}")
SAFE: Final = ("GET", "HEAD")
PROBLEMS: Final = {
    "Invalid": "Malformed or out of range; `errors` name the members.",
    "SignInNeeded": "No credential, or one that no longer counts.",
    "NotFound": "Nothing there, or nothing that this person may know of.",
    "TooMany": "A rate limit was met; `Retry-After` says for how long.",
    "Refused": "Every other refusal, as a problem with a code of its own; /docs/problems lists them.",
}
DESCRIPTION: Final = f"""A music server of your own, in which every device shares one live player.

{ABOUT_VALUES}

Every path also answers without its version (`/api/…` for `/api/v1/…`), with `Deprecation` and `Link`. Lists
answer `items` and `nextCursor`; the cursor goes into the next request unchanged. Errors are
`application/problem+json`. Commands that are not public, and search, can be sent over the socket under
their `operationId`: see `{PREFIX}/asyncapi.json`."""
SECURITY_SCHEMES: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `accessToken` of POST /api/v1/auth/login; it lives ten minutes, then POST "
        "/api/v1/auth/refresh gives a new one.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sid",
        "description": "Set by the sign-in page; `__Host-sid` where there is TLS.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "Beside the cookie, on everything but GET: the content of `<meta name=csrf-token>`.",
    },
}
OF_THE_SERVER: Final[Json] = {"name": "server", "description": "Health, keys and the contracts."}
HEADERS: Final[Json] = {
    "X-Request-Id": {
        "description": "As the request named it, or made here; the log holds it.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'How many calls are left: `"writes";r=99;t=60`.',
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
}


def openapi(commands: Mapping[str, Command], slices: Iterable[ModuleType]) -> Json:
    """The document of all routes."""
    routed = [command for command in commands.values() if command.verb and command.path]
    answers = [command.returns for command in routed if command.status != 204]
    schemas = Schemas(
        takes=[command.parameters for command in routed], gives=[*answers, *RESPONSE_OF_A_CHUNK.values()]
    )
    paths: dict[str, Json] = {}
    for command in routed:
        _at(paths, PREFIX + str(command.path), str(command.verb), operation(command, schemas))
    for (verb, path), told in OTHERS.items():
        _at(paths, path, verb, _other(told, RESPONSE_OF_A_CHUNK.get((verb, path)), schemas))
    components = {"Problem": PROBLEM, **schemas.components}
    responses = {name: _problem_response(name, words) for name, words in PROBLEMS.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tutti",
            "version": version(),
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [_tag(face) for face in slices] + [OF_THE_SERVER],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": reached(components, [paths, responses]),
            "responses": responses,
            "headers": HEADERS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _tag(face: ModuleType) -> Json:
    return {"name": face.__name__.rpartition(".")[2], "description": doc_of_slice(face).summary}


def operation(command: Command, schemas: Schemas) -> Json:
    """One command as an operation."""
    doc = doc_of_command(command)
    made: Json = {
        "operationId": command.name,
        "tags": [command.function.__module__.split(".")[1]],
        "summary": doc.summary,
        "security": security(str(command.verb), public=command.public),
        "parameters": _parameters(command, schemas),
        "responses": _responses(command, schemas),
    }
    if doc.more:
        made["description"] = doc.more
    if body := _body(command, schemas):
        made["requestBody"] = body
    return made


def security(verb: str, *, public: bool) -> list[Json]:
    """Which credentials count for this verb; public ones need none, but may say who asks."""
    cookie: Json = {"cookie": []} if verb in SAFE else {"cookie": [], "csrf": []}
    return [*([{}] if public else []), {"bearer": []}, cookie]


def _at(paths: dict[str, Json], path: str, verb: str, told: Json) -> None:
    paths.setdefault(path, {})[verb.lower()] = told


def _parameters(command: Command, schemas: Schemas) -> list[Json]:
    """What stands in path, query and headers."""
    members = schemas.record(command.parameters)
    in_path = _in_path(command)
    query = [name for name in members["properties"] if name not in in_path and command.verb in IN_QUERY]
    made = [_parameter(name, members, "path" if name in in_path else "query") for name in [*in_path, *query]]
    return [*made, *_idempotency(command)]


def _parameter(name: str, members: Json, place: str) -> Json:
    schema = _without_null(members["properties"][name])
    made: Json = {"name": name, "in": place, "schema": schema}
    if words := schema.pop("description", None):
        made["description"] = words
    if place == "path" or name in members.get("required", ()):
        made["required"] = True
    if schema.get("type") == "array":
        made |= {"style": "form", "explode": False}
    return made


def _without_null(schema: Json) -> Json:
    """Neither a path nor a query can hold null: who means nothing leaves the name out."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    if "default" in schema and schema["default"] is not None:
        rest["default"] = schema["default"]
    return {**rest, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})}


def _idempotency(command: Command) -> list[Json]:
    steers = "command_id" in command.parameters.__struct_fields__
    creates = command.status in (201, 202) and not command.public
    if not steers and not creates:
        return []
    words = "The same as `commandId`." if steers else "The same key answers the same for 24 hours."
    schema: Json = {"type": "string", "format": "uuid"} if steers else {"type": "string", "maxLength": 200}
    return [{"name": "Idempotency-Key", "in": "header", "description": words, "schema": schema}]


def _body(command: Command, schemas: Schemas) -> Json | None:
    members = schemas.record(command.parameters)
    in_path = _in_path(command)
    rest = {name: schema for name, schema in members["properties"].items() if name not in in_path}
    if command.verb in IN_QUERY or not rest:
        return None
    required = [name for name in members.get("required", ()) if name not in in_path]
    schema = (
        {**members, "properties": rest, "required": required} if in_path else schemas.of(command.parameters)
    )
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _responses(command: Command, schemas: Schemas) -> Json:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", "RateLimit")}
    done: Json = {"description": _said(command.status), "headers": headers}
    if command.status != 204:
        done["content"] = {"application/json": {"schema": schemas.of(command.returns)}}
    names = {
        "400": "Invalid" if command.parameters.__struct_fields__ else "",
        "401": "" if command.public else "SignInNeeded",
        "404": "NotFound" if _in_path(command) else "",
        "429": "TooMany",
        "default": "Refused",
    }
    refused = {status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items() if name}
    return {str(command.status): done, **refused}


def _said(status: int) -> str:
    return {200: "Done.", 201: "Made.", 202: "Accepted; the effect comes later.", 204: "Done."}[status]


def _in_path(command: Command) -> list[str]:
    return _placeholder.findall(command.path or "")


def _problem_response(name: str, words: str) -> Json:
    headers = ("X-Request-Id", "Retry-After") if name in ("TooMany", "Refused") else ("X-Request-Id",)
    return {
        "description": words,
        "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _other(told: Json, answer: Any, schemas: Schemas) -> Json:
    """A route that is no command; where it answers JSON of ours, with its schema."""
    made = {**told, "responses": {**told["responses"]}}
    if answer is not None:
        content = {"application/json": {"schema": schemas.of(answer)}}
        made["responses"]["200"] = {**made["responses"]["200"], "content": content}
    made["responses"].setdefault("default", {"$ref": "#/components/responses/Refused"})
    return made
