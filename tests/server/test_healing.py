import asyncio

import pytest

from server.healing import Healing
from server.hub import Hub
from server.places import Places
from tutti.context import Floor


@pytest.mark.parametrize("rounds_of_the_loop", range(4))
async def test_it_stops_even_when_redis_comes_back_in_that_moment(
    floor: Floor, rounds_of_the_loop: int
) -> None:
    hub = Hub(floor.settings)
    healing = Healing(floor, hub, Places(hub))
    await healing.start()
    await asyncio.sleep(0.05)
    for tell in hub.on_reconnect:
        tell()
    for _ in range(rounds_of_the_loop):
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await healing.stop()
