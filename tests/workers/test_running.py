"""One job from its row to its end."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.workers.conftest import Rows, made
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.errors import Unavailable, Unusable
from tutti.topics import topic_versions
from workers.running import LONGEST_WAIT_S, JobContext, Runner, wait_s


async def mark(ctx: Context, topic: str) -> None:
    """An effect that a test can count: the topic's version."""
    ctx.announce(topic, "library.changed", {})


async def effects(floor: Floor, topic: str) -> int:
    return (await perform(Context(floor), topic_versions, topics=[topic])).get(topic, 0)


async def test_a_job_is_done_with_the_types_of_its_signature(floor: Floor, rows: Rows) -> None:
    seen: list[Any] = []

    async def work(ctx: Context, upload_id: UUID, count: int) -> None:
        seen.extend([upload_id, count, ctx.request_id])

    upload_id = uuid4()
    job_id = await rows.add("tests.work", upload_id=upload_id, count=3)
    await Runner(floor, made(work)).run(job_id)
    row = await rows.one(job_id)
    assert seen == [upload_id, 3, "asked by a test"]
    assert (row["state"], row["attempts"], row["lease_until"]) == ("done", 1, None)
    assert row["finished_at"] is not None


async def test_a_job_is_done_once_however_often_it_is_handed_out(floor: Floor, rows: Rows) -> None:
    async def work(ctx: Context) -> None:
        await asyncio.sleep(0.05)
        await mark(ctx, "t")

    job_id = await rows.add("tests.work")
    runner = Runner(floor, made(work))
    await asyncio.gather(*(runner.run(job_id) for _ in range(5)))
    await runner.run(job_id)
    assert await effects(floor, "t") == 1
    assert (await rows.one(job_id))["attempts"] == 1


async def test_a_job_that_is_not_due_is_left_alone(floor: Floor, rows: Rows) -> None:
    job_id = await rows.add("tests.work")
    await rows.change("run_at = now() + interval '1 hour'")
    await Runner(floor, made(mark)).run(job_id)
    assert (await rows.one(job_id))["state"] == "queued"


async def test_what_a_failed_job_did_is_undone_and_it_is_tried_again_later(floor: Floor, rows: Rows) -> None:
    async def work(ctx: Context) -> None:
        await mark(ctx, "t")
        raise RuntimeError("not today")

    job_id, began = await rows.add("tests.work"), floor.clock.now()
    await Runner(floor, made(work)).run(job_id)
    ended = floor.clock.now()
    row = await rows.one(job_id)
    assert await effects(floor, "t") == 0
    assert (row["state"], row["attempts"], row["error"]) == ("queued", 1, "RuntimeError: not today")
    assert began + timedelta(seconds=1) < row["run_at"] < ended + timedelta(seconds=3)


async def test_a_problem_may_say_when_to_come_again(floor: Floor, rows: Rows) -> None:
    async def work(ctx: Context) -> None:
        raise Unavailable(retry_after=60)

    job_id = await rows.add("tests.work")
    await Runner(floor, made(work)).run(job_id)
    waits = (await rows.one(job_id))["run_at"] - floor.clock.now()
    assert timedelta(seconds=55) < waits < timedelta(seconds=61)


async def test_after_the_last_attempt_the_failure_is_kept_and_told(floor: Floor, rows: Rows) -> None:
    async def work(ctx: Context, topic: str) -> None:
        raise Unusable

    async def gave_up(ctx: Context, topic: str) -> None:
        await mark(ctx, topic)

    job_id = await rows.add("tests.work", topic="t")
    runner = Runner(floor, made(work, gave_up=gave_up))
    for _ in range(5):
        await rows.change("run_at = now()")
        await runner.run(job_id)
    row = await rows.one(job_id)
    assert (row["state"], row["attempts"]) == ("failed", 3)
    assert row["error"] == f"Unusable: {Unusable.sentence}"
    assert await effects(floor, "t") == 1


async def test_a_job_that_kills_its_worker_is_given_up_without_another_start(
    floor: Floor, rows: Rows
) -> None:
    """Its attempts were counted before they began; nobody was left to say that they failed (F20)."""
    started: list[int] = []

    async def work(ctx: Context) -> None:
        started.append(1)

    job_id = await rows.add("tests.work")
    await rows.change("attempts = 3")
    await Runner(floor, made(work)).run(job_id)
    assert (await rows.one(job_id))["state"] == "failed"
    assert started == []


async def test_a_job_that_nobody_knows_is_given_up(floor: Floor, rows: Rows) -> None:
    job_id = await rows.add("tests.unknown")
    await Runner(floor, made(mark)).run(job_id)
    assert (await rows.one(job_id))["error"] == "This worker knows no such job."


async def test_a_job_has_a_time_limit(floor: Floor, rows: Rows) -> None:
    async def work(ctx: Context) -> None:
        await asyncio.sleep(30)

    job_id = await rows.add("tests.work")
    await Runner(floor, made(work, timeout_s=0.1)).run(job_id)
    row = await rows.one(job_id)
    assert row["state"] == "queued"
    assert row["error"].startswith("TimeoutError")


async def test_a_lease_is_renewed_while_the_job_runs(floor: Floor, rows: Rows) -> None:
    """Twice, and in time: it never ends while the work goes on."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def work(ctx: Context) -> None:
        entered.set()
        await go_on.wait()

    job_id = await rows.add("tests.work")
    running = asyncio.create_task(Runner(floor, made(work), lease_s=6).run(job_id))
    await entered.wait()
    leases = {(await rows.one(job_id))["lease_until"]}
    async with asyncio.timeout(30):
        while len(leases) < 3:
            await asyncio.sleep(0.1)
            leases.add(await valid_lease(rows, job_id))
    go_on.set()
    await running
    assert (await rows.one(job_id))["state"] == "done"


async def valid_lease(rows: Rows, job_id: UUID) -> datetime:
    """Until when the job is leased; by PostgreSQL's clock, which decides, that is still to come."""
    async with rows.floor.pool.connection() as connection:
        row = await connection.fetchrow(
            "select lease_until, lease_until > clock_timestamp() as is_valid from jobs where id = $1", job_id
        )
    assert row["is_valid"]
    lease_until: datetime = row["lease_until"]
    return lease_until


async def test_a_worker_that_was_overtaken_commits_nothing(floor: Floor, rows: Rows) -> None:
    """It slept through its lease and wakes with its work done (F19)."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def work(ctx: Context) -> None:
        entered.set()
        await go_on.wait()
        async with ctx.transaction():
            await mark(ctx, "t")

    job_id = await rows.add("tests.work")
    late = asyncio.create_task(Runner(floor, made(work)).run(job_id))
    await entered.wait()
    await rows.change("state = 'queued'")
    go_on.set()
    entered.clear()
    await Runner(floor, made(work)).run(job_id)
    await late
    row = await rows.one(job_id)
    assert await effects(floor, "t") == 1
    assert (row["state"], row["fence"], row["attempts"]) == ("done", 2, 2)


async def test_a_worker_that_learns_that_it_was_overtaken_stops_at_once(floor: Floor, rows: Rows) -> None:
    entered, ended = asyncio.Event(), []

    async def work(ctx: Context) -> None:
        entered.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    job_id = await rows.add("tests.work")
    late = asyncio.create_task(Runner(floor, made(work), lease_s=0.3).run(job_id))
    await entered.wait()
    await rows.change("fence = fence + 1")
    await asyncio.wait_for(late, 10)
    assert ended == [True]
    assert (await rows.one(job_id))["state"] == "running"


async def test_nobody_takes_a_job_over_in_the_middle_of_its_commit(floor: Floor, rows: Rows) -> None:
    job_id = await rows.add("tests.work")
    taken = asyncio.Event()

    async def take_over() -> None:
        await rows.change("state = 'queued', fence = fence + 1")
        taken.set()

    async def work(ctx: Context) -> None:
        assert isinstance(ctx, JobContext)
        await mark(ctx, "t")
        await ctx._before_commit()
        taking = asyncio.create_task(take_over())
        await asyncio.sleep(0.2)
        assert not taken.is_set()
        await ctx.commit()
        await taking

    await Runner(floor, made(work)).run(job_id)
    assert await effects(floor, "t") >= 1


async def test_a_worker_that_stops_hands_its_jobs_back_uncounted(floor: Floor, rows: Rows) -> None:
    entered = asyncio.Event()

    async def work(ctx: Context) -> None:
        entered.set()
        await asyncio.sleep(30)

    job_id = await rows.add("tests.work")
    runner = Runner(floor, made(work))
    running = asyncio.create_task(runner.run(job_id))
    await entered.wait()
    runner.stop()
    await asyncio.wait_for(running, 10)
    row = await rows.one(job_id)
    assert (row["state"], row["attempts"], row["lease_until"]) == ("queued", 0, None)
    await runner.run(job_id)
    assert (await rows.one(job_id))["state"] == "queued"


async def test_a_failed_job_steps_aside_for_one_that_waits_for_the_same(floor: Floor, rows: Rows) -> None:
    async def work(ctx: Context) -> None:
        await rows.add("tests.work", unique_key="the same")
        raise RuntimeError

    job_id = await rows.add("tests.work", unique_key="the same")
    await Runner(floor, made(work)).run(job_id)
    assert [row["state"] for row in await rows.all("tests.work")] == ["done", "queued"]


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 2), (2, 8), (3, 32), (5, 512), (6, 600), (10**6, 600)])
def test_each_attempt_waits_longer_up_to_ten_minutes(attempts: int, seconds: int) -> None:
    assert wait_s(attempts) == seconds <= LONGEST_WAIT_S
