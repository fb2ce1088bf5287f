"""The queue: what will play. Every change is kept with who made it, and can be taken back."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from tutti import event, library
from tutti.command import command
from tutti.context import Context
from tutti.database import Query, queries
from tutti.player.editing import MOST_ITEMS, Editing
from tutti.player.model.changes import QueueChanged, Step
from tutti.player.model.state import Item, Player, PlayerState, RepeatMode, Source, state_of
from tutti.player.problems import ItemGone, NothingToRedo, NothingToUndo, SongsNotFound
from tutti.player.rights import ADD, CONTROL
from tutti.player.turn import Turn, shown, take_turn
from tutti.player.windows import as_known, songs_known
from tutti.record import Record

NOUN = "queue"
AROUND = 20
MOST_MISSED = 100
sql = queries(__file__)

Songs = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=10_000)]
Items = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=MOST_ITEMS)]
Index = Annotated[int, Meta(ge=0)]
Limit = Annotated[int, Meta(ge=1, le=200)]


@event.body("queue.state")
class Queue(Record):
    """A part of the queue in playing order."""

    player_id: UUID
    version: int
    queue_version: int
    from_: int
    """The index of the first item here."""
    length: int
    current_index: int
    is_shuffled: bool
    repeat_mode: RepeatMode
    items: tuple[Item, ...]
    song_ids: tuple[UUID, ...]
    changes: tuple[QueueChanged, ...] | None = None
    """What was missed since the version asked for; null when that was not asked or is too much."""


class Move(Record, tag_field="op", tag="move"):
    """One item to another index, counted without it."""

    item_id: UUID
    to: Index


class Remove(Record, tag_field="op", tag="remove"):
    """Items leave; those that are gone already do no harm."""

    item_ids: Items


class Replace(Record, tag_field="op", tag="replace"):
    """Songs take the place of one item, or of the whole queue."""

    song_ids: Songs
    item_id: UUID | None = None
    source: Source = "queue"


Operations = Annotated[tuple[Move | Remove | Replace, ...], Meta(min_length=1, max_length=200)]


class Kept(Record):
    """A change that can be taken back."""

    queue_version: int
    inverse: tuple[Step, ...]


@command("GET /player/queue")
async def get(
    ctx: Context,
    *,
    from_: Index | None = None,
    limit: Limit = 50,
    since: int | None = None,
    player_id: UUID | None = None,
) -> Queue:
    """Part of the queue, by default around the current item; with `since`, what changed since then."""
    player = (await shown(ctx, player_id)).player
    return await page(ctx, player, from_, limit, since)


@command("POST /player/queue")
async def add(
    ctx: Context,
    *,
    song_ids: Songs,
    at: Literal["end", "next"] | Index = "end",
    source: Source = "queue",
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Add songs: at the end, behind the current one, or at an index."""
    songs = await playable_songs(ctx, song_ids)
    turn = await take_turn(ctx, ADD, player_id, if_version, command_id)
    if turn.is_first:
        editing = Editing(turn)
        await editing.insert(songs, at, source)
        await editing.finish()
    return await turn.end()


@command("PATCH /player/queue")
async def edit(
    ctx: Context,
    *,
    operations: Operations,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Move, remove and replace, in this order and as one change: all of it happens, or nothing."""
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        editing = Editing(turn)
        for operation in operations:
            await _carry_out(ctx, turn, editing, operation)
        await editing.finish()
    return await turn.end()


@command("DELETE /player/queue")
async def clear(
    ctx: Context,
    *,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Empty the queue; the music stops."""
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first and turn.player.queue_length:
        editing = Editing(turn)
        await editing.take_out_others()
        await editing.finish()
    return await turn.end()


@command("POST /player/queue/undo")
async def undo(
    ctx: Context,
    *,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Take back my last change of the queue, on the queue as it is today; again, the one before.

    What plays and stays in the queue plays on. If it goes, and the song that was current before the change
    comes back, the music goes on with that one, from its beginning.
    """
    turn = await take_turn(ctx, ADD, player_id, if_version, command_id)
    if turn.is_first:
        await _take_back(turn, sql.last_change_of_mine, "undo", NothingToUndo)
    return await turn.end()


@command("POST /player/queue/redo")
async def redo(
    ctx: Context,
    *,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Take back my last undo, as long as I have changed nothing since."""
    turn = await take_turn(ctx, ADD, player_id, if_version, command_id)
    if turn.is_first:
        await _take_back(turn, sql.last_undo_of_mine, "redo", NothingToRedo)
    return await turn.end()


async def page(
    ctx: Context,
    player: Player,
    from_: int | None = None,
    limit: int = 2 * AROUND + 1,
    since: int | None = None,
) -> Queue:
    """Part of a player's queue as everybody sees it."""
    missed = None if since is None else await _missed(ctx, player, since)
    first = max(0, player.current_index - AROUND) if from_ is None else from_
    items: list[Item] = []
    if missed is None:
        items = await ctx.db.all(
            sql.page, Item, queue_id=player.id, is_shuffled=player.is_shuffled, first=first, count=limit
        )
        known = await songs_known(ctx, {item.song_id for item in items})
        items = [as_known(item, known) for item in items]
    return Queue(
        player_id=player.id,
        version=player.version,
        queue_version=player.queue_version,
        from_=first,
        length=player.queue_length,
        current_index=player.current_index,
        is_shuffled=player.is_shuffled,
        repeat_mode=player.repeat_mode,
        items=tuple(items),
        song_ids=tuple(item.song_id for item in items),
        changes=missed,
    )


async def playable_songs(ctx: Context, song_ids: Sequence[UUID]) -> list[library.PlayableSong]:
    """The songs, all of them; raises SongsNotFound naming those that the caller may not hear."""
    songs = await library.songs_to_play(ctx, song_ids)
    if len(songs) != len(song_ids):
        found = {song.song_id for song in songs}
        missing = [song_id for song_id in dict.fromkeys(song_ids) if song_id not in found]
        raise SongsNotFound(song_ids=missing)
    return songs


async def _missed(ctx: Context, player: Player, since: int) -> tuple[QueueChanged, ...] | None:
    """Every change after a version; None when one of them cannot be told or there are too many."""
    count = player.queue_version - since
    if not 0 <= count <= MOST_MISSED:
        return None
    rows = await ctx.db.all(sql.changes_since, Missed, queue_id=player.id, since=since)
    told = tuple(row.told for row in rows if row.told is not None)
    return told if len(told) == count else None


class Missed(Record):
    """A change as it was told; null when everybody was told to reload."""

    told: QueueChanged | None


async def _carry_out(ctx: Context, turn: Turn, editing: Editing, operation: Move | Remove | Replace) -> None:
    match operation:
        case Move(item_id=item_id, to=to):
            await editing.move(item_id, to)
        case Remove(item_ids=item_ids):
            await editing.take_out(item_ids)
        case Replace(song_ids=song_ids, item_id=None, source=source):
            items = await editing.insert(await playable_songs(ctx, song_ids), "end", source)
            await editing.take_out_others([item.item_id for item in items])
        case Replace(song_ids=song_ids, item_id=UUID() as item_id, source=source):
            if not await editing.holds(item_id):
                raise ItemGone(player=state_of(turn.player))
            await editing.insert(await playable_songs(ctx, song_ids), item_id, source)
            await editing.take_out([item_id])


async def _take_back(
    turn: Turn,
    query: Query,
    kind: Literal["undo", "redo"],
    nothing: type[NothingToUndo] | type[NothingToRedo],
) -> None:
    kept = await turn.ctx.db.one(query, Kept, queue_id=turn.player.id, person_id=turn.ctx.me.id)
    if kept is None:
        raise nothing(player=state_of(turn.player))
    await turn.ctx.db.run(sql.mark_undone, queue_id=turn.player.id, queue_version=kept.queue_version)
    editing = Editing(turn)
    await editing.take_back(kept.inverse)
    await editing.finish(kind)
