"""What the library does later: the bin is emptied, the index repaired."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf, count, found, jobs
from tutti import library
from tutti.command import perform
from tutti.context import Floor, Person


async def test_after_a_week_song_file_album_and_artist_are_gone(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Solo Artist", album="Solo Album", content=b"same")
    await perform(context_of(someone), library.delete_song, song_id=song.id)
    await perform(context_of(), library.purge, song_id=song.id)
    assert await count(floor, "songs") == 1
    ctx = context_of()
    await ctx.connection()
    ctx.set_now(ctx.now + timedelta(days=8))
    await perform(ctx, library.purge, song_id=song.id)
    for table in ("songs", "media_files", "song_sources", "albums", "artists", "search_index"):
        assert await count(floor, table) == 0, table
    assert await jobs(floor, "library.erase_file") == 1


async def test_the_bytes_stay_while_somebody_else_plays_them(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    mine = await shelf.add(someone, "Romanze", content=b"same")
    await shelf.add(someone_else, "Romanze", content=b"same")
    await perform(context_of(someone), library.delete_song, song_id=mine.id)
    ctx = context_of()
    await ctx.connection()
    ctx.set_now(ctx.now + timedelta(days=8))
    await perform(ctx, library.purge, song_id=mine.id)
    assert (await count(floor, "songs"), await count(floor, "media_files")) == (1, 1)
    assert await jobs(floor, "library.erase_file") == 0


async def test_erasing_deletes_bytes_only_when_nobody_needs_them(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"sound"

    for key in ("media/1", "media/9"):
        await floor.storage.begin(key)
        await floor.storage.write_at(key, 0, body(), limit=100)
    await shelf.add(someone, "Romanze")
    for key in ("media/1", "media/9", "media/9"):
        await perform(context_of(), library.erase_file, storage_key=key)
    assert await floor.storage.size("media/1") == 5
    assert await floor.storage.size("media/9") is None
    assert await perform(context_of(), library.hold_bytes, storage_key="media/1")
    assert not await perform(context_of(), library.hold_bytes, storage_key="media/9")


async def test_reading_again_repairs_the_index(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Clara", album="Romanzen")
    async with floor.pool.connection() as connection:
        await connection.execute("update search_index set title = 'Broken', folded = 'broken', words = ''")
    await perform(context_of(), library.reread_song, entity_id=song.id)
    await perform(context_of(), library.reread_album, entity_id=song.album_id)
    await perform(context_of(), library.reread_artist, entity_id=song.artist_id)
    assert len(await found(context_of, someone, "clara")) == 3
    for job in (library.reread_song, library.reread_album, library.reread_artist):
        await perform(context_of(), job, entity_id=uuid4())
