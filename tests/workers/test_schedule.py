"""The clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.workers.conftest import Rows, made
from tutti.context import Context, Floor
from workers import schedule as clocks
from workers.schedule import enqueue_due, forget_old, is_due, schedule

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def work(ctx: Context) -> None:
    """Nothing."""


JOBS = made(work, every_s=60)


@pytest.mark.parametrize(("age_s", "due"), [(None, True), (0, False), (59, False), (60, True), (10**6, True)])
def test_a_job_is_due_when_its_time_has_passed(age_s: int | None, due: bool) -> None:
    last = None if age_s is None else NOW - timedelta(seconds=age_s)
    assert is_due(60, last, NOW) is due


async def test_a_periodic_job_is_enqueued_once_per_period(rows: Rows, floor: Floor) -> None:
    assert await enqueue_due(floor, JOBS) == ["tests.work"]
    assert await enqueue_due(floor, JOBS) == []
    await rows.change("state = 'done', created_at = now() - interval '61 seconds'")
    assert await enqueue_due(floor, JOBS) == ["tests.work"]
    assert len(await rows.all("tests.work")) == 2


async def test_a_periodic_job_that_still_waits_is_not_doubled(rows: Rows, floor: Floor) -> None:
    await enqueue_due(floor, JOBS)
    await rows.change("created_at = now() - interval '1 hour'")
    await enqueue_due(floor, JOBS)
    assert len(await rows.all("tests.work")) == 1


async def test_other_jobs_are_left_alone(rows: Rows, floor: Floor) -> None:
    assert await enqueue_due(floor, made(work)) == []


async def test_several_clocks_keep_one_time(
    rows: Rows, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "LOOK_EVERY_S", 0.05)
    stopping = asyncio.Event()
    ticking = [asyncio.create_task(schedule(floor, JOBS, stopping)) for _ in range(3)]
    await asyncio.sleep(0.5)
    stopping.set()
    await asyncio.wait_for(asyncio.gather(*ticking), 5)
    assert len(await rows.all("tests.work")) == 1


@pytest.mark.parametrize(
    ("state", "days", "kept"),
    [("done", 0, True), ("done", 2, False), ("failed", 2, True), ("failed", 31, False), ("queued", 99, True)],
)
async def test_finished_rows_are_kept_for_a_while(
    rows: Rows, floor: Floor, state: str, days: int, kept: bool
) -> None:
    await rows.add("tests.work")
    await rows.change("state = $1, finished_at = now() - make_interval(days => $2)", state, days)
    await forget_old(floor)
    assert bool(await rows.all("tests.work")) is kept
