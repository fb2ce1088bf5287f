"""What the player does later: miss who went without a word, forget what nobody comes back to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from tutti.context import Context
from tutti.database import Query, queries
from tutti.job import job
from tutti.player.devices import ONLINE_FOR, devices_of
from tutti.player.model import outputs
from tutti.player.model.changes import REACH
from tutti.player.turn import Turn, locked_by_server

REMEMBERED: Final = timedelta(minutes=10)
"""So long a command that is sent again takes effect once (R25)."""
OWN_REMEMBERED: Final = timedelta(days=180)
"""So long the owner's own devices are listed after they were last seen."""
OTHERS_REMEMBERED: Final = timedelta(days=7)
"""And those of guests, who are there for an evening."""
BATCH: Final = 20
"""So many players are looked up at once; each is then a transaction of its own."""
FIRST: Final = UUID(int=0)
sql = queries(__file__)


@job(every_s=600)
async def forget_commands(ctx: Context) -> None:
    """Forget the commands that are too old to be sent again, of every player, be it in use or not."""
    async with ctx.transaction():
        await ctx.db.run(sql.forget_commands, remembered=REMEMBERED)


@job(every_s=3600)
async def forget_orders(ctx: Context) -> None:
    """Forget the orders that no change within undo's reach goes back to, of queues in use or not."""
    async for queue_id in _one_by_one(ctx, sql.queues_with_orders):
        async with ctx.transaction():
            await ctx.db.run(sql.empty_orders, queue_id=queue_id, reach=REACH)


@job(every_s=30)
async def miss_silent_devices(ctx: Context) -> None:
    """Note which devices went without a word, as with a server that was killed, and tell their players."""
    async for player_id in _one_by_one(ctx, sql.players_with_silent_devices, online_for=ONLINE_FOR):
        await _change_list(ctx, player_id, _miss_silent)


@job(every_s=3600)
async def forget_unseen_devices(ctx: Context) -> None:
    """Forget the devices that nobody comes back with, and tell those who are shown the list."""
    async for player_id in _one_by_one(
        ctx, sql.players_with_unseen_devices, own=OWN_REMEMBERED, others=OTHERS_REMEMBERED
    ):
        await _change_list(ctx, player_id, _forget_unseen)


@job()
async def forget_devices_of(ctx: Context, *, person_id: UUID) -> None:
    """Take the devices of somebody who was put out off every list; music on them pauses."""
    async with ctx.transaction():
        player_ids = await ctx.db.all(sql.players_with_devices_of, UUID, person_id=person_id)
    for player_id in player_ids:
        await _change_list(ctx, player_id, partial(_forget_those_of, person_id=person_id))


async def _change_list(ctx: Context, player_id: UUID, change: Callable[[Turn], Awaitable[int]]) -> None:
    """Change one player's devices; how many were changed decides whether the list is told."""
    async with ctx.transaction():
        turn = await locked_by_server(ctx, player_id)
        if turn is None:
            return
        if await change(turn):
            turn.tell_devices(await devices_of(ctx, player_id))
        await turn.end()


async def _forget_those_of(turn: Turn, person_id: UUID) -> int:
    """Those of one person."""
    ctx = turn.ctx
    device_ids = await ctx.db.all(sql.forget_devices_at, UUID, queue_id=turn.player.id, person_id=person_id)
    for device_id in device_ids:
        turn.take(outputs.remove_output(turn.player, ctx.now, device_id))
    return len(device_ids)


async def _miss_silent(turn: Turn) -> int:
    """Those of one player, unless they spoke meanwhile. Music on them has stopped by itself long before."""
    ctx, here = turn.ctx, turn.player
    return await ctx.db.run(sql.leave_silent_devices, queue_id=here.id, now=ctx.now, online_for=ONLINE_FOR)


async def _forget_unseen(turn: Turn) -> int:
    """Those of one player. Where music sounds, or is on its way to, is in use."""
    ctx, here = turn.ctx, turn.player
    in_use = [output.device_id for output in here.outputs] + ([here.handoff.to] if here.handoff else [])
    return await ctx.db.run(
        sql.forget_unseen_devices,
        queue_id=here.id,
        owner_id=here.user_id,
        in_use=in_use,
        now=ctx.now,
        own=OWN_REMEMBERED,
        others=OTHERS_REMEMBERED,
    )


async def _one_by_one(ctx: Context, query: Query, **parameters: object) -> AsyncIterator[UUID]:
    """The ids that a query answers, read in batches, with no transaction open in between."""
    after = FIRST
    while True:
        async with ctx.transaction():
            ids = await ctx.db.all(query, UUID, after=after, count=BATCH, **parameters)
        for each in ids:
            yield each
        if len(ids) < BATCH:
            return
        after = ids[-1]
