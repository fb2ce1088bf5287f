"""What players and uploads ask of the library: songs to play, and the bytes behind them."""

from collections.abc import Sequence
from uuid import UUID

from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.library.adding import song_row
from tutti.library.model import MediaFile, PlayableSong, Song, SongRow

sql = queries(__file__)


async def songs_to_play(
    ctx: Context, song_ids: Sequence[UUID], audiences: Sequence[str] | None = None
) -> list[PlayableSong]:
    """These songs in this order, without those that the caller may not hear; one named twice comes twice.

    With `audiences` it is asked with somebody else's ears.
    """
    person_id = ctx.person.id if ctx.person else None
    heard = ctx.audiences if audiences is None else audiences
    rows = await ctx.db.all(
        sql.songs_in, SongRow, ids=list(set(song_ids)), person_id=person_id, audiences=heard
    )
    found = {row.id: _playable(row) for row in rows}
    return [found[song_id] for song_id in song_ids if song_id in found]


async def find_by_hash(ctx: Context, owner_id: UUID, sha256: bytes) -> Song | None:
    """The song this person has of this content; what lies in his bin does not count."""
    song_id: UUID | None = await ctx.db.value(sql.song_of_owner_and_hash, owner_id=owner_id, sha256=sha256)
    return None if song_id is None else (await song_row(ctx, song_id, owner_id)).seen_by(owner_id)


async def hold_bytes(ctx: Context, storage_key: str) -> bool:
    """Keep stored bytes from being erased until the commit; False when they are gone already.

    For whoever is about to add a song of bytes that lie at `storage_key` but that no song plays from yet.
    """
    await ctx.db.run(sql.lock_bytes, storage_key=storage_key)
    return await ctx.storage.size(storage_key) is not None


async def known_files(ctx: Context, storage_keys: Sequence[str]) -> set[str]:
    """Which of these storage keys have a file behind a song."""
    return set(await ctx.db.all(sql.known_files, str, storage_keys=list(storage_keys)))


async def stored_bytes(ctx: Context, owner_id: UUID) -> int:
    """How much room a person's songs take, in bytes, those in the bin included."""
    taken: int = await ctx.db.value(sql.stored_bytes, owner_id=owner_id)
    return taken


async def file_of_song(ctx: Context, song_id: UUID) -> MediaFile:
    """The bytes behind a song that the caller may hear; raises NotFound, also when there are none."""
    found = await ctx.db.one(sql.file_of_song, MediaFile, song_id=song_id, audiences=ctx.audiences)
    if found is None:
        raise NotFound
    return found


async def count_play(ctx: Context, person_id: UUID, song_id: UUID) -> None:
    """One more time heard; called by whoever keeps the history."""
    await ctx.db.run(sql.count_play, person_id=person_id, song_id=song_id, now=ctx.now)


def _playable(row: SongRow) -> PlayableSong:
    return PlayableSong(
        song_id=row.id,
        title=row.title,
        artist=row.artist,
        album=row.album,
        duration_ms=row.duration_ms,
        cover_url=None,
        playable=row.media_file_id is not None,
    )
