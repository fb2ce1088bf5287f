"""The songs a person likes."""

from datetime import datetime
from uuid import UUID

import msgspec

from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.library.model import SongRow, Songs
from tutti.library.paging import Cursor, Limit, cursor_to, place_in

NOUN = "me"
sql = queries(__file__)


class Place(msgspec.Struct, frozen=True):
    """A song's place among the liked ones."""

    after_id: UUID
    after_time: datetime


@command("GET /me/liked")
async def liked(ctx: Context, limit: Limit = 50, cursor: Cursor | None = None) -> Songs:
    """What I like, the latest first; what I may no longer hear is left out."""
    place = place_in("liked", cursor, Place)
    rows = await ctx.db.all(
        sql.songs_liked,
        SongRow,
        person_id=ctx.me.id,
        audiences=ctx.audiences,
        after_id=place.after_id if place else None,
        after_time=place.after_time if place else None,
        limit=limit + 1,
    )
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursor_to("liked", {"after_id": last.id, "after_time": last.liked_at}) if last else None
    return Songs(items=[row.seen_by(ctx.me.id) for row in rows[:limit]], next_cursor=more)


@command("POST /me/liked/{songId}")
async def like(ctx: Context, song_id: UUID) -> None:
    """Like a song; liking it again changes nothing."""
    if not await ctx.db.value(sql.may_hear, song_id=song_id, audiences=ctx.audiences):
        raise NotFound
    await ctx.db.run(sql.like_song, person_id=ctx.me.id, song_id=song_id, now=ctx.now)


@command("DELETE /me/liked/{songId}")
async def unlike(ctx: Context, song_id: UUID) -> None:
    """No longer like a song; also one that I may no longer hear."""
    await ctx.db.run(sql.unlike_song, person_id=ctx.me.id, song_id=song_id)
