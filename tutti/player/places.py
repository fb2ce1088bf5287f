"""Room in a queue: ranks for items at an index, behind another item or at the end, in either order."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from tutti.context import Context
from tutti.database import queries
from tutti.player.model import ranks
from tutti.player.model.state import Player
from tutti.record import Record

CROWD = 256
EVERYTHING = 1_000_000
sql = queries(__file__)

At = Literal["end", "next"] | int | UUID
"""Where songs go: to the end, behind the current item, to an index of the playing order, behind an item."""


class Rank(Record):
    """An item's place in one of the two orders."""

    place: float
    item_id: UUID


class Ends(Record):
    """Where the queue's orders end, and where the current item stands in the shuffled one."""

    last_rank: float | None
    last_shuffle_rank: float | None
    current_shuffle_rank: float | None


class Places:
    """Finds room in one player's queue, and makes it where there is none."""

    def __init__(self, ctx: Context, queue_id: UUID) -> None:
        self._ctx = ctx
        self._queue_id = queue_id

    async def for_songs(self, player: Player, count: int, at: At) -> tuple[list[float], list[float]]:
        """Ranks in the order and in the shuffled one; there the end means mixed into what is to come."""
        current = player.item.item_id if player.item else None
        behind = current if at == "next" else at
        if isinstance(behind, UUID):
            return (
                await self.behind(behind, count, is_shuffled=False),
                await self.behind(behind, count, is_shuffled=True),
            )
        appended, mixed = await self._at_the_end(current, count)
        if behind == "end":
            return appended, mixed
        active = await self.at(behind or 0, count, is_shuffled=player.is_shuffled)
        return (appended, active) if player.is_shuffled else (active, mixed)

    async def at(
        self, index: int, count: int, *, is_shuffled: bool, leaving_out: UUID | None = None
    ) -> list[float]:
        """Ranks from an index on, counted without the item that is being moved."""
        beside = await self._ctx.db.all(
            sql.gap_at,
            Rank,
            queue_id=self._queue_id,
            is_shuffled=is_shuffled,
            leaving_out=leaving_out,
            index=index,
        )
        if index and beside:
            return await self._between(beside, count, is_shuffled, leaving_out)
        return ranks.before(beside[0].place if beside else None, count)

    async def behind(
        self, item_id: UUID, count: int, *, is_shuffled: bool, leaving_out: UUID | None = None
    ) -> list[float]:
        """Ranks right behind an item, which may have been taken out already."""
        beside = await self._beside(item_id, is_shuffled, leaving_out)
        if not beside:
            return await self.at(0, count, is_shuffled=is_shuffled, leaving_out=leaving_out)
        return await self._between(beside, count, is_shuffled, leaving_out)

    async def put(self, item_id: UUID, place: float, *, is_shuffled: bool) -> None:
        """Move one item to a rank."""
        query = sql.move_in_shuffle if is_shuffled else sql.move_in_order
        await self._ctx.db.run(query, queue_id=self._queue_id, item_id=item_id, place=place)

    async def _at_the_end(self, current: UUID | None, count: int) -> tuple[list[float], list[float]]:
        ends = await self._ctx.db.one(sql.ends, Ends, queue_id=self._queue_id, item_id=current)
        if ends is None:
            raise RuntimeError("the query for the ends answers one row, whatever it is asked")
        mixed = ranks.scattered(
            ends.current_shuffle_rank, ends.last_shuffle_rank, count, self._ctx.random_bytes(8)
        )
        return ranks.behind(ends.last_rank, count), mixed

    async def _between(
        self, beside: Sequence[Rank], count: int, is_shuffled: bool, leaving_out: UUID | None
    ) -> list[float]:
        """Where a gap has become too narrow, room is made: first nearby, then in the whole queue."""
        low = beside[0]
        for size in (0, CROWD, EVERYTHING):
            if size:
                await self._ctx.db.run(
                    sql.spread,
                    queue_id=self._queue_id,
                    is_shuffled=is_shuffled,
                    low=low.place,
                    low_item=low.item_id,
                    count=size,
                )
                beside = await self._beside(low.item_id, is_shuffled, leaving_out)
            found = ranks.between(low.place, beside[1].place if len(beside) > 1 else None, count)
            if found is not None:
                return found
        raise RuntimeError("a queue that was spread out has room between any two items")

    async def _beside(self, item_id: UUID, is_shuffled: bool, leaving_out: UUID | None) -> list[Rank]:
        return await self._ctx.db.all(
            sql.gap_after,
            Rank,
            queue_id=self._queue_id,
            is_shuffled=is_shuffled,
            item_id=item_id,
            leaving_out=leaving_out,
        )
