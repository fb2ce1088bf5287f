"""Keep the copy in Elasticsearch like the table, and build it anew."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from tutti.context import Context
from tutti.database import queries
from tutti.job import job
from tutti.search.copies import copy_of
from tutti.search.elastic import CopyMissing, Elastic, ElasticAway
from tutti.search.elastic_query import Change

log = structlog.get_logger()
sql = queries(__file__)

BATCH: Final = 500
REST: Final = timedelta(seconds=5)
"""After a refusal; the changes wait in `search_changes`, so nothing is lost however long it takes."""


@job(timeout_s=300)
async def copy_changes(ctx: Context) -> None:
    """Bring every waiting change into Elasticsearch; while it is away, look again in a while."""
    there = copy_of(ctx)
    if there is None:
        return
    try:
        while await _copy_some(ctx, there.elastic):
            pass
    except CopyMissing:
        ctx.enqueue(rebuild, unique_key="search.rebuild")
    except ElasticAway as error:
        log.warning("Elasticsearch takes no changes", error=str(error))
        ctx.enqueue(copy_changes, run_at=ctx.now + REST, unique_key="search.copy_changes")


@job(timeout_s=3600)
async def rebuild(ctx: Context) -> None:
    """Build a new copy beside the one that is read, then let the alias name it: no downtime."""
    there = copy_of(ctx)
    if there is None:
        return
    elastic = there.elastic
    index = f"{elastic.alias}-{ctx.new_id().hex}"
    try:
        await elastic.create(index)
        await _fill(ctx, elastic, index)
        await elastic.show(index)
    except ElasticAway as error:
        log.warning("Elasticsearch cannot be rebuilt now", error=str(error))
        ctx.enqueue(rebuild, run_at=ctx.now + REST, unique_key="search.rebuild")
        return
    ctx.enqueue(copy_changes)


async def _copy_some(ctx: Context, elastic: Elastic) -> bool:
    """One batch; whether there may be more. What changes meanwhile has a higher version and stays noted."""
    async with ctx.transaction():
        changes = await ctx.db.all(sql.changes_waiting, Change, limit=BATCH)
    if not changes:
        return False
    await elastic.write(changes)
    copied = [
        {"entity_type": each.entity_type, "entity_id": each.entity_id, "version": each.version}
        for each in changes
    ]
    async with ctx.transaction():
        await ctx.db.many(sql.change_copied, copied)
    return len(changes) == BATCH


async def _fill(ctx: Context, elastic: Elastic, index: str) -> None:
    """Everything in the table, in slices; what changes meanwhile is written to this index too."""
    after_type, after_id = "", UUID(int=0)
    while True:
        async with ctx.transaction():
            entries = await ctx.db.all(
                sql.entries_from, Change, after_type=after_type, after_id=after_id, limit=BATCH
            )
        if not entries:
            return
        await elastic.fill(index, entries)
        after_type, after_id = entries[-1].entity_type, entries[-1].entity_id
