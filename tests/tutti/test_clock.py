"""The common clock: PostgreSQL's time, kept by this machine's monotonic clock alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from time import monotonic
from typing import Any, Self, cast

import pytest

from tutti.clock import Clock
from tutti.context import Floor
from tutti.pool import Pool

NEAR_S = 0.1
"""PostgreSQL and this test stand on one machine; what lies between two readings is the machine's business."""
LATE_S = 0.4
JUMP = timedelta(minutes=10)


def let_the_wall_clock_jump(monkeypatch: pytest.MonkeyPatch, jump: timedelta) -> None:
    """From now on, wherever this process may look."""
    true_time = time.time

    class Jumped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cast(Self, datetime.now(tz) + jump)

    monkeypatch.setattr("time.time", lambda: true_time() + jump.total_seconds())
    monkeypatch.setattr("tutti.clock.datetime", Jumped)


class Far:
    """The same pool at the end of a long way: what PostgreSQL answers takes so long to come back."""

    def __init__(self, pool: Pool, way_back_s: float) -> None:
        self._pool = pool
        self._way_back_s = way_back_s
        self.took_s = 0.0
        """The last way back as it was: a busy machine is not woken on time."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Self]:
        yield self

    async def fetchval(self, statement: str) -> Any:
        async with self._pool.connection() as connection:
            value = await connection.fetchval(statement)
        answered_at = monotonic()
        await asyncio.sleep(self._way_back_s)
        self.took_s = monotonic() - answered_at
        return value


def far(floor: Floor, way_back_s: float = LATE_S) -> Pool:
    return cast(Pool, Far(floor.pool, way_back_s))


async def off_by(clock: Clock, floor: Floor) -> float:
    """How far the clock is from PostgreSQL's, in seconds: by that of five looks which took least."""
    looks: list[tuple[timedelta, timedelta]] = []
    async with floor.pool.connection() as connection:
        for _ in range(5):
            before = clock.now()
            theirs: datetime = await connection.fetchval("select clock_timestamp()")
            after = clock.now()
            looks.append((after - before, before + (after - before) / 2 - theirs))
    return min(looks)[1].total_seconds()


@pytest.fixture
async def clock(floor: Floor) -> Clock:
    """Measured over a line that is open."""
    made = Clock()
    for _ in range(5):
        await made.measure(floor.pool)
    return made


@pytest.mark.parametrize("jump", [JUMP, -JUMP])
async def test_a_jump_of_the_wall_clock_moves_nothing(
    clock: Clock, floor: Floor, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    before, read_at = clock.now_ms(), monotonic()
    let_the_wall_clock_jump(monkeypatch, jump)
    passed_ms = (monotonic() - read_at) * 1000
    assert clock.now_ms() - before == pytest.approx(passed_ms, abs=NEAR_S * 1000)
    assert abs(await off_by(clock, floor)) < NEAR_S
    await clock.measure(floor.pool)
    assert abs(await off_by(clock, floor)) < NEAR_S, "nor does what is measured after it"


async def test_a_jump_of_the_wall_clock_is_told_as_skew(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert abs(clock.skew()) < timedelta(seconds=NEAR_S)
    let_the_wall_clock_jump(monkeypatch, JUMP)
    assert abs(clock.skew() - JUMP) < timedelta(seconds=NEAR_S)


async def test_it_has_this_machines_time_until_it_was_measured_and_postgresqls_from_then_on(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_the_wall_clock_jump(monkeypatch, JUMP)
    clock = Clock()
    assert await off_by(clock, floor) == pytest.approx(JUMP.total_seconds(), abs=NEAR_S)
    assert clock.round_trip_s is None
    await clock.measure(floor.pool)
    assert abs(await off_by(clock, floor)) < NEAR_S
    assert clock.round_trip_s is not None


async def test_both_readings_tell_the_same_time_in_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC
    assert clock.now().timestamp() * 1000 == pytest.approx(clock.now_ms(), abs=NEAR_S * 1000)


async def test_a_way_that_is_longer_back_than_there_misleads_by_half_and_no_more(floor: Floor) -> None:
    clock, way = Clock(), Far(floor.pool, LATE_S)
    await clock.measure(cast(Pool, way))
    assert await off_by(clock, floor) == pytest.approx(-way.took_s / 2, abs=NEAR_S)


@pytest.mark.parametrize("ways", [(LATE_S, 0.0), (0.0, LATE_S), (LATE_S, 0.0, LATE_S)])
async def test_of_all_samples_the_one_with_the_shortest_way_counts(
    floor: Floor, ways: tuple[float, ...]
) -> None:
    clock = Clock()
    for way in ways:
        await clock.measure(far(floor, way))
    assert abs(await off_by(clock, floor)) < NEAR_S
    assert clock.round_trip_s is not None
    assert clock.round_trip_s < LATE_S
