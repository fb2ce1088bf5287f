"""PostgreSQL's time in this process, without asking for it each time.

Every server keeps the offset between its own monotonic clock and PostgreSQL's clock by four stamps
(protocol §3), so a jump of this machine's wall clock changes nothing. What was measured before PostgreSQL's
clock was set, or before this machine slept (monotonic clocks of Linux stand still meanwhile), is forgotten as
soon as a new sample contradicts it.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tutti.pool import Pool

MEASURE_EVERY_S = 10
SAMPLES = 16
DRIFT: Final = 100e-6
"""Quartz clocks differ by tens of millionths: so much of the time between two samples they may disagree."""


class Sample(NamedTuple):
    """One exchange: the offset it shows is wrong by no more than half its round trip."""

    round_trip_s: float
    offset_s: float
    at: float
    """On this machine's monotonic clock."""

    def contradicts(self, older: "Sample") -> bool:
        """Whether no two steady clocks can have shown both: one of them was set, or stood still."""
        unsure = (self.round_trip_s + older.round_trip_s) / 2 + DRIFT * (self.at - older.at)
        return abs(self.offset_s - older.offset_s) > unsure


class Clock:
    """The common time base. Until the first measurement it is this machine's own clock."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._offset_s = datetime.now(UTC).timestamp() - monotonic()
        self.round_trip_s: float | None = None

    def now(self) -> datetime:
        """PostgreSQL's time now, UTC."""
        return datetime.fromtimestamp(monotonic() + self._offset_s, UTC)

    def now_ms(self) -> float:
        """The same as milliseconds since 1970."""
        return (monotonic() + self._offset_s) * 1000

    async def measure(self, pool: "Pool") -> None:
        """Take one sample; the best of the last 16 by round trip wins."""
        async with pool.connection() as connection:
            sent = monotonic()
            theirs: datetime = await connection.fetchval("select clock_timestamp()")
            received = monotonic()
        round_trip = received - sent
        self._keep(Sample(round_trip, theirs.timestamp() - (sent + round_trip / 2), received))

    def _keep(self, fresh: Sample) -> None:
        """One contradiction is proof, for both bounds are hard; nobody knows which others are of before."""
        if any(fresh.contradicts(older) for older in self._samples):
            self._samples = []
        self._samples = [*self._samples[-(SAMPLES - 1) :], fresh]
        best = min(self._samples)
        self.round_trip_s, self._offset_s = best.round_trip_s, best.offset_s

    def skew(self) -> timedelta:
        """How far this machine's wall clock is from PostgreSQL's (F22)."""
        return datetime.now(UTC) - self.now()
