"""The examples of the socket's page: held against a real conversation, and the document against both.

`TUTTI_RENEW_EXAMPLES=1 pytest tests/web/test_exchanged.py` writes docs/socket_examples.json anew.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from server.documents.asyncapi import asyncapi
from tests.conversation import PASSWORD, Conversation
from tests.made_up import written
from tests.running import Server
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.record import encode
from tutti.slices import BODIES, COMMANDS
from tutti.wire import ERROR_CODES, requests, spoken
from web.exchanged import FILE, Exchanged, exchanged

RENEW = "TUTTI_RENEW_EXAMPLES"


async def test_the_examples_are_what_is_really_exchanged(
    floor: Floor, two_servers: tuple[Server, Server]
) -> None:
    clara = await perform(
        Context(floor), identity.add_user, email="clara@example.org", name="Clara", password=PASSWORD
    )
    talk = Conversation(floor, two_servers, clara)
    await talk.run()
    wrong = [complaint for name, frame in talk.frames() for complaint in complaints(name, frame)]
    assert wrong == []
    text = written(talk.examples())
    if os.environ.get(RENEW):
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text)
    assert json.loads(text) == json.loads(FILE.read_text()), f"If this is meant, run it with {RENEW}=1."


def test_every_method_has_an_example() -> None:
    assert set(exchanged().requests) == {each.name for each in requests(COMMANDS)}


def test_every_event_has_an_example() -> None:
    assert set(exchanged().news) == set(spoken(BODIES))


def test_there_is_a_refusal_for_every_code_but_our_own_errors() -> None:
    shown = {each["answer"]["error"]["code"] for each in exchanged().refusals}
    assert shown == set(ERROR_CODES) - {-32603}


@pytest.mark.parametrize("name", sorted(exchanged().news))
def test_a_frame_with_a_member_too_many_or_too_few_is_noticed(name: str) -> None:
    frame = exchanged().news[name]
    assert list(complaints(name, frame)) == []
    assert list(complaints(name, {**frame, "params": {**frame["params"], "surprise": 1}}))
    assert list(complaints(name, {"jsonrpc": "2.0", "method": name}))


DOCUMENT: dict[str, Any] = json.loads(
    encode(asyncapi(COMMANDS, BODIES, Exchanged(), host="tutti.example", protocol="wss"))
)


def complaints(name: str, frame: dict[str, Any]) -> Iterator[str]:
    """What the document says against a frame, with every object closed: no member may be left untold."""
    payload = closed(DOCUMENT["components"]["messages"][name]["payload"])
    schema = {**payload, "components": {"schemas": closed(DOCUMENT["components"]["schemas"])}}
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for error in checker.iter_errors(frame):
        yield f"{name}: {error.json_path}: {error.message}"


def closed(schema: Any) -> Any:
    """A schema that lets nothing pass beside the members it names; a problem may carry its own."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if "properties" in made and made.get("type") == "object" and made.get("title") != "Problem":
        made.setdefault("additionalProperties", False)
    return made
