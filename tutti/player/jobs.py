"""What the player does later: forget what nobody comes back to."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from tutti.context import Context
from tutti.database import Query, queries
from tutti.job import job
from tutti.player.model.changes import REACH

REMEMBERED: Final = timedelta(minutes=10)
"""So long a command that is sent again takes effect once (R25)."""
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
