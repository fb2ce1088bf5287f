"""What the library does later: read things again for search, and empty the bin."""

from datetime import datetime
from uuid import UUID

from tutti import search
from tutti.context import Context
from tutti.database import queries
from tutti.job import job
from tutti.library import shelves
from tutti.library.adding import index_song
from tutti.library.model import IN_BIN, SongRow
from tutti.record import Record

sql = queries(__file__)


class Purged(Record):
    """Where a song stood that is gone."""

    artist_id: UUID
    album_id: UUID | None


@job()
async def reread_song(ctx: Context, entity_id: UUID) -> None:
    """Show a song in search as it is now."""
    row = await ctx.db.one(sql.song_row, SongRow, song_id=entity_id, person_id=None)
    if row is None:
        await search.drop(ctx, "song", entity_id)
    else:
        await index_song(ctx, row)


@job()
async def reread_album(ctx: Context, entity_id: UUID) -> None:
    """Show an album in search as it is now."""
    await shelves.index_album(ctx, entity_id)


@job()
async def reread_artist(ctx: Context, entity_id: UUID) -> None:
    """Show an artist in search as he is now."""
    await shelves.index_artist(ctx, entity_id)


@job()
async def purge(ctx: Context, song_id: UUID) -> None:
    """Delete for good what has lain in the bin for seven days; restored meanwhile, it stays."""
    await purge_song(ctx, song_id, ctx.now - IN_BIN)


@job()
async def erase_file(ctx: Context, storage_key: str) -> None:
    """Delete bytes from which no song plays any more; erasing what is gone is success.

    The lock is kept while the bytes go: whoever adds a song of the same content meanwhile waits in
    `hold_bytes`, and sees then that they are gone.
    """
    await ctx.db.run(sql.lock_bytes, storage_key=storage_key)
    if not await ctx.db.value(sql.has_file, storage_key=storage_key):
        await ctx.storage.delete(storage_key)


async def purge_song(ctx: Context, song_id: UUID, before: datetime) -> None:
    """Delete a song that was in the bin before a time, and what is left without any song by that."""
    files = await ctx.db.all(sql.files_of_song, UUID, song_id=song_id)
    gone = await ctx.db.one(sql.purge_song, Purged, song_id=song_id, before=before)
    if gone is None:
        return
    await search.drop(ctx, "song", song_id)
    for storage_key in await ctx.db.all(sql.forget_files, str, ids=files):
        ctx.enqueue(erase_file, storage_key=storage_key)
    album_artists = await ctx.db.all(sql.forget_albums, UUID, ids=[gone.album_id] if gone.album_id else [])
    await ctx.db.run(sql.forget_artists, ids=sorted({gone.artist_id, *album_artists}))
