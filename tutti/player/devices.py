"""Devices: a browser profile or a program, through which somebody steers or hears."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from tutti import event, identity
from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.player.model import outputs, reports
from tutti.player.model.reports import Report, Said
from tutti.player.model.state import Output
from tutti.player.problems import DeviceCannotPlay, DeviceGone
from tutti.player.rights import CONTROL, SEE, may_sound, player_of
from tutti.player.turn import Turn, locked_by_server, take_turn, take_turn_to_report
from tutti.record import Record

NOUN = "device"
ONLINE_FOR = timedelta(seconds=150)
"""A device that has not been heard for so long is not here any more; it reports at least once a minute."""
SEEN_AGAIN_AFTER = timedelta(seconds=20)
sql = queries(__file__)

Name = Annotated[str, Meta(min_length=1, max_length=80)]
Kind = Literal["browser", "phone", "tablet", "computer", "tv", "program"]
Delay = Annotated[int, Meta(ge=-2000, le=2000)]
Milliseconds = Annotated[int, Meta(ge=0, le=2**40)]


class DeviceRow(Record):
    """A device as it is kept."""

    id: UUID
    queue_id: UUID
    user_id: UUID
    name: str
    kind: Kind
    can_play: bool
    delay_ms: int
    last_seen_at: datetime
    left_at: datetime | None

    def output(self) -> Output:
        """This device as a place where music sounds; raises DeviceCannotPlay."""
        if not self.can_play:
            raise DeviceCannotPlay(name=self.name)
        return Output(device_id=self.id, delay_ms=self.delay_ms)


class Device(Record):
    """A device as everybody at the player sees it."""

    device_id: UUID
    name: str
    kind: Kind
    can_play: bool
    is_online: bool
    delay_ms: int
    last_seen_at: datetime


@event.body("devices.changed")
class Devices(Record):
    """All devices of a player; the event `devices.changed`."""

    devices: tuple[Device, ...]


class DeviceList(Devices):
    """All devices of a player, asked for."""

    version: int
    """The player's, as `devices.changed` carries it: what was heard under a later one is newer than this."""


@command("GET /player/devices")
async def list(ctx: Context, *, player_id: UUID | None = None) -> DeviceList:  # noqa: A001  # the command is device.list
    """All devices of this player, the last seen first."""
    ctx.at_one_moment()
    return await listed(ctx, await player_of(ctx, player_id))


@command("POST /player/devices")
async def register(
    ctx: Context,
    *,
    name: Name,
    kind: Kind = "browser",
    can_play: bool = True,
    device_id: UUID | None = None,
) -> Device:
    """Say what this device is. It keeps the id it gets and gives it back next time.

    A session speaks for one device and a device through one session: the newest takes it over.
    """
    turn = await take_turn(ctx, SEE, None)
    known = await _known(ctx, device_id)
    row_id = known.id if known else ctx.new_id()
    session_id = ctx.signed_in.id
    await ctx.db.run(sql.release_session, session_id=session_id, device_id=row_id)
    given = {
        "id": row_id,
        "queue_id": turn.player.id,
        "session_id": session_id,
        "kind": kind,
        "can_play": can_play,
        "now": ctx.now,
    }
    if known:
        await ctx.db.run(sql.bind_device, **given)
    else:
        await ctx.db.run(sql.add_device, user_id=ctx.me.id, name=name, **given)
    await identity.bind_device(ctx, row_id)
    row = await _row(turn, row_id)
    turn.take(outputs.come(turn.player, ctx.now, row_id))
    await _take_up_start(turn, row)
    if known is None or _is_news(known, row):
        await _announce(turn)
    await turn.end()
    return _seen(row, ctx.now)


@command("PATCH /player/devices/{deviceId}")
async def change(
    ctx: Context,
    *,
    device_id: UUID,
    name: Name | None = None,
    delay_ms: Delay | None = None,
    player_id: UUID | None = None,
) -> Device:
    """Rename a device, or shift its sound against the others'."""
    turn = await take_turn(ctx, CONTROL, player_id)
    before = await _row(turn, device_id)
    delay = before.delay_ms if delay_ms is None else delay_ms
    await ctx.db.run(sql.change_device, id=device_id, name=name or before.name, delay_ms=delay)
    turn.take(outputs.set_delay(turn.player, device_id, delay))
    await _tell(turn)
    return _seen(await _row(turn, device_id), ctx.now)


@command("DELETE /player/devices/{deviceId}")
async def forget(ctx: Context, *, device_id: UUID, player_id: UUID | None = None) -> None:
    """Take a device off the list; music on it pauses."""
    turn = await take_turn(ctx, CONTROL, player_id)
    await _row(turn, device_id)
    turn.take(outputs.remove_output(turn.player, ctx.now, device_id))
    await ctx.db.run(sql.forget_device, id=device_id)
    await _tell(turn)


@command()
async def report(
    ctx: Context,
    *,
    state: Said,
    item_id: UUID | None = None,
    position_ms: Milliseconds = 0,
    version: int = 0,
    measured_at: datetime | None = None,
) -> None:
    """What my device really does. It is a sign of life; believed for the current item and version only.

    `ready` asks for the item alone.
    """
    row = await ctx.db.one(sql.device_of_session, DeviceRow, session_id=ctx.signed_in.id)
    if row is None:
        raise DeviceGone
    said = Report(
        device_id=row.id,
        item_id=item_id,
        position_ms=position_ms,
        state=state,
        version=version,
        measured_at=measured_at,
    )
    turn = await take_turn_to_report(ctx, SEE, row.queue_id, said)
    if reports.is_believed(turn.player, said) or reports.is_ready(turn.player, said):
        window = await turn.window() if state in ("ended", "error") else None
        turn.take(reports.believe(turn.player, ctx.now, said, window))
    await _take_up_start(turn, row)
    await _note_presence(turn, row)
    await turn.end()


@command()
async def leave(ctx: Context) -> None:
    """My device goes away in good order. Music on it stops by itself when it does not come back in time.

    Going takes no right: a guest who was put out has none left, and goes all the same.
    """
    row = await ctx.db.one(sql.device_of_session, DeviceRow, session_id=ctx.signed_in.id)
    turn = await locked_by_server(ctx, row.queue_id) if row and row.left_at is None else None
    if row is None or turn is None:
        return
    turn.take(outputs.leave(turn.player, ctx.now, row.id))
    await ctx.db.run(sql.leave_device, id=row.id, now=ctx.now)
    await _tell(turn)


async def listed(ctx: Context, player_id: UUID) -> DeviceList:
    """A player's devices, and of which version that is; of one moment if the transaction is."""
    version = await ctx.db.value(sql.version_of_player, player_id=player_id)
    if version is None:
        raise NotFound
    return DeviceList(devices=(await devices_of(ctx, player_id)).devices, version=version)


async def devices_of(ctx: Context, player_id: UUID) -> Devices:
    """A player's devices as everybody sees them."""
    rows = await ctx.db.all(sql.devices_of_player, DeviceRow, queue_id=player_id)
    return Devices(devices=tuple(_seen(row, ctx.now) for row in rows))


async def the_device(turn: Turn, device_id: UUID) -> Output:
    """One of this player's devices, as an output; raises DeviceGone or DeviceCannotPlay."""
    return (await _row(turn, device_id)).output()


async def to_play_on(turn: Turn) -> Output | None:
    """Where music starts when it has sounded nowhere yet: here, else on the owner's device last seen."""
    here = await turn.ctx.db.one(sql.device_of_session, DeviceRow, session_id=turn.ctx.signed_in.id)
    if here is None or not here.can_play or here.queue_id != turn.player.id:
        here = await turn.ctx.db.one(
            sql.device_to_play_on,
            DeviceRow,
            queue_id=turn.player.id,
            owner_id=turn.player.user_id,
            seen_after=turn.ctx.now - ONLINE_FOR,
        )
    return here.output() if here else None


async def _known(ctx: Context, device_id: UUID | None) -> DeviceRow | None:
    """The device under the id it was given, if it is this person's; else the one this session spoke for."""
    row = None
    if device_id is not None:
        row = await ctx.db.one(sql.device_of_person, DeviceRow, device_id=device_id, person_id=ctx.me.id)
    return row or await ctx.db.one(sql.device_of_session, DeviceRow, session_id=ctx.signed_in.id)


async def _row(turn: Turn, device_id: UUID) -> DeviceRow:
    row = await turn.ctx.db.one(sql.device_of_player, DeviceRow, device_id=device_id, queue_id=turn.player.id)
    if row is None:
        raise DeviceGone
    return row


async def _take_up_start(turn: Turn, row: DeviceRow) -> None:
    """Music that waits for a device begins on this one, if it may come to it by itself."""
    if row.can_play and outputs.awaits_device(turn.player) and await may_sound(turn.ctx, turn.player):
        turn.take(outputs.appear(turn.player, turn.ctx.now, row.output()))


def _is_news(before: DeviceRow, row: DeviceRow) -> bool:
    """Whether others are shown something else now: who may only look must not raise the version at will."""
    is_other = (before.queue_id, before.kind, before.can_play) != (row.queue_id, row.kind, row.can_play)
    was_away = before.left_at is not None or row.last_seen_at - before.last_seen_at >= SEEN_AGAIN_AFTER
    return is_other or was_away


async def _note_presence(turn: Turn, row: DeviceRow) -> None:
    """Written now and then only, and told when the device had been away."""
    now = turn.ctx.now
    was_here = _is_online(row, now)
    if was_here and now - row.last_seen_at < SEEN_AGAIN_AFTER:
        return
    await turn.ctx.db.run(sql.see_device, id=row.id, now=now)
    if not was_here:
        await _announce(turn)


async def _tell(turn: Turn) -> None:
    await _announce(turn)
    await turn.end()


async def _announce(turn: Turn) -> None:
    turn.tell_devices(await devices_of(turn.ctx, turn.player.id))


def _seen(row: DeviceRow, now: datetime) -> Device:
    return Device(
        device_id=row.id,
        name=row.name,
        kind=row.kind,
        can_play=row.can_play,
        is_online=_is_online(row, now),
        delay_ms=row.delay_ms,
        last_seen_at=row.last_seen_at,
    )


def _is_online(row: DeviceRow, now: datetime) -> bool:
    return row.left_at is None and now - row.last_seen_at < ONLINE_FOR
