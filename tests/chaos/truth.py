"""What PostgreSQL has, and whether every device shows it."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

from tests.chaos.device import Device
from tests.chaos.queue import MOST_ITEMS
from tutti.context import Floor

HEALED_WITHIN_S = 5
"""So soon after a part's return every device shows the truth again. Its start is not counted."""


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
    floor: Floor,
    devices: Mapping[UUID, Sequence[Device]],
    within_s: float = HEALED_WITHIN_S,
    *,
    since: float | None = None,
) -> float:
    """Wait until every device shows what PostgreSQL has; answers how long that took, in seconds."""
    began = monotonic() if since is None else since
    while True:
        wrong: list[str] = []
        for player_id, those in devices.items():
            true = await truth(floor, player_id)
            wrong += [_difference(device, true) for device in those if device.view() != true]
        if not wrong:
            return monotonic() - began
        assert monotonic() - began < within_s, f"{len(wrong)} devices show something else: {wrong[:3]}"
        await asyncio.sleep(0.05)


async def caught_up(floor: Floor, devices: Mapping[UUID, Sequence[Device]]) -> float:
    """The same while people go on, when a part is back: until all are as far as PostgreSQL was then."""
    began, goal = monotonic(), {player_id: await truth(floor, player_id) for player_id in devices}
    while True:
        behind = [
            device.name
            for player_id, those in devices.items()
            for device in those
            if device.state["version"] < goal[player_id]["version"]
            or device.queue.version < goal[player_id]["queueVersion"]
        ]
        if not behind:
            return monotonic() - began
        assert monotonic() - began < HEALED_WITHIN_S, f"{len(behind)} devices are behind: {behind[:3]}"
        await asyncio.sleep(0.02)


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
