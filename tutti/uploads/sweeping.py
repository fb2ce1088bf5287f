"""Clearing away: idle uploads, and bytes that neither an upload nor a song needs (F13, F18)."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from tutti import library
from tutti.context import Context
from tutti.database import queries
from tutti.job import job
from tutti.storage import Stored
from tutti.uploads.model import Upload, media_key
from tutti.uploads.rows import Arrived, tell

ORPHAN_AGE: Final = timedelta(hours=24)
AT_ONCE: Final = 500
log = structlog.get_logger()
sql = queries(__file__)


@job(every_s=600, timeout_s=3600)
async def tidy(ctx: Context) -> None:
    """End idle uploads, forget old ones, and drop bytes that nothing needs."""
    async with ctx.transaction():
        for upload in await ctx.db.all(sql.expire, Upload):
            tell(ctx, upload, Arrived())
    async with ctx.transaction():
        await ctx.db.run(sql.forget_over)
    await sweep_incoming(ctx)
    await sweep_media(ctx)


async def sweep_incoming(ctx: Context) -> None:
    """Bytes of uploads that are over. A row comes before its bytes, so none that is needed is mistaken."""
    async for batch in _batches(ctx, "incoming/"):
        by_id = {found: each.key for each in batch if (found := _upload_id(each.key)) is not None}
        async with ctx.transaction():
            needed = set(await ctx.db.all(sql.needed, UUID, ids=list(by_id)))
        for upload_id in by_id.keys() - needed:
            await ctx.storage.delete(by_id[upload_id])


async def sweep_media(ctx: Context) -> None:
    """Files older than a day that came by an upload, but behind which no song stands.

    A file of which no upload knows is only named in the log: after restoring yesterday's backup it may be
    somebody's music (F30).
    """
    async for batch in _batches(ctx, "media/"):
        old = [each.key for each in batch if ctx.now - each.changed_at > ORPHAN_AGE]
        async with ctx.transaction():
            known = await library.known_files(ctx, old)
        for key in sorted(set(old) - known):
            await _drop_media(ctx, key)


async def _drop_media(ctx: Context, key: str) -> None:
    """Held against an ingest that is about to make a song of the same content."""
    digest = _content(key)
    if digest is None:
        return
    async with ctx.transaction():
        await library.hold_bytes(ctx, key)
        is_known = bool(await library.known_files(ctx, [key]))
        is_ours = await ctx.db.value(sql.is_left_over, sha256=digest)
        if is_ours and not is_known:
            await ctx.storage.delete(key)
    if not is_ours and not is_known:
        log.warning("a file belongs to no song", key=key)


async def _batches(ctx: Context, prefix: str) -> AsyncIterator[Sequence[Stored]]:
    batch: list[Stored] = []
    async for each in ctx.storage.stored(prefix):
        batch.append(each)
        if len(batch) >= AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _upload_id(key: str) -> UUID | None:
    try:
        return UUID(key.removeprefix("incoming/"))
    except ValueError:
        return None


def _content(key: str) -> bytes | None:
    """The digest that a media key names, or None for a file that is not of our making."""
    try:
        digest = bytes.fromhex(key.rpartition("/")[2])
    except ValueError:
        return None
    return digest if media_key(digest) == key else None
