"""Artists, as far as there is a song of theirs that one may hear."""

from uuid import UUID

import msgspec

from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.library.albums import albums_of_artist
from tutti.library.model import Artist, Artists, ArtistWithWorks, SongRow, key_of
from tutti.library.paging import Cursor, Limit, cursor_to, place_in

NOUN = "artist"
sql = queries(__file__)


class Place(msgspec.Struct, frozen=True):
    """An artist's place among the names."""

    after_id: UUID
    after_key: str


@command("GET /artists")
async def browse(ctx: Context, limit: Limit = 50, cursor: Cursor | None = None) -> Artists:
    """Artists in order of their names."""
    found = await _artists(ctx, place=place_in("artists", cursor, Place), limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_to("artists", {"after_id": last.id, "after_key": key_of(last.name)}) if last else None
    return Artists(items=found[:limit], next_cursor=more)


@command("GET /artists/{artistId}")
async def show(ctx: Context, artist_id: UUID) -> ArtistWithWorks:
    """An artist with his albums and songs."""
    found = await _artists(ctx, artist_id=artist_id, limit=1)
    if not found:
        raise NotFound
    rows = await ctx.db.all(
        sql.songs_of_artist, SongRow, artist_id=artist_id, person_id=ctx.me.id, audiences=ctx.audiences
    )
    return ArtistWithWorks(
        artist=found[0],
        albums=await albums_of_artist(ctx, artist_id),
        songs=[row.seen_by(ctx.me.id) for row in rows],
    )


async def _artists(
    ctx: Context, *, artist_id: UUID | None = None, place: Place | None = None, limit: int
) -> list[Artist]:
    await ctx.db.run(sql.plan_anew)
    return await ctx.db.all(
        sql.artists_page,
        Artist,
        audiences=ctx.audiences,
        artist_id=artist_id,
        after_id=place.after_id if place else None,
        after_key=place.after_key if place else "",
        limit=limit,
    )
