"""JSON-RPC 2.0 as the socket speaks it: one request object per frame; errors carry the problem in `data`."""

from typing import Any, Final, NamedTuple

from tutti.errors import Invalid, NotFound, Problem
from tutti.record import decode

MAX_DEPTH: Final = 16
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, BAD_PARAMETERS, REFUSED, INTERNAL = (
    -32700,
    -32600,
    -32601,
    -32602,
    -32000,
    -32603,
)


class Call(NamedTuple):
    """One request as it came; `id` is None for a notification, which gets no answer."""

    id: str | int | None
    method: str
    params: dict[str, Any]


class UnknownMethod(NotFound):
    """No command of that name on the socket."""

    sentence = "There is no method called {method}."


class NotARequest(Invalid):
    """Valid JSON, but no JSON-RPC 2.0 request object; batches are not taken."""

    sentence = "This is not a JSON-RPC 2.0 request."


class NotJson(Invalid):
    """The frame is no JSON."""

    sentence = "This frame is not JSON."


def call_in(raw: str) -> Call:
    """The request in a frame; raises NotJson, NotARequest."""
    try:
        value = decode(raw, max_depth=MAX_DEPTH)
    except Invalid as invalid:
        raise NotJson(errors=invalid.errors) from None
    if (
        not isinstance(value, dict)
        or value.get("jsonrpc") != "2.0"
        or not isinstance(value.get("method"), str)
    ):
        raise NotARequest
    call_id, params = value.get("id"), value.get("params", {})
    if isinstance(call_id, bool) or not isinstance(call_id, str | int | None) or not isinstance(params, dict):
        raise NotARequest
    if value.keys() - {"jsonrpc", "id", "method", "params"}:
        raise NotARequest
    return Call(call_id, value["method"], params)


def code_of(problem: Problem) -> int:
    """The number JSON-RPC has for it; our own refusals are all -32000, their `data` tells them apart."""
    kinds: list[tuple[type[Problem], int]] = [
        (NotJson, PARSE_ERROR),
        (NotARequest, INVALID_REQUEST),
        (UnknownMethod, NO_METHOD),
        (Invalid, BAD_PARAMETERS),
    ]
    found = next((code for kind, code in kinds if isinstance(problem, kind)), None)
    return found if found is not None else INTERNAL if problem.status == 500 else REFUSED
