"""Whether there is room for more bytes: the disk's, counted with what open uploads may still write (F21)."""

from tutti.context import Context
from tutti.database import queries
from tutti.errors import StorageFull
from tutti.storage import Room
from tutti.uploads.model import is_full

sql = queries(__file__)
KEPT = "uploads.room"


class Gate:
    """Whether this process found the disk full the last time it looked."""

    is_full = False

    async def aclose(self) -> None:
        """Nothing is held open."""


async def check_room(ctx: Context, size: int) -> None:
    """Raise StorageFull when `size` more bytes would fill the storage beyond its reserve."""
    room = await ctx.storage.room()
    if room is None:
        return
    async with ctx.transaction():
        promised = await ctx.db.value(sql.still_to_come)
    _pass(ctx, Room(room.free - size - promised, room.total))


async def check_room_for_promised(ctx: Context) -> None:
    """The same for bytes whose room was reserved when their upload began; asks no database."""
    room = await ctx.storage.room()
    if room is not None:
        _pass(ctx, room)


def _pass(ctx: Context, room: Room) -> None:
    gate: Gate = ctx.floor.kept.setdefault(KEPT, Gate())
    gate.is_full = is_full(room.free, room.total, ctx.settings.storage_reserve_bytes, was_full=gate.is_full)
    if gate.is_full:
        raise StorageFull(retry_after=60)
