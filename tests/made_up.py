"""What was exchanged, with made-up ids, times and secrets: the same in every run."""

import json
import re
from typing import Any

from web.exchanged import Exchanged

SOUGHT = 61_500
"""Where the song is sought to; how far it got from there depends on the machine."""
_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_address = re.compile(r"http://127\.0\.0\.1:\d+")
_signed = re.compile(r"expires=\d+&signature=[\w-]+")
_mail = re.compile(r"(\w+)\.[0-9a-f]{6}@example\.org")
_program = re.compile(r"^Python/[\d.]+ aiohttp/[\d.]+$")
_secret = re.compile(r"/join/[\w-]+")
FIXED: dict[str, Any] = {
    "ticket": "kept-secret-and-used-once",
    "token": "kept-secret",
    "instance": "Rq3vXk0aB1cD2eF3.7",
    "nextCursor": "WyJhZnRlciJd",
    "playedDuration": 12,
    "tookMs": 1,
    "t1": 1769890500000.0,
    "t2": 1769890500000.1,
}


def made_up_id(number: int) -> str:
    """An id that is the same in every run."""
    return f"0197a5c0-0000-7000-8000-{number:012d}"


def tidied(frame: Any, known: dict[str, str]) -> Any:
    """The frame with ids, times and secrets replaced; equal ids stay equal."""
    return _tidied(frame, dict(known))


def pair_tidied(pair: tuple[Any, Any], known: dict[str, str]) -> dict[str, Any]:
    ids = dict(known)
    return {"request": _tidied(pair[0], ids), "answer": _tidied(pair[1], ids)}


def _tidied(value: Any, ids: dict[str, str], name: str = "") -> Any:
    if isinstance(value, dict):
        if "jsonrpc" in value and value.get("id") is not None:
            value = {**value, "id": 1}
        return {key: _tidied(inner, ids, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_tidied(inner, ids, name) for inner in value]
    if name in FIXED and value is not None:
        return FIXED[name]
    if isinstance(value, str):
        return _text(value, ids)
    if name == "positionMs" and isinstance(value, int):
        return SOUGHT if value >= SOUGHT else 0
    return value


def _text(text: str, ids: dict[str, str]) -> str:
    text = _uuid.sub(lambda found: ids.setdefault(found[0], made_up_id(len(ids) + 1)), text)
    text = _time.sub("2026-01-31T20:15:00.000Z", text)
    text = _signed.sub("expires=1769891400&signature=kept-secret", text)
    text = _secret.sub("/join/kept-secret", text)
    text = _program.sub("Python/3.11 aiohttp/3.14", text)
    text = _mail.sub(r"\1@example.org", text)
    return _address.sub("https://tutti.example", text)


def written(examples: Exchanged) -> str:
    """The file's text."""
    shown = {
        "requests": examples.requests,
        "news": examples.news,
        "refusals": examples.refusals,
    }
    return json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
