"""PostgreSQL's time in this process, without asking for it each time.

Every server keeps the offset between its own monotonic clock and PostgreSQL's clock by four stamps
(protocol §3), so a jump of this machine's wall clock changes nothing.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tutti.pool import Pool

MEASURE_EVERY_S = 10
SAMPLES = 16


class Clock:
    """The common time base. Until the first measurement it is this machine's own clock."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []
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
        offset = theirs.timestamp() - (sent + round_trip / 2)
        self._samples = [*self._samples[-(SAMPLES - 1) :], (round_trip, offset)]
        self.round_trip_s, self._offset_s = min(self._samples)

    def skew(self) -> timedelta:
        """How far this machine's wall clock is from PostgreSQL's (F22)."""
        return datetime.now(UTC) - self.now()
