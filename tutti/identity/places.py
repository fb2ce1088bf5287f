"""Places: which device a session speaks for, and which of its sockets does: the newest."""

from datetime import datetime
from uuid import UUID

from tutti import event
from tutti.context import Context
from tutti.database import queries
from tutti.errors import SignInNeeded
from tutti.identity.news import DeviceTaken
from tutti.record import Record

sql = queries(__file__)


class Held(Record):
    """A session's place as it is, locked, and what time it is."""

    device_id: UUID | None
    socket_id: UUID | None
    socket_opened_at: datetime | None
    read_at: datetime


async def bind_device(ctx: Context, device_id: UUID) -> None:
    """From now on my session speaks for this device, and no other session does."""
    mine = ctx.signed_in.id
    for session_id in await ctx.db.all(sql.unbind_device, UUID, device_id=device_id, keep=mine):
        _tell(ctx, session_id, device_id)
    await ctx.db.run(sql.bind_device, id=mine, device_id=device_id)


async def take_place(ctx: Context, socket_id: UUID, opened_at: datetime | None) -> bool:
    """This socket speaks for my session's device; who did so is told. False when a newer one does already.

    `opened_at` is None where the common time is not known yet; then it counts as opened now.
    """
    session_id = ctx.signed_in.id
    held = await ctx.db.one(sql.lock_place, Held, id=session_id)
    if held is None:
        raise SignInNeeded
    if held.device_id is None or held.socket_id == socket_id:
        return True
    # A clock that runs ahead must not keep everybody out for as long as it does.
    opened = min(opened_at or held.read_at, held.read_at)
    if held.socket_id is not None and held.socket_opened_at is not None and opened < held.socket_opened_at:
        return False
    await ctx.db.run(sql.take_place, id=session_id, socket_id=socket_id, opened_at=opened)
    if held.socket_id is not None:
        _tell(ctx, session_id, held.device_id, by=socket_id)
    return True


async def leave_place(ctx: Context, socket_id: UUID) -> bool:
    """Nobody speaks for my session's device now. False when another socket does."""
    return await ctx.db.run(sql.leave_place, id=ctx.signed_in.id, socket_id=socket_id) == 1


def _tell(ctx: Context, session_id: UUID, device_id: UUID, by: UUID | None = None) -> None:
    """The key says who has the place now, so that each server can tell its other sockets from that one."""
    taken = DeviceTaken(device_id=device_id)
    ctx.announce(event.session(session_id), "device.taken", taken, key=str(by or ""))
