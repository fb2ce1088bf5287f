"""How long a command waits for a PostgreSQL that says nothing (F2)."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from time import monotonic

import pytest

from tests.chaos.conftest import for_all_of
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.database import Query
from tutti.embedded import Postgres
from tutti.pool import DatabaseAway, open_pool

ANYTHING = Query("anything", "select 1", ())
SLOWLY = Query("slowly", "select pg_sleep(4.8)", ())
"""Longer than the patience by more than a machine may stand still, shorter than any statement may take."""
Command = Callable[[Context], Awaitable[None]]
PATIENCE_S = 3
SLACK_S = 0.4
"""Less than the half second that would tell a longer patience from this one."""


@contextmanager
def stalled(part: Postgres) -> Iterator[None]:
    """PostgreSQL stands still, all its processes."""
    for_all_of(part.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for_all_of(part.pid, signal.SIGCONT)


@asynccontextmanager
async def floor_with(floor: Floor, size: int, limits: dict[str, str] | None = None) -> AsyncIterator[Floor]:
    """The same floor on a pool of its own."""
    pool = await open_pool(floor.settings.database_url, size=size, limits=limits)
    try:
        yield replace(floor, pool=pool)
    finally:
        await pool.close()


async def lateness(seconds: float) -> float:
    """How much later than it asked to is woken who sleeps so long: the machine's share in what one waits."""
    due = monotonic() + seconds
    await asyncio.sleep(seconds)
    return monotonic() - due


async def reads(ctx: Context) -> None:
    await ctx.db.value(ANYTHING)


async def reads_alone(ctx: Context) -> None:
    await ctx.lone.value(ANYTHING)


@pytest.mark.parametrize("command", [reads, reads_alone])
async def test_a_stalled_postgresql_is_waited_for_three_seconds(
    floor: Floor, postgres_part: Postgres, command: Command
) -> None:
    await perform(Context(floor), reads)
    with stalled(postgres_part):
        late, began = asyncio.create_task(lateness(PATIENCE_S)), monotonic()
        with pytest.raises(DatabaseAway):
            await perform(Context(floor), command)
        took = monotonic() - began
    assert PATIENCE_S - SLACK_S < took < PATIENCE_S + SLACK_S + await late


@pytest.mark.parametrize("command", [reads, reads_alone])
async def test_waiting_for_a_line_and_for_its_first_answer_is_one_patience(
    floor: Floor, postgres_part: Postgres, command: Command
) -> None:
    async with floor_with(floor, 1) as narrow:
        holding = Context(narrow)
        await holding.lone.value(ANYTHING)
        late, began = asyncio.create_task(lateness(PATIENCE_S)), monotonic()
        waiting = asyncio.create_task(perform(Context(narrow), command))
        await asyncio.sleep(2)
        with stalled(postgres_part):
            await holding.roll_back()  # nothing is open, so nothing is said
            with pytest.raises(DatabaseAway):
                await waiting
            took = monotonic() - began
        assert took < PATIENCE_S + SLACK_S + await late


async def test_after_an_answer_there_is_patience_again(floor: Floor) -> None:
    """A command of many statements is not cut off while PostgreSQL answers."""

    async def takes_its_time(ctx: Context) -> None:
        began = monotonic()
        for _ in range(6):
            await ctx.db.value(Query("a_while", "select pg_sleep(0.6)", ()))
        assert monotonic() - began > PATIENCE_S

    await perform(Context(floor), takes_its_time)


async def test_who_allows_longer_statements_waits_longer(floor: Floor) -> None:
    async def slow(ctx: Context) -> None:
        await ctx.db.value(SLOWLY)

    async with floor_with(floor, 1, {"statement_timeout": "60s"}) as patient:
        await perform(Context(patient), slow)
    with pytest.raises(DatabaseAway):
        await perform(Context(floor), slow)


@pytest.mark.parametrize(
    "code",
    [
        "57P01",  # an administrator, or a restart, ends this line
        "57P02",  # another process crashed
        "57P03",  # it is starting up
        "53300",  # too many connections
        "53100",  # its disk is full
        "58030",  # it cannot read its own files
        "55P03",  # a lock that did not come
        "57014",  # a statement that took too long
    ],
)
async def test_what_is_postgresqls_own_trouble_is_no_error_of_ours(floor: Floor, code: str) -> None:
    """And the line it was said on serves the next command."""

    async def fails(ctx: Context) -> None:
        raising = f"do $$ begin raise exception 'trouble' using errcode = '{code}'; end $$"
        await ctx.db.run(Query("trouble", raising, ()))

    with pytest.raises(DatabaseAway) as caught:
        await perform(Context(floor), fails)
    assert (caught.value.status, caught.value.retry_after) == (503, 5)
    await perform(Context(floor), reads)


async def test_a_line_that_has_died_unnoticed_is_replaced_without_a_complaint(floor: Floor) -> None:
    """PostgreSQL's end of it stands still, so it does not even say goodbye."""
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: complaints.append(told["message"]))
    async with floor_with(floor, 1) as narrow:
        async with narrow.pool.connection() as line:
            pid = await line.fetchval("select pg_backend_pid()")
        await narrow.pool.forget_idle()
        os.kill(pid, signal.SIGSTOP)
        try:
            await perform(Context(narrow), reads)
            await asyncio.sleep(PATIENCE_S + SLACK_S)
        finally:
            os.kill(pid, signal.SIGCONT)
        gc.collect()
        assert complaints == []
