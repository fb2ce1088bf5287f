"""Routes that are no commands: bytes in, bytes out, the socket, health, and the contracts themselves."""

from typing import Any, Final

from server.http import PREFIX
from tutti.schema import Json
from tutti.uploads import ChunkAnswer

SIGNED_IN: Final[list[Json]] = [{"bearer": []}, {"cookie": []}]
SIGNED_IN_TO_WRITE: Final[list[Json]] = [{"bearer": []}, {"cookie": [], "csrf": []}]
BINARY: Final[Json] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
CHUNK = ("POST", f"{PREFIX}/upload/chunk/{{uploadId}}/{{chunkIndex}}")
DIRECT = ("PUT", f"{PREFIX}/upload/direct/{{uploadId}}")
STREAM = f"{PREFIX}/songs/{{songId}}/stream"


def _parameter(name: str, place: str, words: str = "", **schema: Any) -> Json:
    made: Json = {"name": name, "in": place, "schema": schema or {"type": "string"}}
    return made | ({"description": words} if words else {}) | ({"required": True} if place == "path" else {})


def _id(name: str) -> Json:
    return _parameter(name, "path", type="string", format="uuid")


def _answers(kind: str, words: str, schema: Json | None = None) -> Json:
    return {"200": {"description": words, "content": {kind: {"schema": schema or {"type": "object"}}}}}


def _problem(words: str) -> Json:
    return {
        "description": words,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


_DIGEST: Final = _parameter(
    "Content-Digest",
    "header",
    "RFC 9530: `sha-256=:…base64…:`. Bytes that do not match it are refused and not kept.",
)
_RECEIVED: Final[Json] = {
    "200": {"description": "Arrived and safe; a chunk that had arrived before was only compared."},
    "400": {"$ref": "#/components/responses/Invalid"},
    "409": _problem("Other bytes than those that arrived before, or the upload takes none any more."),
    "410": _problem("The upload has expired or was cancelled."),
    "413": _problem("More bytes than this chunk has."),
    "507": _problem("No room is left."),
}
_MEDIA: Final[Json] = {
    "operationId": "song.stream",
    "tags": ["library"],
    "summary": "A song's bytes, whole or in part, as they were uploaded.",
    "description": "The transfer stops when the session ends, on whichever instance it is ended.",
    "security": SIGNED_IN,
    "parameters": [
        _id("songId"),
        _parameter("Range", "header", "One range, `bytes=0-1023`."),
        _parameter("If-Range", "header"),
        _parameter("If-Match", "header"),
        _parameter("If-None-Match", "header"),
    ],
    "responses": {
        "200": {
            "description": "The whole file. `ETag` is the content's SHA-256.",
            "content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}},
        },
        "206": {
            "description": "The piece that was asked for.",
            "content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}},
        },
        "304": {"description": "What you have is still right."},
        "404": {"$ref": "#/components/responses/NotFound"},
        "412": _problem("The file is not the one that If-Match names."),
        "416": _problem("The range lies outside the file."),
    },
}

OTHERS: Final[dict[tuple[str, str], Json]] = {
    CHUNK: {
        "operationId": "upload.chunk",
        "tags": ["uploads"],
        "summary": "Send one chunk of an upload: in any order, in parallel, and again after a break.",
        "description": "The body is streamed to its place and acknowledged once it is safe on disk.",
        "security": SIGNED_IN_TO_WRITE,
        "parameters": [
            _id("uploadId"),
            _parameter("chunkIndex", "path", "0, 1, 2 …", type="integer", minimum=0),
            _DIGEST,
        ],
        "requestBody": {
            "required": True,
            "content": BINARY
            | {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "description": "A form with one part, of any name.",
                        "additionalProperties": {"type": "string", "format": "binary"},
                    }
                }
            },
        },
        "responses": _RECEIVED,
    },
    DIRECT: {
        "operationId": "upload.direct",
        "tags": ["uploads"],
        "summary": "Send a whole file in one body, by the signed URL of upload.presignedUrl.",
        "description": "Length and type must be those that were signed. Nobody needs to be signed in.",
        "security": [{}],
        "parameters": [
            _id("uploadId"),
            _parameter("expires", "query"),
            _parameter("signature", "query"),
            _DIGEST,
        ],
        "requestBody": {"required": True, "content": BINARY},
        "responses": _RECEIVED,
    },
    ("GET", STREAM): _MEDIA,
    ("GET", f"{PREFIX}/socket"): {
        "operationId": "server.socket",
        "tags": ["server"],
        "summary": "Open the socket: JSON-RPC 2.0, one per device.",
        "description": f"`{PREFIX}/asyncapi.json` describes what is said on it; `/ws` is the same.",
        "security": [{}, *SIGNED_IN],
        "parameters": [],
        "responses": {"101": {"description": "Speak."}, "403": _problem("A foreign Origin.")},
    },
    ("GET", f"{PREFIX}/openapi.json"): {
        "operationId": "server.openapi",
        "tags": ["server"],
        "summary": "This document.",
        "security": [{}],
        "responses": _answers("application/json", "OpenAPI 3.1."),
    },
    ("GET", f"{PREFIX}/asyncapi.json"): {
        "operationId": "server.asyncapi",
        "tags": ["server"],
        "summary": "The messages of the socket.",
        "security": [{}],
        "responses": _answers("application/json", "AsyncAPI 3.0."),
    },
    ("GET", "/.well-known/jwks.json"): {
        "operationId": "server.jwks",
        "tags": ["server"],
        "summary": "The keys by which others may check access tokens (RFC 7517).",
        "security": [{}],
        "responses": _answers("application/json", "Two keys while they rotate."),
    },
    ("GET", "/healthz"): {
        "operationId": "server.alive",
        "tags": ["server"],
        "summary": "Is it alive? Asks nobody.",
        "security": [{}],
        "responses": _answers("application/json", "It is."),
    },
    ("GET", "/readyz"): {
        "operationId": "server.ready",
        "tags": ["server"],
        "summary": "May requests come? Names each part it depends on.",
        "security": [{}],
        "responses": _answers("application/json", "They may.")
        | {"503": {"description": "Send them elsewhere.", "content": {"application/json": {}}}},
    },
    ("GET", "/metrics"): {
        "operationId": "server.metrics",
        "tags": ["server"],
        "summary": "Figures for Prometheus; for this machine only, unless METRICS_PUBLIC is set.",
        "security": [{}],
        "responses": _answers("text/plain", "Prometheus' text format.", {"type": "string"}),
    },
}

RESPONSE_OF_A_CHUNK: Final[dict[tuple[str, str], Any]] = {CHUNK: ChunkAnswer, DIRECT: ChunkAnswer}
"""What these routes answer, as a type."""
