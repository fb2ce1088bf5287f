import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from server.documents.openapi import openapi
from server.http import PREFIX
from server.routes import Line, lines
from tests.running import Server
from tutti.command import Command
from tutti.record import encode
from tutti.schema import references
from tutti.slices import COMMANDS, SLICES

DOCUMENT: dict[str, Any] = json.loads(encode(openapi(COMMANDS, SLICES)))
ROUTED = [command for command in COMMANDS.values() if command.path]


def told() -> set[tuple[str, str]]:
    return {(verb.upper(), path) for path, verbs in DOCUMENT["paths"].items() for verb in verbs}


def operation_of(command: Command) -> dict[str, Any]:
    operation: dict[str, Any] = DOCUMENT["paths"][f"{PREFIX}{command.path}"][str(command.verb).lower()]
    return operation


def has_contract(line: Line) -> bool:
    """Neither a page, nor a file, nor an alias without the version."""
    if line.path.startswith("/api/"):
        return True
    return line.path.startswith("/") and not line.place.startswith("web/") and line.path != "/ws"


def test_it_is_valid() -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_validator_notices_a_mistake() -> None:
    broken = {**DOCUMENT, "paths": {"/songs/{songId}": {"get": {"responses": {}}}}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_every_route_is_in_it_and_no_other() -> None:
    of_files = ("/static/", "/vendor/")
    served = {
        (line.verb, line.path.replace("/api/", f"{PREFIX}/") if PREFIX not in line.path else line.path)
        for line in lines()
        if has_contract(line) and not line.path.startswith(of_files)
    }
    assert told() == served


def test_every_operation_has_a_name_of_its_own_and_a_sentence() -> None:
    operations = [each for verbs in DOCUMENT["paths"].values() for each in verbs.values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names))
    assert [each["operationId"] for each in operations if not each["summary"].strip()] == []


def test_every_reference_leads_somewhere_and_no_component_lies_about() -> None:
    found = set(references(DOCUMENT))
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        for name in named
        if kind != "securitySchemes"
    }
    assert found == components


@pytest.mark.parametrize("command", ROUTED, ids=lambda command: command.name)
def test_every_parameter_of_a_command_stands_in_path_query_or_body(command: Command) -> None:
    operation = operation_of(command)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in body:
        body = DOCUMENT["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    placed = [each["name"] for each in operation["parameters"] if each["in"] in ("path", "query")]
    placed += body.get("properties", {})
    assert sorted(placed) == sorted(command.parameters.__struct_encode_fields__)


@pytest.mark.parametrize("command", ROUTED, ids=lambda command: command.name)
def test_who_may_call_it_is_said(command: Command) -> None:
    credentials = operation_of(command)["security"]
    assert ({} in credentials) == command.public
    cookie = next(each for each in credentials if "cookie" in each)
    assert ("csrf" in cookie) == (command.verb != "GET")


def test_a_time_is_a_date_time_and_an_id_a_uuid() -> None:
    members = DOCUMENT["components"]["schemas"]["PlayerState"]["properties"]
    assert members["updatedAt"]["format"] == "date-time"
    assert members["playerId"]["format"] == "uuid"


def test_what_goes_out_is_complete_and_may_grow() -> None:
    state = DOCUMENT["components"]["schemas"]["PlayerState"]
    assert "additionalProperties" not in state
    assert set(state["required"]) == set(state["properties"])


def test_what_comes_in_is_closed() -> None:
    assert DOCUMENT["components"]["schemas"]["QueueAdd"]["additionalProperties"] is False


async def test_everybody_may_read_it(server: Server) -> None:
    async with server.client() as client, client.get("openapi.json") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert (await answer.json())["paths"].keys() == DOCUMENT["paths"].keys()


async def test_numbers_in_the_query_of_a_delete_are_read_as_numbers(server: Server, someone: Any) -> None:
    async with (
        server.client(someone) as client,
        client.delete("player/queue", params={"ifVersion": "999"}) as answer,
    ):
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (409, "player_moved")
