"""A time base that no longer holds: PostgreSQL's clock was set, or this machine slept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Self, cast

import pytest

from tutti.clock import MEASURE_EVERY_S, SAMPLES, Clock
from tutti.context import Floor
from tutti.pool import Pool

BEGAN_S = 1_700_000_000.0


class World:
    """Two clocks and the way between them. The pool of a PostgreSQL, too, as far as its clock is asked."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.ahead_s = BEGAN_S
        """By how much PostgreSQL's clock is ahead of this machine's monotonic one."""
        self.there_s = self.back_s = 0.000_15

    def monotonic(self) -> float:
        return self.passed_s

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Self]:
        yield self

    async def fetchval(self, statement: str) -> datetime:
        self.passed_s += self.there_s
        theirs = datetime.fromtimestamp(self.passed_s + self.ahead_s, UTC)
        self.passed_s += self.back_s
        return theirs

    async def measured(self, clock: Clock, times: int = 1) -> None:
        for _ in range(times):
            await clock.measure(cast(Pool, self))

    def off_by(self, clock: Clock) -> float:
        """How far the clock is from PostgreSQL's, in seconds."""
        return clock.now_ms() / 1000 - (self.passed_s + self.ahead_s)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr("tutti.clock.monotonic", made.monotonic)
    return made


@pytest.fixture
async def clock(world: World) -> Clock:
    """As it is after a minute of good measuring."""
    made = Clock()
    for _ in range(6):
        await world.measured(made, 3)
        world.passed_s += MEASURE_EVERY_S
    return made


@pytest.mark.parametrize("step_s", [60, -60, 0.05, -0.05])
@pytest.mark.parametrize("way_s", [0.000_2, 0.01])
async def test_after_a_step_the_first_sample_is_right_however_good_the_old_ones_were(
    world: World, clock: Clock, step_s: float, way_s: float
) -> None:
    world.ahead_s += step_s
    world.there_s = world.back_s = way_s
    await world.measured(clock)
    assert abs(world.off_by(clock)) < 0.000_1
    assert clock.round_trip_s == pytest.approx(2 * way_s)


async def test_after_a_step_no_sample_of_before_comes_back(world: World, clock: Clock) -> None:
    """Not even one that the new one does not contradict and that had the shorter way."""
    world.there_s, world.back_s = 0.0, 0.08
    await world.measured(clock)
    world.ahead_s -= 0.06
    world.there_s, world.back_s = 0.0, 0.1
    await world.measured(clock)
    assert clock.round_trip_s == pytest.approx(0.1)


async def test_a_long_way_contradicts_nobody(world: World, clock: Clock) -> None:
    """It is wrong by no more than half of itself, which the old samples allow: the best of them stays."""
    for way in ((0.2, 0.0), (0.0, 0.2)):
        world.there_s, world.back_s = way
        await world.measured(clock)
        assert abs(world.off_by(clock)) < 0.000_1


async def test_a_clock_that_drifts_like_quartz_contradicts_nothing(world: World, clock: Clock) -> None:
    """Fifty millionths over the half minute for which a sample is kept are more than a short way explains."""
    world.there_s = world.back_s = 0.000_05
    await world.measured(clock)
    best = clock.round_trip_s
    world.passed_s += 30
    world.ahead_s += 30 * 50e-6
    world.there_s = world.back_s = 0.000_2
    await world.measured(clock)
    assert clock.round_trip_s == best


async def test_the_best_sample_is_forgotten_after_sixteen_others_so_that_drift_is_followed(
    world: World, clock: Clock
) -> None:
    drift_s = 0.02
    world.ahead_s += drift_s
    world.there_s, world.back_s = 0.0, 0.06
    await world.measured(clock, SAMPLES - 1)
    assert world.off_by(clock) == pytest.approx(-drift_s, abs=0.000_1), "the best of the last sixteen"
    await world.measured(clock)
    assert world.off_by(clock) == pytest.approx(-0.03, abs=0.000_1)


async def test_a_machine_that_has_slept_knows_postgresqls_time_after_one_sample(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Linux the monotonic clock stands still meanwhile."""
    clock = Clock()
    for _ in range(3):
        await clock.measure(floor.pool)
    monkeypatch.setattr("tutti.clock.monotonic", lambda: monotonic() - 3600)
    await clock.measure(floor.pool)
    async with floor.pool.connection() as connection:
        theirs: Any = await connection.fetchval("select clock_timestamp()")
        assert abs((clock.now() - theirs).total_seconds()) < 1
