"""Songs: list, look at, change, delete, bring back, rate."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tutti import audio
from tutti.command import camel, command
from tutti.context import Context
from tutti.database import Query, queries
from tutti.errors import Forbidden, Invalid, NotFound
from tutti.library import shelves
from tutti.library.adding import put_back, settle, song_row
from tutti.library.jobs import purge
from tutti.library.model import IN_BIN, Song, SongRow, Songs, Visibility, audience_of, key_of
from tutti.library.paging import Cursor, Limit, cursor_to, place_in
from tutti.text import _

NOUN = "song"
sql = queries(__file__)

Name = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
Year = Annotated[int, Meta(ge=1000, le=9999)]
Number = Annotated[int, Meta(ge=0, le=99999)]
Order = Literal["title", "artist", "album", "added", "year"]


class Place(msgspec.Struct, frozen=True):
    """A row's place in any of the orders."""

    after_id: UUID | None = None
    after_title: str = ""
    after_artist: str = ""
    after_album: str = ""
    after_disc: Number = 0
    after_track: Number = 0
    after_added: datetime | None = None
    after_year: Number = 0


class Sorting(NamedTuple):
    """An order: its query, and what of a place the query needs."""

    query: Query
    keys: tuple[str, ...]


SORTINGS: Final[dict[Order, Sorting]] = {
    "title": Sorting(sql.songs_by_title, ("after_title",)),
    "artist": Sorting(
        sql.songs_by_artist, ("after_artist", "after_album", "after_disc", "after_track", "after_title")
    ),
    "album": Sorting(sql.songs_by_album, ("after_album", "after_disc", "after_track", "after_title")),
    "added": Sorting(sql.songs_by_added, ("after_added",)),
    "year": Sorting(sql.songs_by_year, ("after_year",)),
}


@command("GET /songs")
async def browse(
    ctx: Context,
    *,
    sort: Order = "added",
    album_id: UUID | None = None,
    artist_id: UUID | None = None,
    genre: Annotated[str, Meta(max_length=200)] | None = None,
    year: Year | None = None,
    mine: bool = False,
    deleted: bool = False,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> Songs:
    """The songs one may hear. `added` and `year` begin with the newest; `deleted` shows one's bin instead."""
    if deleted:
        return await _bin(ctx, limit, cursor)
    sorting = SORTINGS[sort]
    place = place_in(sort, cursor, Place) or Place()
    await ctx.db.run(sql.plan_anew)
    rows = await ctx.db.all(
        sorting.query,
        SongRow,
        person_id=ctx.me.id,
        audiences=ctx.audiences,
        album_id=album_id,
        artist_id=artist_id,
        owner_id=ctx.me.id if mine else None,
        genre=genre,
        year=year,
        after_id=place.after_id,
        **{key: getattr(place, key) for key in sorting.keys},
        limit=limit + 1,
    )
    more = cursor_to(sort, msgspec.structs.asdict(_place_of(rows[limit - 1]))) if len(rows) > limit else None
    return Songs(items=[row.seen_by(ctx.me.id) for row in rows[:limit]], next_cursor=more)


@command("GET /songs/{songId}")
async def show(ctx: Context, song_id: UUID) -> Song:
    """One song."""
    return (await _heard(ctx, song_id)).seen_by(ctx.me.id)


@command("PATCH /songs/{songId}")
async def change(
    ctx: Context,
    song_id: UUID,
    *,
    title: Name | UnsetType = UNSET,
    artist: Name | UnsetType = UNSET,
    album: Name | UnsetType | None = UNSET,
    album_artist: Name | UnsetType = UNSET,
    track_number: Annotated[int, Meta(ge=1, le=99999)] | UnsetType | None = UNSET,
    disc_number: Annotated[int, Meta(ge=1, le=9999)] | UnsetType | None = UNSET,
    year: Year | UnsetType | None = UNSET,
    genre: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET,
    visibility: Visibility | UnsetType = UNSET,
) -> Song:
    """Set right what a song is called, where it belongs and who hears it; what is left out stays."""
    before = await _edited(ctx, song_id)
    wished: dict[str, Any] = {
        "title": title,
        "artist": artist,
        "album": album,
        "album_artist": album_artist,
        "track_number": track_number,
        "disc_number": disc_number,
        "year": year,
        "genre": genre,
        "visibility": visibility,
    }
    given = {name: _tidy(name, value) for name, value in wished.items() if value is not UNSET}
    if before.album_artist == before.artist and "artist" in given:
        # An album under the artist's own name moves along with him.
        given.setdefault("album_artist", given["artist"])
    await _save(ctx, before, msgspec.structs.replace(before, **given))
    after = await song_row(ctx, song_id, ctx.me.id)
    await settle(ctx, after, change="changed", before=before)
    return after.seen_by(ctx.me.id)


@command("DELETE /songs/{songId}")
async def delete(ctx: Context, song_id: UUID) -> None:
    """Into the bin, from where it comes back within seven days; then it is gone for good."""
    before = await _edited(ctx, song_id)
    if before.deleted_at is not None:
        return
    await ctx.db.run(sql.bin_song, song_id=song_id, deleted_at=ctx.now, audience=[])
    await settle(ctx, await song_row(ctx, song_id, ctx.me.id), change="removed", before=before)
    ctx.enqueue(purge, song_id=song_id, run_at=ctx.now + IN_BIN)


@command("POST /songs/{songId}/restore")
async def restore(ctx: Context, song_id: UUID) -> Song:
    """Out of the bin; a song that is not in it stays as it is."""
    row = await _edited(ctx, song_id)
    return (await put_back(ctx, row) if row.deleted_at else row).seen_by(ctx.me.id)


@command("PUT /songs/{songId}/rating")
async def rate(ctx: Context, song_id: UUID, rating: Annotated[int, Meta(ge=1, le=5)] | None) -> Song:
    """One's own stars for a song, one to five; null takes them away."""
    await _heard(ctx, song_id)
    await ctx.db.run(sql.rate_song, person_id=ctx.me.id, song_id=song_id, rating=rating)
    return (await song_row(ctx, song_id, ctx.me.id)).seen_by(ctx.me.id)


async def _bin(ctx: Context, limit: int, cursor: str | None) -> Songs:
    place = place_in("bin", cursor, TimePlace)
    rows = await ctx.db.all(
        sql.songs_in_bin,
        SongRow,
        person_id=ctx.me.id,
        since=ctx.now - IN_BIN,
        after_id=place.after_id if place else None,
        after_time=place.after_time if place else None,
        limit=limit + 1,
    )
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursor_to("bin", {"after_id": last.id, "after_time": last.deleted_at}) if last else None
    return Songs(items=[row.seen_by(ctx.me.id) for row in rows[:limit]], next_cursor=more)


class TimePlace(msgspec.Struct, frozen=True):
    """A row's place in an order of times."""

    after_id: UUID
    after_time: datetime


async def _heard(ctx: Context, song_id: UUID) -> SongRow:
    """A song the caller may hear; raises NotFound for every other."""
    row = await ctx.db.one(sql.song_row, SongRow, song_id=song_id, person_id=ctx.me.id)
    if row is None or not set(row.audience) & set(ctx.audiences):
        raise NotFound
    return row


async def _edited(ctx: Context, song_id: UUID) -> SongRow:
    """A song the caller may change, held until the commit: his own, also in the bin; any, for administrators.

    Somebody else's is Forbidden when he may hear it, and NotFound when he may not even know of it.
    """
    await ctx.db.value(sql.lock_song, song_id=song_id)
    row = await ctx.db.one(sql.song_row, SongRow, song_id=song_id, person_id=ctx.me.id)
    if row is None:
        raise NotFound
    if row.owner_id == ctx.me.id:
        return row
    if not set(row.audience) & set(ctx.audiences):
        raise NotFound
    if ctx.me.role != "admin":
        raise Forbidden
    return row


def _tidy(name: str, value: Any) -> Any:
    """Text as it would stand in a tag: no line ends, nothing that turns the reading direction."""
    if not isinstance(value, str):
        return value
    tidied = audio.clean(value)
    if tidied is None and name in ("title", "artist", "album", "album_artist"):
        raise Invalid.because(_("Nothing of this can be seen."), pointer=f"/{camel(name)}")
    return tidied


async def _save(ctx: Context, before: SongRow, wish: SongRow) -> None:
    place = await shelves.find_place(
        ctx,
        artist=wish.artist,
        album=wish.album,
        album_artist=wish.album_artist or wish.artist,
        year=wish.year,
    )
    await ctx.db.run(
        sql.save_song,
        song_id=before.id,
        title=wish.title,
        artist_id=place.artist_id,
        album_id=place.album_id,
        track_number=wish.track_number,
        disc_number=wish.disc_number,
        year=wish.year,
        genre=wish.genre,
        visibility=wish.visibility,
        audience=audience_of(wish.owner_id, wish.visibility, deleted=before.deleted_at is not None),
        title_key=key_of(wish.title),
        artist_key=place.artist_key,
        album_key=place.album_key,
    )


def _place_of(row: SongRow) -> Place:
    return Place(
        after_id=row.id,
        after_title=row.title_key,
        after_artist=row.artist_key,
        after_album=row.album_key,
        after_disc=row.disc_number or 0,
        after_track=row.track_number or 0,
        after_added=row.created_at,
        after_year=row.year or 0,
    )
