import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tutti.cursor import from_cursor, to_cursor
from tutti.errors import Invalid
from tutti.record import Record

ID = UUID("01890000-0000-7000-8000-000000000000")


class Place(Record):
    at: datetime
    id: UUID
    title: str = ""
    number: int = 0


def tampered(**members: Any) -> str:
    value = {"at": "2026-01-31T20:15:04Z", "id": str(ID)} | members
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def test_a_cursor_keeps_its_place_to_the_microsecond() -> None:
    place = Place(at=datetime(2026, 1, 31, 20, 15, 4, 123_987, tzinfo=UTC), id=ID, title="Ä😀", number=7)
    cursor = to_cursor(place)
    assert from_cursor(cursor, Place) == place
    assert cursor.isascii()
    assert "=" not in cursor


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ä",
        "!!!!",
        "bnVsbA",
        base64.urlsafe_b64encode(b"[" * 900).decode(),
        base64.urlsafe_b64encode(b"\xff").decode(),
        tampered(title="\0"),
        tampered(title="\ud800"),
        tampered(number=2**63),
        tampered(number=2**70),
        tampered(number=float("inf")),
        tampered(at="2026-01-31T20:15:04"),
        tampered(at="0001-01-01T00:00:00+23:00"),
        tampered(at="9999-12-31T23:59:59-23:00"),
        tampered(more=1),
    ],
)
def test_what_was_tampered_with_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_cursor(cursor, Place)
    assert caught.value.errors == [
        {"pointer": "/cursor", "detail": "This cursor was not given by this server."}
    ]
