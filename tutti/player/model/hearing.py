"""What of a song was really heard: seconds for the history, and whether that counts as the whole song."""

from datetime import datetime
from itertools import pairwise
from uuid import UUID

from tutti.record import Record

MOST_SPANS = 32
WHOLE = 0.95
LONG_MS = 30_000
TAIL_MS = 5_000

Span = tuple[int, int]


class Hearing(Record):
    """The current song as far as it has been heard since it became current."""

    started_at: datetime
    played_ms: int = 0
    """Time that sounded; hearing a part twice counts twice."""
    spans: tuple[Span, ...] = ()
    """Parts of the song that sounded, in order and apart from each other."""


class Heard(Record):
    """A finished hearing: one row of play_history."""

    song_id: UUID
    played_at: datetime
    played_duration: int
    """Seconds actually played."""
    completed: bool
    source: str


def heard(hearing: Hearing | None, started_at: datetime, start_ms: int, end_ms: int) -> Hearing | None:
    """Add one stretch that sounded; a stretch of no length changes nothing."""
    if end_ms <= start_ms:
        return hearing
    before = hearing or Hearing(started_at=started_at)
    return Hearing(
        started_at=before.started_at,
        played_ms=before.played_ms + end_ms - start_ms,
        spans=_united((*before.spans, (start_ms, end_ms))),
    )


def finished(hearing: Hearing, song_id: UUID, duration_ms: int, source: str) -> Heard:
    """The row of history that a hearing leaves."""
    return Heard(
        song_id=song_id,
        played_at=hearing.started_at,
        played_duration=hearing.played_ms // 1000,
        completed=is_whole(hearing, duration_ms),
        source=source,
    )


def is_whole(hearing: Hearing, duration_ms: int) -> bool:
    """At least 95 %, or all but 5 s of a song longer than 30 s, was heard; a part heard twice counts once."""
    if duration_ms <= 0:
        return False
    covered = sum(end - start for start, end in hearing.spans)
    return covered >= WHOLE * duration_ms or (duration_ms > LONG_MS and covered >= duration_ms - TAIL_MS)


def _united(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Join overlapping parts.

    Of too many the shortest goes: so nobody's skipping about grows the row, and no song is taken for heard
    that was not.
    """
    united: list[Span] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        else:
            united.append((start, end))
    if len(united) > MOST_SPANS:
        united.remove(min(united, key=lambda span: span[1] - span[0]))
    return tuple(united)


def are_apart(spans: tuple[Span, ...]) -> bool:
    """In order, none empty, none touching the next."""
    return all(start < end for start, end in spans) and all(a[1] < b[0] for a, b in pairwise(spans))
