"""What PostgreSQL has, and whether every device shows it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

from tests.chaos.device import Device
from tests.chaos.queue import MOST_ITEMS
from tutti.context import Floor

HEALED_WITHIN_S = 5
"""So soon after a part's return every device shows the truth again. Its start is not counted."""
POLL_S = 0.05

Listening = Mapping[UUID, Sequence[Device]]
"""Devices by the player that they show."""


async def truth(floor: Floor, player_id: UUID) -> dict[str, Any]:
    """What every device of this player must show."""
    async with floor.pool.connection() as connection:
        row = await connection.fetchrow(
            """select version, queue_version as "queueVersion", is_playing as "isPlaying", volume,
               repeat_mode as "repeatMode", current_index as "currentIndex", is_shuffled as "isShuffled",
               muted, item ->> 'itemId' as "itemId", position_ms as "positionMs", outputs,
               to_char(anchored_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "anchoredAt"
               from queues where id = $1""",
            player_id,
        )
        items = await connection.fetch(
            """select item_id from queue_places where queue_id = $1 and is_shuffled = $2
               and removed_in is null order by place, item_id limit $3""",
            player_id,
            row["isShuffled"],
            MOST_ITEMS,
        )
        devices = await connection.fetch(
            "select id, name, delay_ms from devices where queue_id = $1", player_id
        )
    shown = {str(each["id"]): [each["name"], each["delay_ms"]] for each in devices}
    return dict(row) | {"devices": shown, "queue": [str(item["item_id"]) for item in items]}


async def converged(
    floor: Floor, devices: Listening, within_s: float = HEALED_WITHIN_S, *, since: float | None = None
) -> float:
    """Wait until every device shows what PostgreSQL has; answers how long that took, in seconds."""
    began = monotonic() if since is None else since
    while True:
        wrong: list[str] = []
        for player_id, those in devices.items():
            true = await truth(floor, player_id)
            wrong += [_difference(device, true) for device in those if device.view() != true]
        took = monotonic() - began
        if not wrong:
            assert took < within_s, f"true only after {took:.1f} s"
            return took
        assert took < within_s, f"{len(wrong)} devices show something else: {wrong[:3]}"
        await asyncio.sleep(POLL_S)


async def caught_up(floor: Floor, listening: Callable[[], Listening], *, since: float) -> float:
    """The same while people go on, when a part is back: until each of those who were here then has shown,
    connected, all that PostgreSQL had at one moment. Who leaves meanwhile is not waited for.

    A device shows a moment a little later than PostgreSQL has it, and no longer than until the next change.
    So all that each shows from now on is kept, and beside it what PostgreSQL had each time it was asked.
    """
    everybody = [device for those in listening().values() for device in those]
    for device in everybody:
        device.be_watched()
    try:
        return await _all_have_shown(floor, listening, everybody, since)
    finally:
        for device in everybody:
            device.watched = None


async def _all_have_shown(
    floor: Floor, listening: Callable[[], Listening], waiting: list[Device], since: float
) -> float:
    had: dict[UUID, list[dict[str, Any]]] = {}
    while True:
        wrong: list[str] = []
        for player_id, those in listening().items():
            here = [device for device in those if device in waiting]
            if here:
                had.setdefault(player_id, []).append(await truth(floor, player_id))
                behind = [each for each in here if not _has_shown(each, had[player_id])]
                waiting = [device for device in waiting if device not in here or device in behind]
                wrong += [_difference(device, had[player_id][-1]) for device in behind]
        took = monotonic() - since
        assert took < HEALED_WITHIN_S, (
            f"{len(wrong)} devices never showed it within {took:.1f} s: {wrong[:3]}"
        )
        if not wrong:
            return took
        await asyncio.sleep(POLL_S)


def _has_shown(device: Device, had: Sequence[dict[str, Any]]) -> bool:
    """Whether a device that is connected shows or has shown something that PostgreSQL had."""
    shown = device.watched or {}
    return device.up.is_set() and any(true in shown.get(true["version"], ()) for true in had)


def _difference(device: Device, true: dict[str, Any]) -> str:
    """What a device shows instead of what."""
    shown = device.view()
    parts = [f"{name} {shown[name]} not {true[name]}" for name in true if shown[name] != true[name]]
    if shown["queue"] != true["queue"]:
        at = next(
            (i for i, (a, b) in enumerate(zip(shown["queue"], true["queue"], strict=False)) if a != b), -1
        )
        lengths = f"{len(shown['queue'])} items not {len(true['queue'])}"
        parts[-1] = f"queue of {lengths}, from place {at}; queue version {device.queue.version}"
    return f"{device.name} (up: {device.up.is_set()}): {', '.join(parts)}"
