"""The part of the queue a decision looks at, read around an item; and time let pass with it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from tutti import identity, library
from tutti.context import Context
from tutti.database import queries
from tutti.player.model.hearing import Heard
from tutti.player.model.settling import Settled, needs_window, settle
from tutti.player.model.state import Item, Player, changed, is_over
from tutti.player.model.window import SIZE, Window
from tutti.record import Record

MOST_WINDOWS = 8
FURTHER = 10
sql = queries(__file__)


class Around(Record):
    """A window's rows; `index` is null where it was not counted."""

    item: Item | None
    index: int | None
    before: tuple[Item, ...]
    after: tuple[Item, ...]
    head: tuple[Item, ...]
    tail: tuple[Item, ...]


async def settled(ctx: Context, player: Player, now: datetime) -> Settled:
    """Let time pass, looking up what follows only when a song has ended, and again where the window ends."""
    ended: tuple[Heard, ...] = ()
    for _ in range(MOST_WINDOWS):
        window = await window_of(ctx, player) if needs_window(player, now) else None
        player, more = settle(player, now, window)
        ended += more
        if window is None:
            break
    return Settled(player, ended)


async def window_of(
    ctx: Context,
    player: Player,
    center: UUID | None = None,
    *,
    goes_round: bool = False,
    counts: bool = False,
) -> Window:
    """The queue around an item, by default the current one, with what its owner may not hear marked.

    Both ends of the order come along where it may go round, or when `goes_round` says that it will. Where
    nothing of what follows can be played (an album that was deleted), it looks further.
    """
    size = SIZE
    while True:
        window = await _window(ctx, player, center, size, goes_round=goes_round, counts=counts)
        if not window.is_cut or any(item.song_id not in window.unplayable for item in window.after):
            return window
        size *= FURTHER


async def _window(
    ctx: Context, player: Player, center: UUID | None, size: int, *, goes_round: bool, counts: bool
) -> Window:
    current = player.item.item_id if player.item else None
    around = await ctx.db.one(
        sql.window,
        Around,
        queue_id=player.id,
        is_shuffled=player.is_shuffled,
        item_id=center or current,
        size=size,
        goes_round=goes_round or player.repeat_mode == "all" or is_over(player),
        counts=counts or center is not None,
    )
    if around is None:
        raise RuntimeError("the query for a window answers one row, whatever it is asked")
    window = Window(
        item=around.item,
        index=player.current_index if around.index is None else around.index,
        length=player.queue_length,
        before=around.before,
        after=around.after,
        head=around.head,
        tail=around.tail,
        is_cut=len(around.after) >= size,
    )
    return await _marked(ctx, player.user_id, window)


async def _marked(ctx: Context, owner_id: UUID | None, window: Window) -> Window:
    """What follows and what came before as the library knows it now, with what cannot be played marked.

    It is asked with the owner's ears, whoever acts and also when it is a timer: one version must show the
    same to all. A player that nobody owns trusts its queue, and the output reports what fails.
    """
    middle = (window.item,) if window.item else ()
    asked = {item.song_id for item in (*middle, *window.after, *window.head, *window.before, *window.tail)}
    if owner_id is None or not asked:
        return window
    audiences = identity.audiences_of(owner_id)
    songs = await library.songs_to_play(ctx, list(asked), audiences)
    known = {song.song_id: song for song in songs}
    return msgspec.structs.replace(
        window,
        item=as_known(window.item, known) if window.item else None,
        after=tuple(as_known(item, known) for item in window.after),
        head=tuple(as_known(item, known) for item in window.head),
        before=tuple(as_known(item, known) for item in window.before),
        tail=tuple(as_known(item, known) for item in window.tail),
        unplayable=asked - {song_id for song_id, song in known.items() if song.playable},
    )


async def songs_known(ctx: Context, song_ids: Iterable[UUID]) -> dict[UUID, library.PlayableSong]:
    """The songs of these that the caller may hear."""
    return {song.song_id: song for song in await library.songs_to_play(ctx, list(song_ids))}


def as_known(item: Item, known: Mapping[UUID, library.PlayableSong]) -> Item:
    """An item with its song's present title and the like; one whose song is gone keeps what it was called."""
    song = known.get(item.song_id)
    if song is None:
        return item
    return changed(
        item,
        title=song.title,
        artist=song.artist,
        album=song.album,
        duration_ms=song.duration_ms,
        cover_url=song.cover_url,
    )
