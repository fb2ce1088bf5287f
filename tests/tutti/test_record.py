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
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xed\xa0\x80"}',
        "1" * 5000,
        '{"a":' + "9" * 5000 + "}",
        '{"a":9223372036854775808}',
        '{"a":-9223372036854775809}',
        '{"a":1e999}',
        '{"a":-1e999}',
        r'{"\ud800":1,"\ud800":2}',
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


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (r'{"a":"b\u0000c"}', "/a"),
        (r'{"a":["x","\ud83d"]}', "/a/1"),
        (r'{"a":{"b":"\uDE00"}}', "/a/b"),
        (r'{"a":{"\u0000":1}}', "/a/\ufffd"),
        (r'"\ud800"', ""),
    ],
)
def test_text_that_postgresql_cannot_keep_is_pointed_at(text: str, pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(text)
    assert caught.value.errors is not None
    assert caught.value.errors[0]["pointer"] == pointer
    assert encode(caught.value.errors)


def test_numbers_and_texts_at_the_edge_are_taken() -> None:
    assert decode("[9223372036854775807,-9223372036854775808,1e308]") == [2**63 - 1, -(2**63), 1e308]
    assert decode(r'"\ud83d\ude00 \\u0000 \u0001"') == "\U0001f600 \\u0000 \x01"


def test_an_integer_out_of_a_query_fits_into_a_column() -> None:
    assert convert({"durationMs": "9223372036854775807"}, Song, strict=False).duration_ms == 2**63 - 1
    with pytest.raises(Invalid) as caught:
        convert({"durationMs": "9223372036854775808"}, Song, strict=False)
    assert caught.value.errors == [{"pointer": "/durationMs", "detail": "This number is out of range."}]


class Taken(Record):
    at: datetime


@pytest.mark.parametrize(
    "text", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"]
)
def test_a_time_that_is_no_moment_is_pointed_at(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        convert({"at": text}, Taken)
    assert caught.value.errors is not None
    assert caught.value.errors[0]["pointer"] == "/at"
    assert convert({"at": "2026-01-01T00:00:00+02:00"}, Taken).at == datetime(2025, 12, 31, 22, tzinfo=UTC)
