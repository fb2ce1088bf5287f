"""What the player keeps of a person: for the export, and to forget it."""

from uuid import UUID

from tutti.context import Context
from tutti.database import queries
from tutti.player.devices import DeviceRow
from tutti.player.history import Played
from tutti.record import Record

sql = queries(__file__)


class PersonsPlayer(Record):
    """A person's history and devices."""

    history: list[Played]
    devices: list[DeviceRow]


async def export_person(ctx: Context, person_id: UUID) -> PersonsPlayer:
    """What a person has heard, and through which devices."""
    return PersonsPlayer(
        history=await ctx.db.all(sql.history_of_person, Played, person_id=person_id),
        devices=await ctx.db.all(sql.devices_of_person, DeviceRow, person_id=person_id),
    )


async def forget_person(ctx: Context, person_id: UUID) -> None:
    """Delete a person's player, history and devices; what he added to other queues loses his name."""
    await ctx.db.run(sql.forget_name, person_id=person_id)
    await ctx.db.run(sql.forget_history, person_id=person_id)
    await ctx.db.run(sql.forget_devices, person_id=person_id)
    await ctx.db.run(sql.forget_player, person_id=person_id)
