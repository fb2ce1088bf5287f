"""Artists and albums: shared rows, made when a song names them, known only through songs one may hear."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from tutti import search
from tutti.context import Context
from tutti.database import queries
from tutti.library.model import key_of, year_in_range
from tutti.record import Record

sql = queries(__file__)


class Place(NamedTuple):
    """Where a song stands, with the keys it is sorted by."""

    artist_id: UUID
    album_id: UUID | None
    artist_key: str
    album_key: str


class Indexed(Record):
    """An artist or album as search shows it."""

    id: UUID
    title: str
    subtitle: str
    content: str
    audience: list[str]


async def find_place(
    ctx: Context,
    *,
    artist: str,
    album: str | None,
    album_artist: str,
    year: int | None = None,
    musicbrainz_artist_id: UUID | None = None,
    musicbrainz_album_id: UUID | None = None,
) -> Place:
    """The artist and album of these names, made when there are none."""
    ids: dict[str, UUID] = {}
    # In one order for everybody: two songs that bring the same new names wait for each other, never both.
    for key, name in sorted({key_of(artist): artist, key_of(album_artist): album_artist}.items()):
        identity = musicbrainz_artist_id if name == artist else None
        ids[key] = await _artist(ctx, key, name, identity)
    artist_key = key_of(artist)
    if album is None:
        return Place(ids[artist_key], None, artist_key, "")
    album_id = await _album(ctx, ids[key_of(album_artist)], album, year, musicbrainz_album_id)
    return Place(ids[artist_key], album_id, artist_key, key_of(album))


class Known(Record):
    """An artist or album, and who knows of it."""

    id: UUID
    audience: list[str]


async def tidy(
    ctx: Context,
    artist_ids: Iterable[UUID | None],
    album_ids: Iterable[UUID | None],
    *,
    gained: Sequence[str] | None = None,
) -> None:
    """Count anew who may know of these, after a song of theirs came, went or changed; search follows.

    They are locked first and counted by a second statement, so that of two songs that come to the same album
    at the same time the later one counts both. `gained`: a song has only come, for this audience; whoever
    is known to it already need not be counted, which matters for an artist with thousands of songs.
    """
    artists = await ctx.db.all(sql.lock_artists, Known, ids=_sorted(artist_ids))
    albums = await ctx.db.all(sql.lock_albums, Known, ids=_sorted(album_ids))
    counted = [each.id for each in artists if gained is None or not set(gained) <= set(each.audience)]
    for artist_id in await ctx.db.all(sql.count_artist_audiences, UUID, ids=counted):
        await index_artist(ctx, artist_id)
    counted = [each.id for each in albums if gained is None or not set(gained) <= set(each.audience)]
    for album_id in await ctx.db.all(sql.count_album_audiences, UUID, ids=counted):
        await index_album(ctx, album_id)


def _sorted(ids: Iterable[UUID | None]) -> list[UUID]:
    return sorted({each for each in ids if each is not None})


async def index_artist(ctx: Context, artist_id: UUID) -> None:
    """Show an artist in search as he is now, or not at all."""
    entry = await ctx.db.one(sql.artist_to_index, Indexed, id=artist_id)
    await _index(ctx, "artist", artist_id, entry)


async def index_album(ctx: Context, album_id: UUID) -> None:
    """Show an album in search as it is now, or not at all."""
    entry = await ctx.db.one(sql.album_to_index, Indexed, id=album_id)
    await _index(ctx, "album", album_id, entry)


async def album_artist_of(ctx: Context, album_id: UUID | None) -> UUID | None:
    """Whose album it is."""
    if album_id is None:
        return None
    found: UUID | None = await ctx.db.value(sql.artist_of_album, album_id=album_id)
    return found


async def _index(ctx: Context, kind: str, entity_id: UUID, entry: Indexed | None) -> None:
    if entry is None or not entry.audience:
        await search.drop(ctx, kind, entity_id)
        return
    await search.put(
        ctx,
        entity_type=kind,
        entity_id=entity_id,
        title=entry.title,
        subtitle=entry.subtitle,
        content=entry.content,
        audience=entry.audience,
        reread_by=f"library.reread_{kind}",
    )


async def _artist(ctx: Context, key: str, name: str, musicbrainz_id: UUID | None) -> UUID:
    known: UUID | None = await ctx.db.value(sql.artist_by_key, key=key)
    if known is None:
        await ctx.db.run(sql.keep_artist, id=ctx.new_id(), key=key, name=name, musicbrainz_id=musicbrainz_id)
        known = await ctx.db.value(sql.artist_by_key, key=key)
    assert known is not None  # noqa: S101 — the insert or whoever was before us made it
    return known


async def _album(
    ctx: Context, artist_id: UUID, title: str, year: int | None, musicbrainz_id: UUID | None
) -> UUID:
    key = key_of(title)
    known: UUID | None = await ctx.db.value(sql.album_by_key, artist_id=artist_id, key=key)
    if known is None:
        await ctx.db.run(
            sql.keep_album,
            id=ctx.new_id(),
            artist_id=artist_id,
            key=key,
            title=title,
            year=year_in_range(year),
            musicbrainz_id=musicbrainz_id,
        )
        known = await ctx.db.value(sql.album_by_key, artist_id=artist_id, key=key)
    assert known is not None  # noqa: S101 — the insert or whoever was before us made it
    return known
