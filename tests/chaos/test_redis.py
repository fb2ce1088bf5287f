"""Redis killed, emptied, stalled, and messages lost on the way: news may be late, never wrong (F5–F8)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
import redis.asyncio as redis

from tests.chaos.conftest import Running, start_servers
from tests.chaos.device import Device
from tests.chaos.history import History, check_versions
from tests.chaos.household import devices_of
from tests.chaos.proxy import LosesMessages, Proxy, proxy_of
from tests.chaos.truth import converged
from tests.running import Server, changed
from tutti.context import Floor, Person
from tutti.embedded import Redis
from tutti.settings import Settings

HEALED_WITHIN_S = 5
SLACK_S = 10


async def seen_elsewhere(steering: Device, other: Device, volume: float) -> tuple[float, float]:
    """Change the volume on one device: how long until the answer, and until the other shows it."""
    began = monotonic()
    deed = await steering.do("player.change", volume=volume)
    assert deed.outcome == "ok", deed
    answered = monotonic() - began
    while other.state["volume"] != volume:
        assert monotonic() - began < HEALED_WITHIN_S + SLACK_S, "the other device never showed it"
        await asyncio.sleep(0.01)
    return answered, monotonic() - began


@asynccontextmanager
async def pair(floor: Floor, person: Person, servers: list[Server]) -> AsyncIterator[tuple[Device, Device]]:
    """Two devices, each at a server of its own."""
    async with devices_of(floor, person, servers, 2, history=History()) as (one, other):
        yield one, other


async def told(device: Device, parts: list[str], within_s: float) -> float:
    """Wait until the device was told of these parts."""
    began = monotonic()
    while not device.degraded or device.degraded[-1][1] != parts:
        assert monotonic() - began < within_s, device.degraded
        await asyncio.sleep(0.02)
    return monotonic() - began


async def test_f5_redis_is_killed_and_comes_back(
    servers: list[Server], floor: Floor, someone: Person, redis_part: Redis, measured: Any
) -> None:
    async with pair(floor, someone, servers) as (one, other):
        player_id = UUID(one.state["playerId"])
        await seen_elsewhere(one, other, 0.11)
        os.kill(redis_part.pid, signal.SIGKILL)
        answered, seen = await seen_elsewhere(one, other, 0.22)
        measured("F5 Redis away: answered after, s", answered)
        measured("F5 Redis away: seen elsewhere after, s", seen)
        await told(one, ["redis"], SLACK_S)
        _, seen = await seen_elsewhere(other, one, 0.33)
        measured("F5 Redis away: seen elsewhere after, later, s", seen)
        began = monotonic()
        async with pair(floor, someone, servers) as newcomers:
            measured("F5 Redis away: a socket opens in, s", monotonic() - began)
            for device in newcomers:
                await told(device, ["redis"], SLACK_S)
        before = await one.do("player.change", volume=0.44)
        redis_part.start()
        back = monotonic()
        measured(
            "F5 Redis back: all true after, s", await converged(floor, {player_id: [one, other]}, SLACK_S)
        )
        assert other.state["version"] >= before.version
        await told(one, [], SLACK_S)
        await told(other, [], SLACK_S)
        measured("F5 Redis back: told after, s", max(one.degraded[-1][0], other.degraded[-1][0]) - back)
        _, seen = await seen_elsewhere(one, other, 0.55)
        measured("F5 Redis back: seen elsewhere after, s", seen)
        assert one.opened == other.opened == 1, "sockets stay open"


async def test_f5_redis_is_restarted_between_two_commands(
    servers: list[Server], floor: Floor, someone: Person, redis_part: Redis, measured: Any
) -> None:
    """So fast that a client library would reconnect by itself and hide it: what was lost must be noticed."""
    async with pair(floor, someone, servers) as (one, other):
        player_id = UUID(one.state["playerId"])
        for volume in (0.2, 0.4, 0.6):
            os.kill(redis_part.pid, signal.SIGKILL)
            deed = await one.do("player.change", volume=volume)
            assert deed.outcome == "ok"
            redis_part.start()
            healed = await converged(floor, {player_id: [one, other]}, SLACK_S)
            measured("F5 Redis restarted at once: all true after, s", healed)
        _, seen = await seen_elsewhere(one, other, 0.5)
        measured("F5 after three restarts: seen elsewhere after, s", seen)


async def test_f6_redis_forgets_everything(
    servers: list[Server], floor: Floor, someone: Person, redis_part: Redis, measured: Any
) -> None:
    async with pair(floor, someone, servers) as (one, other):
        async with redis.Redis.from_url(redis_part.url) as client:
            await client.flushall()
            await client.script_flush()
        _, seen = await seen_elsewhere(one, other, 0.77)
        measured("F6 Redis emptied: seen elsewhere after, s", seen)
        async with pair(floor, someone, servers):
            pass


async def test_f7_redis_stalls_and_wakes(
    servers: list[Server], floor: Floor, someone: Person, redis_part: Redis, measured: Any
) -> None:
    async with pair(floor, someone, servers) as (one, other):
        os.kill(redis_part.pid, signal.SIGSTOP)
        for volume in (0.1, 0.2, 0.3):
            answered, seen = await seen_elsewhere(one, other, volume)
            measured("F7 Redis stalls: answered after, s", answered)
            measured("F7 Redis stalls: seen elsewhere after, s", seen)
            assert answered < 1 + SLACK_S
        began = monotonic()
        async with pair(floor, someone, servers):
            measured("F7 Redis stalls: a socket opens in, s", monotonic() - began)
        await told(one, ["redis"], 30)
        await told(other, ["redis"], 30)
        began = monotonic()
        async with pair(floor, someone, servers):
            measured("F7 Redis stalls, and we know: a socket opens in, s", monotonic() - began)
        os.kill(redis_part.pid, signal.SIGCONT)
        measured("F7 Redis wakes: told after, s", await told(one, [], 2 * SLACK_S))
        await told(other, [], 2 * SLACK_S)
        _, seen = await seen_elsewhere(one, other, 0.5)
        measured("F7 Redis wakes: seen elsewhere after, s", seen)
        assert one.opened == other.opened == 1, "sockets stay open"


class Behind:
    """Two servers, each with a way of its own to Redis."""

    def __init__(self, running: list[Running], proxies: list[Proxy]) -> None:
        self.running = running
        self.servers = [each.server for each in running]
        self.proxies = proxies


@pytest.fixture
async def behind(settings: Settings, floor: Floor, redis_part: Redis) -> AsyncIterator[Behind]:
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(proxy_of(redis_part.socket)) for _ in range(2)]
        each = [changed(settings, redis_url=f"redis://127.0.0.1:{proxy.port}/0") for proxy in proxies]
        yield Behind(await asyncio.to_thread(start_servers, stack, floor, *each), proxies)


async def test_f7_one_server_is_cut_off_from_redis(
    behind: Behind, floor: Floor, someone: Person, measured: Any
) -> None:
    """A network that swallows packets: nobody is told that the line is dead."""
    async with (
        pair(floor, someone, behind.servers) as (far, near),
        devices_of(floor, someone, behind.servers[1:], 1) as (witness,),
    ):
        behind.proxies[0].freeze()
        _, seen = await seen_elsewhere(near, far, 0.2)
        measured("F7 cut off: hears of others after, s", seen)
        _, seen = await seen_elsewhere(far, near, 0.3)
        measured("F7 cut off: is heard by others after, s", seen)
        _, seen = await seen_elsewhere(near, witness, 0.4)
        measured("F7 the others among themselves, s", seen)
        await told(far, ["redis"], 30)
        assert witness.degraded == []
        behind.proxies[0].thaw()
        await told(far, [], 2 * SLACK_S)
        _, seen = await seen_elsewhere(near, far, 0.5)
        measured("F7 thawed: hears of others after, s", seen)


async def test_f8_a_third_of_all_messages_is_lost(
    behind: Behind, floor: Floor, someone: Person, measured: Any
) -> None:
    random = Random(8)
    losses = [LosesMessages(0.3, random) for _ in behind.proxies]
    for proxy, loses in zip(behind.proxies, losses, strict=True):
        proxy.heed = loses
        proxy.cut()  # so that the hubs' lines pass through from their beginning
    await asyncio.sleep(1)
    history = History()
    async with devices_of(floor, someone, behind.servers, 10, history=history) as devices:
        player_id = UUID(devices[0].state["playerId"])

        async def turn_the_knob(device: Device) -> None:
            for _ in range(20):
                await device.insist("player.change", volume=round(random.random(), 3))
                await asyncio.sleep(random.uniform(0, 0.2))

        await asyncio.gather(*map(turn_the_knob, devices))
        healed = await converged(floor, {player_id: devices}, HEALED_WITHIN_S + SLACK_S)
        measured("F8 30 % lost: all true after quiet, s", healed)
    assert sum(each.dropped for each in losses) > 20, "messages were lost at all"
    check_versions(history)


async def test_a_server_dies_between_commit_and_publish(
    behind: Behind, floor: Floor, someone: Person, measured: Any
) -> None:
    """Its messages no longer leave the machine; it answers, and is killed before anybody could hear."""
    async with pair(floor, someone, behind.servers) as (dying, other):
        player_id = UUID(dying.state["playerId"])
        behind.proxies[0].freeze()
        deed = await dying.do("player.change", volume=0.9)
        behind.running[0].process.kill(signal.SIGKILL)
        died = monotonic()
        assert deed.outcome == "ok"
        while other.state["version"] < deed.version:
            assert monotonic() - died < HEALED_WITHIN_S + SLACK_S
            await asyncio.sleep(0.01)
        measured("dead between commit and publish: others see it after, s", monotonic() - died)
        await converged(floor, {player_id: [dying, other]}, SLACK_S)
