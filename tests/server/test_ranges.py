"""Ranges, tags and file names, by the letter of the RFCs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.ranges import Piece, asked_piece, is_same, range_still_holds, shown_as


@pytest.mark.parametrize(
    ("header", "piece"),
    [
        ("bytes=0-0", Piece(0, 1)),
        ("bytes=0-99", Piece(0, 100)),
        ("bytes=10-19", Piece(10, 10)),
        ("bytes=90-", Piece(90, 10)),
        ("bytes=90-1000", Piece(90, 10)),
        ("bytes=-10", Piece(90, 10)),
        ("bytes=-1000", Piece(0, 100)),
        (" bytes=5-6 ", Piece(5, 2)),
    ],
)
def test_one_range_is_answered(header: str, piece: Piece) -> None:
    assert asked_piece(header, 100) == piece


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999-"])
def test_a_range_outside_has_no_length(header: str) -> None:
    piece = asked_piece(header, 100)
    assert piece is not None
    assert piece.length == 0


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=٣-٥",
        "bytes=" + "9" * 19 + "-",
    ],
)
def test_what_is_no_single_range_means_the_whole_file(header: str | None) -> None:
    assert asked_piece(header, 100) is None


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.integers(1, 10**12))
def test_no_header_asks_for_bytes_that_are_not_there(header: str, size: int) -> None:
    for given_header in (header, f"bytes={header}"):
        piece = asked_piece(given_header, size)
        assert piece is None or (piece.length >= 0 and piece.start + piece.length <= max(size, piece.start))


def test_tags_are_compared_weakly_or_strongly() -> None:
    assert is_same('"a"', '"a"', weak=False)
    assert is_same('"x", W/"a"', '"a"', weak=True)
    assert not is_same('W/"a"', '"a"', weak=False)
    assert not is_same('"ab"', '"a"', weak=True)
    assert is_same("*", '"a"', weak=False)
    assert not is_same("a", '"a"', weak=True)


def test_a_range_holds_only_for_the_very_same_file() -> None:
    assert range_still_holds(None, '"a"')
    assert range_still_holds('"a"', '"a"')
    assert not range_still_holds('W/"a"', '"a"')
    assert not range_still_holds("Fri, 20 Nov 2026 22:00:00 GMT", '"a"')


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Halo.mp3", "inline; filename=\"Halo.mp3\"; filename*=UTF-8''Halo.mp3"),
        ("Rós.mp3", "inline; filename=\"R_s.mp3\"; filename*=UTF-8''R%C3%B3s.mp3"),
        ('a"b\\c.mp3', "inline; filename=\"a b c.mp3\"; filename*=UTF-8''a%20b%20c.mp3"),
        ("../../etc/passwd", "inline; filename=\"etc passwd\"; filename*=UTF-8''etc%20passwd"),
        (
            "x\r\nSet-Cookie: a=b",
            "inline; filename=\"x Set-Cookie a=b\"; filename*=UTF-8''x%20Set-Cookie%20a%3Db",
        ),
        ("", "inline; filename=\"song\"; filename*=UTF-8''song"),
    ],
)
def test_a_saved_file_is_named_after_the_song(name: str, header: str) -> None:
    assert shown_as(name) == header
