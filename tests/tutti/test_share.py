"""A crowd at the database: it waits for itself, and nobody waits behind it (F27)."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from tests.tutti.test_pool import ANYTHING, floor_with, reads
from tutti import share as sharing
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.database import Query
from tutti.pool import LINE_WITHIN_S, DatabaseAway
from tutti.share import Crowded, Share

A_WHILE_S = 0.9
CROWD = 6


@pytest.fixture
async def narrow(floor: Floor) -> AsyncIterator[Floor]:
    """A floor with two connections."""
    async with floor_with(floor, 2) as made:
        yield made


async def lingers(ctx: Context) -> None:
    await ctx.db.value(Query("a_while", f"select pg_sleep({A_WHILE_S})", ()))


async def test_whoever_comes_alone_does_not_wait_behind_a_crowd(narrow: Floor) -> None:
    share, is_there, go_on = Share(narrow.pool, 1), asyncio.Event(), asyncio.Event()

    async def holds_on(ctx: Context) -> None:
        await ctx.db.value(ANYTHING)
        is_there.set()
        await go_on.wait()

    crowd = [asyncio.create_task(perform(Context(narrow, share=share), holds_on)) for _ in range(3)]
    await is_there.wait()
    try:
        await perform(Context(narrow), reads)  # behind them it would be refused: nobody there gives way
    finally:
        go_on.set()
        await asyncio.gather(*crowd)


async def test_the_crowd_is_served_one_after_the_other_however_long_that_takes(narrow: Floor) -> None:
    """Waiting for one's turn is no silence of PostgreSQL's: nobody is refused for it."""
    share, began = Share(narrow.pool, 1), monotonic()
    await asyncio.gather(*(perform(Context(narrow, share=share), lingers) for _ in range(CROWD)))
    assert monotonic() - began > CROWD * A_WHILE_S > LINE_WITHIN_S + A_WHILE_S


async def test_a_turn_that_does_not_come_is_a_refusal_to_come_again(
    narrow: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "TURN_WITHIN_S", 0.2)
    share = Share(narrow.pool, 1)
    holding = Context(narrow, share=share)
    await holding.db.value(ANYTHING)
    with pytest.raises(Crowded) as caught:
        await perform(Context(narrow, share=share), reads)
    assert (caught.value.status, caught.value.retry_after) == (503, 2)
    await holding.roll_back()
    await perform(Context(narrow, share=share), reads)


async def test_a_refusal_by_the_pool_costs_the_share_no_turn(narrow: Floor) -> None:
    share = Share(narrow.pool, 1)
    others = [Context(narrow), Context(narrow)]
    for ctx in others:
        await ctx.db.value(ANYTHING)
    with pytest.raises(DatabaseAway):
        await perform(Context(narrow, share=share), reads)
    for ctx in others:
        await ctx.roll_back()
    await perform(Context(narrow, share=share), reads)
