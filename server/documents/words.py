"""Words that both documents share."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from tutti.wire import CLOSE_CODES, ERROR_CODES

ROOT: Final = Path(__file__).parent.parent.parent

PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Some problems carry members of their own, as the present "
    "state of the player that somebody else has changed first.",
    "type": "object",
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "Where /docs/problems explains it.",
        },
        "title": {"type": "string", "description": "The code as words."},
        "status": {"type": "integer", "description": "The HTTP status, on the socket as well."},
        "code": {"type": "string", "description": "What programs compare; it never changes."},
        "detail": {"type": "string", "description": "A sentence for the person, in his language."},
        "instance": {"type": "string", "description": "The request's id, which the log holds too."},
        "retryAfter": {"type": "integer", "description": "Seconds after which another try makes sense."},
        "errors": {
            "type": "array",
            "description": "Which members are not as they should be.",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON pointer; empty for the whole."},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "code", "detail", "instance"],
}

ABOUT_VALUES: Final = (
    "JSON members are camelCase. Times are RFC 3339, UTC, with milliseconds. Ids are UUIDs in lower case. "
    "Durations and positions are whole milliseconds. A member that is not known here is refused; a client "
    "lets members pass that it does not know."
)


@cache
def version() -> str:
    """The version of Tutti, as pyproject.toml names it."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def socket_words() -> str:
    """What is to be known about the socket as a whole."""
    errors = "\n".join(f"- `{code}`: {words}" for code, words in ERROR_CODES.items())
    codes = "\n".join(f"- `{code}`: {words}" for code, words in CLOSE_CODES.items())
    return f"""JSON-RPC 2.0 in text frames, one message each, at most 64 KiB; compression is off.

{ABOUT_VALUES}

Signed in by bearer token, or by cookie from a page of this server, the server speaks first: `session.hello`,
then everything a first screen needs. A socket without credentials sends `session.authenticate` first.

**News** come without being asked, to every device, the sender's own among them. A lasting one carries its
`topic` and that topic's `version`; who sees a gap asks for the state anew. A slow reader gets only the newest
`player.state`, `devices.changed`, `upload.progress`.

**Errors** have a code of JSON-RPC, and in `data` the same problem that HTTP answers:

{errors}

**Close codes**; a client comes back by itself below 4500, with growing pauses, and not from 4500 on:

{codes}"""
