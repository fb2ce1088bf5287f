"""A file becomes a song: file, artist, album, song, source and search entries in one commit."""

from uuid import UUID

from tutti import audio, event, search
from tutti.context import Context
from tutti.database import queries
from tutti.library import shelves
from tutti.library.model import (
    Change,
    LibraryChanged,
    Names,
    Song,
    SongRow,
    Visibility,
    audience_of,
    key_of,
    names_of,
    number_in_range,
    year_in_range,
)

sql = queries(__file__)


async def add_song(
    ctx: Context,
    *,
    owner_id: UUID,
    sha256: bytes,
    storage_key: str,
    size: int,
    probe: audio.Probe,
    file_name: str,
    visibility: Visibility = "members",
) -> Song:
    """Make a song of a stored file, in the transaction that is open.

    Called twice for the same owner and content it answers the same song; one that lay in the bin comes back.
    When the content is known already (`file_of_song(…).storage_key` differs from the one given), the bytes
    at `storage_key` are not used and may be deleted.
    """
    file_id = await _keep_file(ctx, sha256, storage_key, size, probe)
    if known := await _known(ctx, owner_id, file_id):
        return known
    song_id = await _add_row(ctx, owner_id, probe, names_of(probe.tags, file_name), visibility)
    await ctx.db.run(
        sql.add_source, id=ctx.new_id(), song_id=song_id, media_file_id=file_id, file_name=file_name
    )
    row = await song_row(ctx, song_id, owner_id)
    await settle(ctx, row, change="added")
    return row.seen_by(owner_id)


async def _add_row(
    ctx: Context, owner_id: UUID, probe: audio.Probe, names: Names, visibility: Visibility
) -> UUID:
    """The song itself, on its shelves; answers its id."""
    song_id, tags = ctx.new_id(), probe.tags
    place = await _place(ctx, names, tags)
    await ctx.db.run(
        sql.add_song,
        id=song_id,
        owner_id=owner_id,
        title=names.title,
        artist_id=place.artist_id,
        album_id=place.album_id,
        track_number=number_in_range(tags.track_number, 99999),
        disc_number=number_in_range(tags.disc_number, 9999),
        year=year_in_range(tags.year),
        genre=tags.genre,
        duration_ms=probe.duration_ms,
        musicbrainz_id=tags.musicbrainz_recording_id,
        visibility=visibility,
        audience=audience_of(owner_id, visibility),
        title_key=key_of(names.title),
        artist_key=place.artist_key,
        album_key=place.album_key,
    )
    return song_id


async def _known(ctx: Context, owner_id: UUID, file_id: UUID) -> Song | None:
    """The song this person has of this content, out of the bin if it lay there."""
    song_id: UUID | None = await ctx.db.value(
        sql.song_of_owner_and_file, owner_id=owner_id, media_file_id=file_id
    )
    if song_id is None:
        return None
    row = await song_row(ctx, song_id, owner_id)
    return (await put_back(ctx, row) if row.deleted_at else row).seen_by(owner_id)


async def song_row(ctx: Context, song_id: UUID, person_id: UUID | None) -> SongRow:
    """A song that is known to be there, whoever may hear it."""
    row = await ctx.db.one(sql.song_row, SongRow, song_id=song_id, person_id=person_id)
    if row is None:
        raise LookupError(f"no song {song_id}")
    return row


async def settle(ctx: Context, row: SongRow, *, change: Change, before: SongRow | None = None) -> None:
    """Let everything that shows a song follow it: its artist and album, search, and who listens."""
    places = [row] if before is None else [before, row]
    album_artists = [await shelves.album_artist_of(ctx, each.album_id) for each in places]
    await shelves.tidy(
        ctx,
        [*(each.artist_id for each in places), *album_artists],
        [each.album_id for each in places],
        gained=row.audience if before is None else None,
    )
    await index_song(ctx, row)
    for name in sorted({name for each in places for name in each.audience}):
        ctx.announce(event.audience(name), "library.changed", LibraryChanged(change=change, song_id=row.id))


async def index_song(ctx: Context, row: SongRow) -> None:
    """Show a song in search as it is now, or not at all."""
    if not row.audience:
        await search.drop(ctx, "song", row.id)
        return
    content = [row.album, row.album_artist if row.album_artist != row.artist else None, row.genre]
    await search.put(
        ctx,
        entity_type="song",
        entity_id=row.id,
        title=row.title,
        subtitle=row.artist,
        content=" ".join(each for each in content if each),
        audience=row.audience,
        metadata={"durationMs": row.duration_ms, "album": row.album, "albumId": row.album_id},
        reread_by="library.reread_song",
        editors=[f"user:{row.owner_id}"],
    )


async def put_back(ctx: Context, row: SongRow) -> SongRow:
    """Out of the bin: everybody who could hear the song hears it again."""
    audience = audience_of(row.owner_id, row.visibility)
    await ctx.db.run(sql.bin_song, song_id=row.id, deleted_at=None, audience=audience)
    restored = await song_row(ctx, row.id, row.owner_id)
    await settle(ctx, restored, change="added")
    return restored


async def _keep_file(ctx: Context, sha256: bytes, storage_key: str, size: int, probe: audio.Probe) -> UUID:
    """The row of these bytes, held until the commit: two who add the same file do it one after the other."""
    file_id: UUID = await ctx.db.value(
        sql.keep_file,
        id=ctx.new_id(),
        sha256=sha256,
        storage_key=storage_key,
        size=size,
        content_type=probe.content_type,
        suffix=probe.suffix,
        format=probe.format,
        codec=probe.codec,
        duration_ms=probe.duration_ms,
        bitrate=probe.bitrate,
        sample_rate=probe.sample_rate,
        channels=probe.channels,
    )
    return file_id


async def _place(ctx: Context, names: Names, tags: audio.Tags) -> shelves.Place:
    return await shelves.find_place(
        ctx,
        artist=names.artist,
        album=names.album,
        album_artist=names.album_artist,
        year=tags.year,
        musicbrainz_artist_id=tags.musicbrainz_artist_id,
        musicbrainz_album_id=tags.musicbrainz_album_id,
    )
