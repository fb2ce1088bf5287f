"""Albums, as far as there is a song on them that one may hear."""

from uuid import UUID

import msgspec

from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.library.model import Album, Albums, AlbumWithSongs, SongRow, key_of
from tutti.library.paging import Cursor, Limit, cursor_to, place_in

NOUN = "album"
sql = queries(__file__)


class Place(msgspec.Struct, frozen=True):
    """An album's place among the titles."""

    after_id: UUID
    after_key: str


@command("GET /albums")
async def browse(
    ctx: Context, artist_id: UUID | None = None, limit: Limit = 50, cursor: Cursor | None = None
) -> Albums:
    """Albums in order of their titles."""
    place = place_in("albums", cursor, Place)
    found = await _albums(ctx, artist_id=artist_id, place=place, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_to("albums", {"after_id": last.id, "after_key": key_of(last.title)}) if last else None
    return Albums(items=found[:limit], next_cursor=more)


@command("GET /albums/{albumId}")
async def show(ctx: Context, album_id: UUID) -> AlbumWithSongs:
    """An album with its songs."""
    found = await _albums(ctx, album_id=album_id, limit=1)
    if not found:
        raise NotFound
    rows = await ctx.db.all(
        sql.songs_of_album, SongRow, album_id=album_id, person_id=ctx.me.id, audiences=ctx.audiences
    )
    return AlbumWithSongs(album=found[0], songs=[row.seen_by(ctx.me.id) for row in rows])


async def albums_of_artist(ctx: Context, artist_id: UUID) -> list[Album]:
    """An artist's albums."""
    return await _albums(ctx, artist_id=artist_id, limit=1000)


async def _albums(
    ctx: Context,
    *,
    artist_id: UUID | None = None,
    album_id: UUID | None = None,
    place: Place | None = None,
    limit: int,
) -> list[Album]:
    await ctx.db.run(sql.plan_anew)
    return await ctx.db.all(
        sql.albums_page,
        Album,
        audiences=ctx.audiences,
        artist_id=artist_id,
        album_id=album_id,
        after_id=place.after_id if place else None,
        after_key=place.after_key if place else "",
        limit=limit,
    )
