"""Changes of the queue, carried out row by row, with what everybody is told and what takes them back."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from tutti.database import Query, queries
from tutti.library import PlayableSong
from tutti.player.model import transport
from tutti.player.model.changes import (
    KEPT,
    REACH,
    TOLD,
    Inserted,
    Kind,
    MoveBack,
    Moved,
    PutBack,
    Removed,
    Reorder,
    Step,
    TakeOut,
    Told,
    told_or_reload,
)
from tutti.player.model.state import Item, Source, changed, state_of
from tutti.player.places import At, Places
from tutti.player.problems import ItemGone, QueueFull
from tutti.player.turn import Turn
from tutti.record import Record

MOST_ITEMS = 20_000
FORGET_EVERY = 20
sql = queries(__file__)


class Index(Record):
    """Where an item stands in playing order."""

    item_id: UUID
    index: int


class Editing:
    """One change of a player's queue: any number of operations under one queue version, undone as one."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._ctx = turn.ctx
        self._places = Places(turn.ctx, turn.player.id)
        self._number = turn.player.queue_version + 1
        self._length = turn.player.queue_length
        self._told: list[Told] | None = []
        self._steps: list[Step] = []
        self._return_to: UUID | None = None
        self._before = turn.player.item.item_id if turn.player.item else None

    async def insert(self, songs: Sequence[PlayableSong], at: At, source: Source = "queue") -> list[Item]:
        """Add songs; answers their items. Under shuffle, the end means mixed into what is to come."""
        items = [self._item(song, source) for song in songs]
        if not items:
            return items
        player = self._turn.player
        at = min(at, self._length) if isinstance(at, int) else at
        in_order, in_shuffle = await self._places.for_songs(player, len(items), at)
        await self._ctx.db.run(
            sql.put_in,
            queue_id=player.id,
            queue_version=self._number,
            added_by=self._ctx.me.id,
            now=self._ctx.now,
            item_ids=[item.item_id for item in items],
            song_ids=[item.song_id for item in items],
            details=[_details(item) for item in items],
            ranks=in_order,
            shuffle_ranks=in_shuffle,
        )
        self._steps.append(TakeOut(put_in=self._number))
        self._length += len(items)
        await self._tell_inserted(items)
        return items

    async def take_out(self, item_ids: Sequence[UUID]) -> None:
        """Remove these items, as far as they are there."""
        told = await self._indexes(item_ids)
        if told is not None:
            self._tell([Removed(index=each.index, item_id=each.item_id) for each in told])
        else:
            self._told = None
        self._took_out(await self._run(sql.take_out, queue_version=self._number, item_ids=list(item_ids)))

    async def holds(self, item_id: UUID) -> bool:
        """Whether this item is in the queue."""
        return bool(await self._ctx.db.value(sql.is_there, item_id=item_id, queue_id=self._turn.player.id))

    async def take_out_others(self, staying: Sequence[UUID] = ()) -> None:
        """Take out all but these items."""
        self._told = None
        self._took_out(
            await self._run(sql.take_out_others, queue_version=self._number, staying=list(staying))
        )

    async def move(self, item_id: UUID, to: int) -> None:
        """Move one item to an index of the playing order, counted without it; raises ItemGone."""
        await self._move(item_id, to=min(to, max(self._length - 1, 0)))

    async def move_behind(self, item_id: UUID, behind: UUID | None) -> None:
        """Move one item behind another, in playing order; None: to the front."""
        await self._move(item_id, behind=behind, to=None if behind else 0)

    async def reorder(self, *, is_shuffled: bool) -> None:
        """Shuffle anew, keeping the current item, or go back to the former order."""
        if is_shuffled:
            await self._run(sql.keep_order, queue_version=self._number)
            seed = int.from_bytes(self._ctx.random_bytes(8), "big", signed=True)
            await self._run(sql.shuffle, first=self._before, length=self._length, seed=seed)
        self._play_by(is_shuffled=is_shuffled)

    async def take_back(self, steps: Sequence[Step]) -> None:
        """Carry out the inverse of a change, on the queue as it is today."""
        for step in steps:
            match step:
                case TakeOut(put_in=number):
                    await self.take_out(await self._ids(sql.items_put_in, queue_version=number))
                case PutBack(taken_in=number, current=current):
                    if current in await self._put_back(number):
                        self._return_to = current
                case MoveBack(item_id=item_id, behind=behind, is_shuffled=is_shuffled):
                    await self._move_back(item_id, behind, is_shuffled=is_shuffled)
                case Reorder(is_shuffled=is_shuffled, as_of=version):
                    await self._mix_as_it_was(version)
                    self._play_by(is_shuffled=is_shuffled)

    async def finish(self, kind: Kind = "change") -> None:
        """Let the player take the queue over, keep the change for undo, and tell it.

        What changed nothing (a move to where it stood) leaves nothing to take back.
        """
        turn = self._turn
        if not self._steps and kind in ("change", "play"):
            return
        if self._length > max(MOST_ITEMS, turn.player.queue_length):
            raise QueueFull(most=MOST_ITEMS, player=state_of(turn.player))
        window = await turn.window_after_edit(self._length, await self._goes_on_at())
        turn.take(transport.requeue(turn.player, self._ctx.now, window))
        turn.take(changed(turn.player, queue_version=self._number))
        news = told_or_reload(self._number, self._length, turn.by, self._told)
        turn.tell_queue(news)
        await self._run(
            sql.keep_change,
            queue_version=self._number,
            kind=kind,
            made_by=turn.by.id if turn.by else None,
            now=self._ctx.now,
            told=None if news.reload else news,
            inverse=list(reversed(self._steps)),
        )
        if self._number % FORGET_EVERY == 0:
            await self._forget()

    async def _goes_on_at(self) -> UUID | None:
        """What is current from now on; None: what is so now, or its successor.

        What was current when the change was made comes back with it, unless that would interrupt other music.
        """
        if self._return_to is None or (self._before is not None and await self.holds(self._before)):
            return None
        return self._return_to

    async def _forget(self) -> None:
        oldest = self._number - KEPT
        await self._run(sql.forget_changes, oldest=oldest)
        await self._run(sql.forget_items, oldest=oldest)
        await self._run(sql.forget_orders, oldest=oldest)
        await self._run(sql.empty_orders, reach=REACH)

    def _play_by(self, *, is_shuffled: bool) -> None:
        player = self._turn.player
        self._steps.append(Reorder(is_shuffled=player.is_shuffled, as_of=self._number - 1))
        self._told = None
        self._turn.take(changed(player, is_shuffled=is_shuffled))

    async def _mix_as_it_was(self, version: int | None) -> None:
        """Who first mixed it anew after this version kept how it was; what came since stays in its place."""
        if version is None:
            return
        replaced_in = await self._ctx.db.value(
            sql.order_replaced_after, queue_id=self._turn.player.id, version=version
        )
        if replaced_in is not None:
            await self._run(sql.keep_order, queue_version=self._number)
            await self._run(sql.put_order_back, replaced_in=replaced_in)

    def _item(self, song: PlayableSong, source: Source) -> Item:
        return Item(
            item_id=self._ctx.new_id(),
            song_id=song.song_id,
            title=song.title,
            artist=song.artist,
            album=song.album,
            duration_ms=song.duration_ms,
            cover_url=song.cover_url,
            added_by=self._turn.by,
            source=source,
        )

    async def _move(self, item_id: UUID, *, to: int | None, behind: UUID | None = None) -> None:
        player = self._turn.player
        start = await self._index(item_id)
        if start == to:
            return
        stood_behind = await self._ctx.db.value(
            sql.item_before, queue_id=player.id, is_shuffled=player.is_shuffled, item_id=item_id
        )
        await self._put(item_id, to or 0, behind, is_shuffled=player.is_shuffled)
        arrived = to if to is not None else await self._index(item_id)
        self._tell([Moved(item_id=item_id, from_=start, to=arrived)])
        self._steps.append(MoveBack(item_id=item_id, behind=stood_behind, is_shuffled=player.is_shuffled))

    async def _move_back(self, item_id: UUID, behind: UUID | None, *, is_shuffled: bool) -> None:
        """What was removed meanwhile stays removed. A move in the other order is not seen in this one."""
        if not await self.holds(item_id):
            return
        if is_shuffled == self._turn.player.is_shuffled:
            await self.move_behind(item_id, behind)
        else:
            await self._put(item_id, 0, behind, is_shuffled=is_shuffled)

    async def _put(self, item_id: UUID, index: int, behind: UUID | None, *, is_shuffled: bool) -> None:
        """Give an item a place behind another, or else at an index."""
        if behind is not None:
            room = await self._places.behind(behind, 1, is_shuffled=is_shuffled, leaving_out=item_id)
        else:
            room = await self._places.at(index, 1, is_shuffled=is_shuffled, leaving_out=item_id)
        await self._places.put(item_id, room[0], is_shuffled=is_shuffled)

    async def _put_back(self, number: int) -> list[UUID]:
        """Put back what this change took out; answers what that was."""
        back = await self._ids(sql.put_back, taken_in=number, queue_version=self._number, kept=KEPT)
        self._steps.append(TakeOut(put_in=self._number))
        self._length += len(back)
        if self._told is None or len(back) > TOLD:
            self._told = None
        else:
            await self._tell_inserted(await self._items(back))
        return back

    def _took_out(self, count: int) -> None:
        self._length -= count
        if count:
            self._steps.append(PutBack(taken_in=self._number, current=self._before))

    async def _tell_inserted(self, items: list[Item]) -> None:
        """Items added together may stand apart under shuffle; told from the front, each index is final."""
        found = await self._indexes([item.item_id for item in items])
        if found is None:
            self._told = None
            return
        by_id = {item.item_id: item for item in items}
        for each in reversed(found):
            self._tell([Inserted(index=each.index, items=(by_id[each.item_id],))])

    def _tell(self, changes: Sequence[Told]) -> None:
        if self._told is not None:
            self._told += changes

    async def _indexes(self, item_ids: Sequence[UUID]) -> list[Index] | None:
        """Where they stand, those further back first; None when nobody will be told so many."""
        if len(item_ids) > TOLD:
            return None
        player = self._turn.player
        return await self._ctx.db.all(
            sql.indexes, Index, queue_id=player.id, is_shuffled=player.is_shuffled, item_ids=list(item_ids)
        )

    async def _index(self, item_id: UUID) -> int:
        found = await self._indexes([item_id])
        if not found:
            raise ItemGone(player=state_of(self._turn.player))
        return found[0].index

    async def _items(self, item_ids: Sequence[UUID]) -> list[Item]:
        return await self._ctx.db.all(sql.items, Item, queue_id=self._turn.player.id, item_ids=list(item_ids))

    async def _ids(self, query: Query, **parameters: int) -> list[UUID]:
        return await self._ctx.db.all(query, UUID, queue_id=self._turn.player.id, **parameters)

    async def _run(self, query: Query, **parameters: object) -> int:
        return await self._ctx.db.run(query, queue_id=self._turn.player.id, **parameters)


def _details(item: Item) -> dict[str, object]:
    """What queue_items.details keeps: an item as it travels, without what has columns of its own."""
    row: dict[str, object] = msgspec.to_builtins(item)
    del row["itemId"], row["songId"]
    return row
