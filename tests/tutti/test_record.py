from datetime import UTC, datetime

import pytest

from tutti.errors import Invalid
from tutti.record import Record, convert, decode, encode


class Song(Record):
    duration_ms: int
    title: str = ""
    parts: tuple[int, ...] = ()


def test_times_travel_with_milliseconds() -> None:
    moment = datetime(2026, 1, 31, 20, 15, 4, 123_987, tzinfo=UTC)
    assert encode({"at": moment}) == b'{"at":"2026-01-31T20:15:04.123Z"}'


def test_names_are_camel_case_outside_and_snake_case_inside() -> None:
    song = convert({"durationMs": 5}, Song)
    assert song == Song(duration_ms=5)
    assert encode(song) == b'{"durationMs":5,"title":"","parts":[]}'


def test_unknown_members_are_pointed_at() -> None:
    with pytest.raises(Invalid) as caught:
        convert({"durationMs": 5, "tilte": "x"}, Song)
    assert caught.value.errors == [{"pointer": "/tilte", "detail": "Object contains unknown field `tilte`"}]


def test_a_wrong_type_is_pointed_at() -> None:
    with pytest.raises(Invalid) as caught:
        convert({"durationMs": 5, "parts": [1, "two"]}, Song)
    assert caught.value.errors is not None
    assert caught.value.errors[0]["pointer"] == "/parts/1"


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":{"b":1,"b":1}}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        "{",
        "",
        "[" * 2000 + "]" * 2000,
        '{"a":' * 2000 + "1" + "}" * 2000,
        b"\xff\xfe",
    ],
)
def test_what_a_parser_might_let_pass_is_refused(text: str | bytes) -> None:
    with pytest.raises(Invalid):
        decode(text)


def test_depth_counts_brackets_but_not_those_in_strings() -> None:
    assert decode("[" * 32 + "]" * 32, max_depth=32)
    assert decode('{"a":"' + "[{" * 100 + '"}') == {"a": "[{" * 100}
    with pytest.raises(Invalid):
        decode("[" * 17 + "]" * 17, max_depth=16)
