"""Two minutes of everyday life with faults in it: at the end every device shows what PostgreSQL has.

The seed is printed with every failure; SOAK_SEED=… SOAK_S=120 in the environment play it again.
"""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from random import Random, SystemRandom
from time import monotonic
from typing import Any
from uuid import UUID

import psutil

from tests.chaos.conftest import Running
from tests.chaos.device import Device, converged, devices_of
from tests.chaos.history import History
from tests.chaos.songs import many_songs
from tests.chaos.test_servers import answering
from tests.conftest import add_person
from tutti.context import Floor
from tutti.embedded import Redis

IS_CI = os.environ.get("CI", "").lower() in ("1", "true")
LASTS_S = float(os.environ.get("SOAK_S", "120" if IS_CI else "20"))
PEOPLE, DEVICES_EACH = 20, 10
SETTLES_WITHIN_S = 30
LONGEST_QUEUE = 150
GROWS_BY_MB = 60


class Someone:
    """A person whose devices do whatever comes to mind, one thing after the other."""

    def __init__(self, devices: list[Device], songs: list[str], random: Random) -> None:
        self.devices = devices
        self.songs = songs
        self.random = random
        self.player_id = UUID(devices[0].state["playerId"])

    async def live(self, until: asyncio.Event) -> None:
        output = await self.devices[0].ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        while not until.is_set():
            device = self.random.choice(self.devices)
            method, params = self.whim(device, output["deviceId"])
            await device.insist(method, **params)
            await asyncio.sleep(self.random.uniform(0.2, 1.4))

    def whim(self, device: Device, output: str) -> tuple[str, dict[str, Any]]:
        """One command, made up from what this device sees."""
        random, length = self.random, device.state["queueLength"]
        if length > LONGEST_QUEUE:
            return "queue.clear", {}
        item = random.choice(device.queue) if device.queue else None
        move = {"op": "move", "itemId": item, "to": random.randint(0, max(0, length - 1))}
        whims: list[tuple[str, dict[str, Any]]] = [
            ("queue.add", {"songIds": random.sample(self.songs, random.randint(1, 4)), "at": "end"}),
            ("queue.add", {"songIds": random.sample(self.songs, 1), "at": "next"}),
            ("player.play", {"deviceId": output}),
            ("player.pause", {}),
            ("player.next", {}),
            ("player.previous", {}),
            ("player.seek", {"positionMs": random.randint(0, 200_000)}),
            ("player.change", {"volume": round(random.random(), 3)}),
            ("player.change", {"repeatMode": random.choice(["none", "one", "all"])}),
            ("player.change", {"isShuffled": random.random() < 0.5}),
            ("queue.undo", {}),
            ("queue.redo", {}),
        ]
        if item:
            whims += [
                ("queue.edit", {"operations": [move]}),
                ("queue.edit", {"operations": [{"op": "remove", "itemIds": [item]}]}),
                ("player.play", {"itemId": item, "deviceId": output}),
            ]
        return random.choice(whims)


async def test_a_soak_with_a_server_and_redis_lost_on_the_way(
    running: list[Running], floor: Floor, redis_part: Redis, measured: Any
) -> None:
    seed = int(os.environ.get("SOAK_SEED") or SystemRandom().randrange(2**32))
    print(f"SOAK_SEED={seed} SOAK_S={LASTS_S:g}")
    random, until = Random(seed), asyncio.Event()
    history: dict[int, History] = {}
    servers = [each.server for each in running]
    async with AsyncExitStack() as stack:
        house: list[Someone] = []
        for number in range(PEOPLE):
            person = await add_person(floor, f"Soaked{number}", "member")
            songs, history[number] = await many_songs(floor, person, 12), History()
            devices = await stack.enter_async_context(
                devices_of(floor, person, servers, DEVICES_EACH, history=history[number])
            )
            house.append(Someone(devices, songs, Random(random.random())))
        living = [asyncio.create_task(each.live(until)) for each in house]
        began = monotonic()
        await asyncio.sleep(LASTS_S * random.uniform(0.15, 0.3))
        before = psutil.Process(running[1].process.pid).memory_info().rss
        running[0].process.kill(signal.SIGKILL)
        await asyncio.sleep(LASTS_S * random.uniform(0.05, 0.1))
        running[0].process.start()
        await answering(running[0].server)
        await asyncio.sleep(LASTS_S * random.uniform(0.1, 0.2))
        os.kill(redis_part.pid, signal.SIGKILL)
        await asyncio.sleep(LASTS_S * random.uniform(0.05, 0.1))
        redis_part.start()
        await asyncio.sleep(max(0.0, LASTS_S - (monotonic() - began)))
        until.set()
        await asyncio.gather(*living)
        those = {each.player_id: each.devices for each in house}
        measured(
            f"soak of {LASTS_S:g} s, seed {seed}: all true after quiet, s",
            await converged(floor, those, SETTLES_WITHIN_S),
        )
        grown = (psutil.Process(running[1].process.pid).memory_info().rss - before) / 2**20
        measured("soak: commands answered", sum(len(each.of("ok")) for each in history.values()))
        measured("soak: the longer living server grew by, MB", grown)
        assert grown < GROWS_BY_MB
        for each in history.values():
            unclear = each.of("unknown")
            assert not unclear, unclear[:3]
        assert sum(len(each.of("ok")) for each in history.values()) > LASTS_S * PEOPLE / 10
