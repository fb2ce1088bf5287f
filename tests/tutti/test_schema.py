from datetime import datetime
from types import ModuleType
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema
import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from tutti.record import Record, encode
from tutti.schema import Schemas, doc_of, doc_of_slice, in_words, member_words, reached, references


class Place(Record):
    """Where something stands."""

    row: int
    label: str | None = None


class Asked(Record):
    """What somebody wants."""

    place: Place
    count: Annotated[int, Meta(ge=1, le=200)] = 50
    at: datetime | None = None
    """When it should happen."""
    name: str | UnsetType = UNSET


class Answered(Record):
    """What he gets."""

    id: UUID
    at: datetime
    places: tuple[Place, ...] = ()
    times: tuple[datetime, ...] = ()
    note: str | None = None
    hidden: str | UnsetType = UNSET


@pytest.fixture
def schemas() -> Schemas:
    return Schemas(takes=[Asked], gives=[Answered, list[Answered]])


def test_a_record_is_a_reference_and_a_list_of_it_a_list(schemas: Schemas) -> None:
    assert schemas.of(Asked) == {"$ref": "#/components/schemas/Asked"}
    assert schemas.of(list[Answered]) == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Answered"},
    }


def test_what_comes_in_refuses_members_that_are_not_known(schemas: Schemas) -> None:
    assert schemas.components["Asked"]["additionalProperties"] is False
    assert schemas.components["Place"]["additionalProperties"] is False
    assert schemas.record(Asked)["required"] == ["place"]


def test_what_goes_out_is_complete_and_may_grow(schemas: Schemas) -> None:
    answered = schemas.components["Answered"]
    assert "additionalProperties" not in answered
    assert answered["required"] == ["id", "at", "places", "times", "note"]


def test_times_are_date_times_wherever_they_stand(schemas: Schemas) -> None:
    members = schemas.components["Answered"]["properties"]
    assert members["at"]["format"] == "date-time"
    assert members["times"]["items"]["format"] == "date-time"
    assert schemas.components["Asked"]["properties"]["at"]["anyOf"][0]["format"] == "date-time"
    assert "format" not in members["note"]["anyOf"][0]


def test_the_words_under_a_member_are_its_description(schemas: Schemas) -> None:
    assert schemas.components["Asked"]["properties"]["at"]["description"] == "When it should happen."
    assert member_words(Asked) == {"at": "When it should happen."}


def test_a_type_without_source_has_no_words() -> None:
    assert member_words(msgspec.defstruct("Made", [("at", int)])) == {}


def test_what_is_encoded_fits_its_schema(schemas: Schemas) -> None:
    made = Answered(id=UUID(int=7), at=datetime.fromisoformat("2026-01-31T20:15:00+00:00"))
    schema = {**schemas.of(Answered), "components": {"schemas": schemas.components}}
    jsonschema.Draft202012Validator(schema).validate(msgspec.json.decode(encode(made)))


def test_only_what_is_led_to_is_reached(schemas: Schemas) -> None:
    assert list(reached(schemas.components, schemas.of(Asked))) == ["Asked", "Place"]


def test_references_are_found_in_lists_and_objects() -> None:
    assert list(references({"a": [{"$ref": "#/x"}], "b": {"c": {"$ref": "#/y"}}})) == ["#/x", "#/y"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (UUID, "UUID"),
        (UUID | None, "UUID or null"),
        (Literal["one", "all"], "all, one"),
        (Annotated[int, Meta(ge=1, le=200)], "integer, 1 to 200"),
        (Annotated[int, Meta(ge=0, le=2**40)], "integer from 0"),
        (list[UUID], "list of UUID"),
        (Place, "Place"),
        (tuple[Place, ...], "list of Place"),
        (dict[str, Any], "object"),
    ],
)
def test_a_schema_can_be_said_in_words(kind: Any, words: str) -> None:
    assert in_words(Schemas(gives=[kind]).of(kind)) == words


def test_a_docstring_is_a_summary_and_what_follows() -> None:
    def function() -> None:
        """One sentence,
        over two lines.

        And more.
        """

    assert doc_of(function) == ("One sentence, over two lines.", "And more.")


@pytest.mark.parametrize(
    ("docstring", "summary"),
    [
        ("Search: find anything.", "Find anything."),
        ("The player: one state.", "One state."),
        ("What travels: everything.", "What travels: everything."),
        ("No name at all.", "No name at all."),
    ],
)
def test_a_slice_is_told_without_its_name(docstring: str, summary: str) -> None:
    assert doc_of_slice(ModuleType("tutti.any", docstring)).summary == summary
