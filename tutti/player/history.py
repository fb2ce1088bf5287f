"""What was heard."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from tutti import identity
from tutti.command import command
from tutti.context import Context
from tutti.cursor import from_cursor, to_cursor
from tutti.database import queries
from tutti.player.model.course import anchor
from tutti.player.model.hearing import Heard, finished
from tutti.player.model.settling import Settled
from tutti.player.model.state import Player
from tutti.player.turn import shown
from tutti.record import Record

NOUN = "player"
LAST_ID: Final = UUID(int=2**128 - 1)
sql = queries(__file__)


class Played(Record):
    """One hearing of a song. `id` is null while it still goes on, or has ended and is not written yet."""

    id: UUID | None
    user_id: UUID | None
    song_id: UUID
    played_at: datetime
    played_duration: int
    completed: bool
    source: str


class History(Record):
    """What was heard on a player, newest first."""

    items: tuple[Played, ...]
    next_cursor: str | None


@command("GET /player/history")
async def history(
    ctx: Context,
    *,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    cursor: str | None = None,
    player_id: UUID | None = None,
) -> History:
    """What was heard, newest first; the first page begins with what is being heard now. The owner's alone."""
    settled = await shown(ctx, player_id, identity.OWN)
    unwritten = [] if cursor else _unwritten(settled)
    place = from_cursor(cursor, Place) if cursor else None
    rows = await ctx.db.all(
        sql.history,
        Played,
        queue_id=settled.player.id,
        before_at=place.at if place else None,
        before_id=place.id if place else None,
        count=limit + 1,
    )
    items = [*unwritten, *rows][:limit]
    is_last = len(unwritten) + len(rows) <= limit
    return History(items=tuple(items), next_cursor=None if is_last else _cursor_behind(items[-1]))


class Place(Record):
    """Behind which row the next page begins."""

    at: datetime
    id: UUID


def _unwritten(settled: Settled) -> list[Played]:
    """Hearings that are not rows yet, newest first: the one going on, and any that time has just ended."""
    player = settled.player
    ended = [*settled.ended]
    hearing = anchor(player, player.read_at).hearing
    if hearing is not None and player.item is not None:
        item = player.item
        ended.append(finished(hearing, item.song_id, item.duration_ms, item.source))
    return [_played(heard, player) for heard in reversed(ended)]


def _played(heard: Heard, player: Player) -> Played:
    return Played(id=None, user_id=player.user_id, **msgspec.structs.asdict(heard))


def _cursor_behind(played: Played) -> str:
    return to_cursor(Place(at=played.played_at, id=played.id or LAST_ID))
