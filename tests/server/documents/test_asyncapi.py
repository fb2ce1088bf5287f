import json
from typing import Any

import jsonschema
import pytest

from server import places, rpc, ws
from server import socket as socket_room
from server.documents.asyncapi import asyncapi
from tests.running import Server
from tutti.event import EVENTS
from tutti.record import encode
from tutti.schema import references
from tutti.slices import BODIES, COMMANDS
from tutti.wire import CLOSE_CODES, ERROR_CODES, requests, spoken
from web.exchanged import exchanged

pytest_plugins = ("tests.server.documents.asyncapi_schema",)
DOCUMENT: dict[str, Any] = json.loads(
    encode(asyncapi(COMMANDS, BODIES, exchanged(), host="tutti.example", protocol="wss"))
)
OPERATIONS: dict[str, Any] = DOCUMENT["operations"]


def complaints(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    return [error.json_path for error in jsonschema.Draft7Validator(schema).iter_errors(document)]


def test_it_is_valid(asyncapi_schema: dict[str, Any]) -> None:
    assert complaints(DOCUMENT, asyncapi_schema) == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("asyncapi", "3"),
        ("channels", []),
        ("operations", {"player.pause": {"action": "shout", "channel": {"$ref": "#/channels/socket"}}}),
        ("components", {"messages": {"error": {"payload": {"type": "nothing"}}}}),
    ],
)
def test_the_schema_notices_a_mistake(asyncapi_schema: dict[str, Any], member: str, value: object) -> None:
    assert complaints(DOCUMENT | {member: value}, asyncapi_schema)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]


def test_every_command_that_is_not_public_and_search_is_a_request_with_a_reply() -> None:
    received = {name for name, each in OPERATIONS.items() if each["action"] == "receive"}
    commands = {command.name for command in COMMANDS.values() if not command.public}
    searching = {"search.find", "search.suggestions"}
    assert received == commands | searching | {"clock.ping", "session.authenticate"}
    for name in received:
        answers = [each["$ref"].rpartition("/")[2] for each in OPERATIONS[name]["reply"]["messages"]]
        assert answers == [f"{name}.answer", "error"]


def test_every_event_and_the_greeting_are_said() -> None:
    said = {name for name, each in OPERATIONS.items() if each["action"] == "send"}
    assert said == {*EVENTS, "session.hello"}


def test_every_event_has_a_body() -> None:
    assert set(BODIES) == set(EVENTS)


def test_every_message_has_an_example_but_those_that_have_none() -> None:
    messages = DOCUMENT["components"]["messages"]
    assert [name for name, message in messages.items() if "examples" not in message] == []


def test_lasting_news_carry_a_version() -> None:
    for name, event in EVENTS.items():
        params = DOCUMENT["components"]["messages"][name]["payload"]["properties"]["params"]
        if "$ref" in params:
            params = DOCUMENT["components"]["schemas"][params["$ref"].rpartition("/")[2]]
        assert not event.lasting or "version" in params["properties"], name


def test_the_codes_are_those_that_are_sent() -> None:
    closes = {
        value
        for room in (socket_room, places)
        for name, value in vars(room).items()
        if name.isupper() and isinstance(value, int) and 1000 <= value < 5000
    }
    errors = {value for name, value in vars(rpc).items() if name.isupper() and isinstance(value, int)}
    assert set(CLOSE_CODES) == closes
    assert set(ERROR_CODES) == {code for code in errors if code < 0}


def test_the_limits_in_the_words_are_those_that_hold() -> None:
    assert f"{ws.MAX_FRAME // 1024} KiB" in CLOSE_CODES[socket_room.TOO_BIG]
    assert f"{ws.SIGN_IN_WITHIN_S} seconds" in CLOSE_CODES[socket_room.NO_SIGN_IN]


def test_every_request_and_every_event_says_what_it_is_for() -> None:
    assert [each.name for each in requests(COMMANDS) if not each.doc.summary] == []
    assert [name for name, record in spoken(BODIES).items() if not record.__doc__] == []


async def test_it_names_the_server_as_it_was_addressed(server: Server) -> None:
    async with server.client() as client, client.get("asyncapi.json") as answer:
        document = await answer.json()
    assert document["servers"]["here"]["host"] == server.url.removeprefix("http://")
    assert document["servers"]["here"]["protocol"] == "ws"
