"""What was really heard."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tutti.player.builders import START, after
from tutti.player.model.hearing import MOST_SPANS, Hearing, are_apart, finished, heard, is_whole

SPAN = st.tuples(st.integers(0, 1000), st.integers(0, 1000))


@given(st.lists(SPAN, max_size=MOST_SPANS))
def test_spans_cover_exactly_what_was_heard(stretches: list[tuple[int, int]]) -> None:
    hearing: Hearing | None = None
    covered: set[int] = set()
    for start, end in stretches:
        hearing = heard(hearing, START, start, end)
        covered |= set(range(start, end))
    spans = hearing.spans if hearing else ()
    assert are_apart(spans)
    assert {ms for start, end in spans for ms in range(start, end)} == covered
    assert (hearing.played_ms if hearing else 0) == sum(max(end - start, 0) for start, end in stretches)


def test_skipping_about_never_grows_the_row_without_end() -> None:
    hearing: Hearing | None = None
    for start in range(0, 100_000, 100):
        hearing = heard(hearing, START, start, start + 50)
    assert hearing is not None
    assert len(hearing.spans) == MOST_SPANS


@pytest.mark.parametrize(
    ("spans", "duration_ms", "whole"),
    [
        (((0, 95_000),), 100_000, True),
        (((0, 94_000),), 100_000, False),
        (((0, 95_000),), 100_500, False),
        (((0, 595_000),), 600_000, True),
        (((0, 20_000),), 21_500, False),
        (((0, 20_000), (20_500, 21_500)), 21_500, True),
        (((0, 30_000),), 0, False),
    ],
)
def test_a_song_is_complete_by_its_rule(
    spans: tuple[tuple[int, int], ...], duration_ms: int, whole: bool
) -> None:
    hearing = Hearing(started_at=START, spans=spans)
    assert is_whole(hearing, duration_ms) is whole


def test_hearing_one_half_twice_is_not_the_whole() -> None:
    hearing = heard(heard(None, START, 0, 50_000), after(50), 0, 50_000)
    assert hearing is not None
    row = finished(hearing, uuid4(), 100_000, "queue")
    assert (row.played_duration, row.completed, row.played_at) == (100, False, START)
