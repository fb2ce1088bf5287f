"""AsyncAPI 3.0 of the socket: each command with its answer, each event with the Record that travels in it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from server.documents.words import PROBLEM, socket_words, version
from server.http import PREFIX
from tutti.command import Command
from tutti.event import EVENTS
from tutti.record import Record
from tutti.schema import Doc, Json, Schemas, doc_of, reached
from tutti.wire import Request, requests, spoken
from web.exchanged import Exchanged

CHANNEL: Final[Json] = {"$ref": "#/channels/socket"}
WITHOUT_TOPIC: Final = ("session.hello", "queue.state", "topic.changed", "server.degraded")
"""Said to one socket, or to all: not announced on a topic."""
IN_THE_OPENING: Final = ("player.state", "devices.changed", "upload.progress")
"""Said to a new socket as well, and then without a topic."""

SECURITY_SCHEMES: Final[Json] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "httpApiKey", "in": "cookie", "name": "sid"},
}


def asyncapi(
    commands: Mapping[str, Command],
    bodies: Mapping[str, type[Record]],
    examples: Exchanged,
    *,
    host: str,
    protocol: str,
) -> Json:
    """The document of the socket at this host, over `ws` or `wss`."""
    asked, said = requests(commands), spoken(bodies)
    schemas = Schemas(
        takes=[each.parameters for each in asked],
        gives=[*said.values(), *(each.returns for each in asked if not each.says_nothing)],
    )
    messages = _messages(asked, said, schemas, examples)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tutti, the socket",
            "version": version(),
            "description": socket_words(),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"here": server_told(host, protocol)},
        "channels": {"socket": _channel(messages)},
        "operations": {
            **{each.name: _call(each) for each in asked},
            **{name: _send(name, doc_of(record)) for name, record in said.items()},
        },
        "components": {
            "schemas": _plain(reached({"Problem": PROBLEM, **schemas.components}, messages)),
            "messages": _plain(messages),
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _plain(schema: Any) -> Any:
    """Without OpenAPI's `discriminator`, which AsyncAPI writes otherwise; each kind has its tag anyway."""
    if isinstance(schema, dict):
        return {name: _plain(value) for name, value in schema.items() if name != "discriminator"}
    return [_plain(each) for each in schema] if isinstance(schema, list | tuple) else schema


def server_told(host: str, protocol: str) -> Json:
    """Where the socket is, and who may open it."""
    return {
        "host": host,
        "protocol": protocol,
        "description": "Signed in by bearer token or cookie, or by session.authenticate as the first frame.",
        "security": [
            {"$ref": "#/components/securitySchemes/bearer"},
            {"$ref": "#/components/securitySchemes/cookie"},
        ],
    }


def _channel(messages: Json) -> Json:
    return {
        "address": f"{PREFIX}/socket",
        "title": "The socket",
        "description": "One per device. Text frames with one JSON-RPC 2.0 message each.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": {"method": "GET"}},
    }


def _call(request: Request) -> Json:
    made: Json = {
        "action": "receive",
        "channel": CHANNEL,
        "summary": request.doc.summary,
        "messages": [_in_channel(request.name)],
        "reply": {
            "channel": CHANNEL,
            "messages": [_in_channel(f"{request.name}.answer"), _in_channel("error")],
        },
    }
    return made | ({"description": request.doc.more} if request.doc.more else {})


def _send(name: str, doc: Doc) -> Json:
    return {
        "action": "send",
        "channel": CHANNEL,
        "summary": doc.summary,
        "messages": [_in_channel(name)],
    }


def _in_channel(message: str) -> Json:
    return {"$ref": f"#/channels/socket/messages/{message}"}


def _messages(
    asked: list[Request], said: Mapping[str, type[Record]], schemas: Schemas, examples: Exchanged
) -> Json:
    made: Json = {}
    for each in asked:
        result = {"type": "object"} if each.says_nothing else schemas.of(each.returns)
        exchange = examples.requests.get(each.name, {})
        made[each.name] = _message(
            each.name, each.doc.summary, _frame(schemas.of(each.parameters), each), exchange.get("request")
        )
        made[f"{each.name}.answer"] = _message(
            f"{each.name}.answer", f"What {each.name} answers.", _answer(result), exchange.get("answer")
        )
    for name, record in said.items():
        payload = _notification(name, news(name, record, schemas))
        made[name] = _message(name, doc_of(record).summary, payload, examples.news.get(name), answers=False)
    refused = next((each["answer"] for each in examples.refusals), None)
    made["error"] = _message("error", "What any request may answer instead.", _error(), refused)
    return made


def news(name: str, record: type[Record], schemas: Schemas) -> Json:
    """What travels in an event: its body, its topic, and the topic's version where it is kept."""
    if name in WITHOUT_TOPIC:
        return schemas.of(record)
    body = schemas.record(record)
    added: Json = {"topic": {"type": "string", "description": "Whom it concerns: player:<id>, person:<id> …"}}
    if EVENTS[name].lasting:
        added["version"] = {"type": "integer", "description": "The topic's version; a gap means ask anew."}
    always = [] if name in IN_THE_OPENING else list(added)
    required = dict.fromkeys([*always, *body.get("required", ())])
    return {**body, "properties": {**added, **body["properties"]}, "required": list(required)}


def _message(name: str, summary: str, payload: Json, example: Any, *, answers: bool = True) -> Json:
    made: Json = {"name": name, "title": name, "summary": summary, "payload": payload}
    if answers:
        made["correlationId"] = {"location": "$message.payload#/id"}
    if example is not None:
        made["examples"] = [{"name": name, "summary": "Really exchanged.", "payload": example}]
    return made


def _frame(parameters: Json, request: Request) -> Json:
    needed = any(field.required for field in msgspec.structs.fields(request.parameters))
    return {
        "type": "object",
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {
                "type": ["string", "integer"],
                "description": "Comes back with the answer; without it there is none.",
            },
            "method": {"const": request.name},
            "params": parameters,
        },
        "required": ["jsonrpc", "method", *(["params"] if needed else [])],
        "additionalProperties": False,
    }


def _answer(result: Json) -> Json:
    return {
        "type": "object",
        "properties": {"jsonrpc": {"const": "2.0"}, "id": {"type": ["string", "integer"]}, "result": result},
        "required": ["jsonrpc", "id", "result"],
    }


def _notification(name: str, params: Json) -> Json:
    return {
        "type": "object",
        "properties": {"jsonrpc": {"const": "2.0"}, "method": {"const": name}, "params": params},
        "required": ["jsonrpc", "method", "params"],
    }


def _error() -> Json:
    error = {
        "type": "object",
        "properties": {
            "code": {"type": "integer", "description": "JSON-RPC's; see above."},
            "message": {
                "type": "string",
                "description": "A sentence for the person; the same as data.detail.",
            },
            "data": {"$ref": "#/components/schemas/Problem"},
        },
        "required": ["code", "message", "data"],
    }
    return {
        "type": "object",
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {
                "type": ["string", "integer", "null"],
                "description": "null when the request could not be read.",
            },
            "error": error,
        },
        "required": ["jsonrpc", "id", "error"],
    }
