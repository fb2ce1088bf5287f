"""Two minutes of everyday life with faults in it: at the end every device shows what PostgreSQL has.

The seed is printed with every failure; SOAK_SEED=… SOAK_S=120 in the environment play it again.
"""

import asyncio
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from random import Random, SystemRandom
from time import monotonic
from typing import Any

import aiohttp
import psutil

from tests.chaos.conftest import Running
from tests.chaos.history import History, check_effects, check_versions
from tests.chaos.household import bearer, devices_of, households, listening
from tests.chaos.songs import added_songs, many_songs
from tests.chaos.steering import steered
from tests.chaos.test_servers import answering, browse
from tests.chaos.truth import Listening, caught_up, converged
from tests.chaos.whims import ADD, Someone
from tests.conftest import add_person
from tutti.context import Floor
from tutti.embedded import Redis

IS_CI = os.environ.get("CI", "").lower() in ("1", "true")
LASTS_S = float(os.environ.get("SOAK_S", "120" if IS_CI else "20"))
PEOPLE, DEVICES_EACH, HOSTS = 20, 10, 6
WRITERS, WRITES_EVERY_S = 2, 0.5
"""People beside those whose devices only append, so that what must stand in their queues is known."""
REFUSED = {401, 404, 409, 503}
"""Put out, gone meanwhile, not as things stand, and a part away; anything else would be a fault."""
EACH_PER_S = 1.2
"""Commands of one person that are answered: he wishes something every 0.8 s, and some of it is refused."""
GROWS_BY_MB = 60


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
            songs, history[number] = await many_songs(floor, person, 40 + round(LASTS_S)), History()
            devices = await stack.enter_async_context(
                devices_of(floor, person, servers, DEVICES_EACH, history=history[number])
            )
            house.append(Someone(devices, songs, Random(random.random())))
        count = 10 + round(2 * LASTS_S / WRITES_EVERY_S)
        homes = await stack.enter_async_context(households(floor, servers, WRITERS, songs=2 * count))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        await stack.enter_async_context(steered(floor, servers))
        living = [asyncio.create_task(each.live(until)) for each in house]
        await asyncio.sleep(0.5)
        living += [asyncio.create_task(each.entertain(servers, http, until)) for each in house[:HOSTS]]
        living += [asyncio.create_task(home.add_songs(until, WRITES_EVERY_S)) for home in homes]
        headers = await bearer(floor, await add_person(floor, "Reader", "member"))
        reading = asyncio.create_task(browse(servers, headers, until))

        def here() -> Listening:
            return {**{each.player_id: each.everybody for each in house}, **listening(homes)}

        began = monotonic()
        await asyncio.sleep(LASTS_S * random.uniform(0.15, 0.3))
        before = psutil.Process(running[1].process.pid).memory_info().rss
        running[0].process.kill(signal.SIGKILL)
        true = await caught_up(floor, here, since=monotonic())
        measured("soak: all have been true elsewhere after the kill, s", true)
        await asyncio.sleep(LASTS_S * random.uniform(0.05, 0.1))
        running[0].process.start()
        await answering(running[0].server)
        true = await caught_up(floor, here, since=monotonic())
        measured("soak: all have been true after the server's return, s", true)
        await asyncio.sleep(LASTS_S * random.uniform(0.1, 0.2))
        os.kill(redis_part.pid, signal.SIGKILL)
        await asyncio.sleep(LASTS_S * random.uniform(0.05, 0.1))
        redis_part.start()
        true = await caught_up(floor, here, since=monotonic())
        measured("soak: all have been true after the return of Redis, s", true)
        await asyncio.sleep(max(0.0, LASTS_S - (monotonic() - began)))
        until.set()
        await asyncio.gather(*living)
        for guest in (guest for each in house for guest in each.guests):
            stack.push_async_callback(guest.__aexit__)
        measured(
            f"soak of {LASTS_S:g} s, seed {seed}: all true after quiet, s",
            await converged(floor, here()),
        )
        guests = [guest for each in house for guest in (*each.guests, *each.gone)]
        everybody = [*guests, *(device for each in house for device in each.devices)]
        refused = sum((device.statuses for device in everybody), Counter[int]())
        refused.update(status for status in await reading if status != 200)
        measured("soak: guests, and what was refused how often", f"{len(guests)}; {dict(refused)}")
        assert len(guests) > HOSTS
        assert refused.keys() <= REFUSED, "nothing was wrongly said, and nothing broke"
        grown = (psutil.Process(running[1].process.pid).memory_info().rss - before) / 2**20
        measured("soak: commands answered", sum(len(each.of("ok")) for each in history.values()))
        measured("soak: the longer living server grew by, MB", grown)
        assert grown < GROWS_BY_MB
        for someone, each in zip(house, history.values(), strict=True):
            unclear = each.of("unknown")
            assert not unclear, unclear[:3]
            check_effects(each, ADD, await added_songs(floor, someone.player_id))
            check_versions(each, {ADD})
        for home in homes:
            await home.check(floor)
        assert sum(len(each.of("ok")) for each in history.values()) > LASTS_S * PEOPLE * EACH_PER_S / 2
