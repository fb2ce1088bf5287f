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

from server.subscription import HEARTBEAT_S
from tests.chaos.conftest import Running, start_servers
from tests.chaos.device import Device
from tests.chaos.history import History, check_versions
from tests.chaos.household import devices_of
from tests.chaos.proxy import LosesMessages, Proxy, proxy_of
from tests.chaos.songs import many_songs
from tests.chaos.steering import steered
from tests.chaos.truth import HEALED_WITHIN_S, converged
from tests.running import Server, changed
from tutti.context import Floor, Person
from tutti.embedded import Redis
from tutti.settings import Settings

ANSWERED_WITHIN_S = 1
"""Nobody waits for Redis before he is answered: what is published is published afterwards."""
TRIES = 3
"""Who had to wait for Redis would wait each time; a machine that stood still for a moment goes on."""
NOTICED_WITHIN_S = 5
"""A connection that is refused is noticed at the next try, and told at the next look at PostgreSQL."""
SILENCE_NOTICED_WITHIN_S = 2 * HEARTBEAT_S + 5
"""Two heartbeats that did not come back; then as above."""


async def seen_elsewhere(steering: Device, other: Device, volume: float) -> tuple[float, float]:
    """Change the volume on one device: how long until the answer, and until the other shows it."""
    answered = 0.0
    for attempt in range(TRIES):
        answered, seen = await once_seen_elsewhere(steering, other, round(volume + attempt / 1000, 3))
        if answered < ANSWERED_WITHIN_S:
            return answered, seen
    pytest.fail(f"an answer was waited for {answered:.1f} s, and as long {TRIES} times")


async def once_seen_elsewhere(steering: Device, other: Device, volume: float) -> tuple[float, float]:
    began = monotonic()
    deed = await steering.do("player.change", volume=volume)
    assert deed.outcome == "ok", deed
    answered = monotonic() - began
    while other.state["volume"] != volume:
        assert monotonic() - began < HEALED_WITHIN_S, "the other device never showed it"
        await asyncio.sleep(0.01)
    return answered, monotonic() - began


@asynccontextmanager
async def pair(floor: Floor, person: Person, servers: list[Server]) -> AsyncIterator[tuple[Device, Device]]:
    """Two devices, each at a server of its own."""
    async with devices_of(floor, person, servers, 2, history=History()) as (one, other):
        yield one, other


async def told(device: Device, parts: list[str], within_s: float, *, since: float | None = None) -> float:
    """Wait until the device was told of these parts; how long that took."""
    began = monotonic() if since is None else since
    while not device.degraded or device.degraded[-1][1] != parts:
        assert monotonic() - began < within_s, device.degraded
        await asyncio.sleep(0.02)
    took = max(0.0, device.degraded[-1][0] - began)
    assert took < within_s
    return took


async def test_f5_redis_is_killed_and_comes_back(
    servers: list[Server], floor: Floor, someone: Person, redis_part: Redis, measured: Any
) -> None:
    async with pair(floor, someone, servers) as (one, other), steered(floor, servers):
        player_id = UUID(one.state["playerId"])
        await seen_elsewhere(one, other, 0.11)
        os.kill(redis_part.pid, signal.SIGKILL)
        answered, seen = await seen_elsewhere(one, other, 0.22)
        measured("F5 Redis away: answered after, s", answered)
        measured("F5 Redis away: seen elsewhere after, s", seen)
        await told(one, ["redis"], NOTICED_WITHIN_S)
        _, seen = await seen_elsewhere(other, one, 0.33)
        measured("F5 Redis away: seen elsewhere after, later, s", seen)
        began = monotonic()
        async with pair(floor, someone, servers) as newcomers:
            measured("F5 Redis away: a socket opens in, s", monotonic() - began)
            for device in newcomers:
                await told(device, ["redis"], NOTICED_WITHIN_S)
        before = await one.do("player.change", volume=0.44)
        redis_part.start()
        back = monotonic()
        healed = await converged(floor, {player_id: [one, other]}, since=back)
        measured("F5 Redis back: all true after, s", healed)
        assert other.state["version"] >= before.version
        for device in (one, other):
            measured("F5 Redis back: told after, s", await told(device, [], HEALED_WITHIN_S, since=back))
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
            healed = await converged(floor, {player_id: [one, other]}, since=monotonic())
            measured("F5 Redis restarted at once: all true after, s", healed)
        _, seen = await seen_elsewhere(one, other, 0.5)
        measured("F5 after three restarts: seen elsewhere after, s", seen)


async def test_f6_redis_forgets_everything(
    servers: list[Server], floor: Floor, someone: Person, redis_part: Redis, measured: Any
) -> None:
    async with pair(floor, someone, servers) as (one, other), steered(floor, servers):
        player_id = UUID(one.state["playerId"])
        before = await one.do("player.change", volume=0.66)
        async with redis.Redis.from_url(redis_part.url) as client:
            await client.flushall()
            await client.script_flush()
        emptied = monotonic()
        healed = await converged(floor, {player_id: [one, other]}, since=emptied)
        measured("F6 Redis emptied: all true after, s", healed)
        assert other.state["version"] == before.version
        _, seen = await seen_elsewhere(one, other, 0.77)
        measured("F6 Redis emptied: seen elsewhere after, s", seen)
        async with pair(floor, someone, servers) as newcomers:
            await converged(floor, {player_id: [one, other, *newcomers]})


async def test_f7_redis_stalls_and_wakes(
    servers: list[Server], floor: Floor, someone: Person, redis_part: Redis, measured: Any
) -> None:
    async with pair(floor, someone, servers) as (one, other), steered(floor, servers):
        player_id = UUID(one.state["playerId"])
        os.kill(redis_part.pid, signal.SIGSTOP)
        for volume in (0.1, 0.2, 0.3):
            answered, seen = await seen_elsewhere(one, other, volume)
            measured("F7 Redis stalls: answered after, s", answered)
            measured("F7 Redis stalls: seen elsewhere after, s", seen)
        began = monotonic()
        async with pair(floor, someone, servers):
            measured("F7 Redis stalls: a socket opens in, s", monotonic() - began)
            assert monotonic() - began < HEALED_WITHIN_S
        await told(one, ["redis"], SILENCE_NOTICED_WITHIN_S)
        await told(other, ["redis"], SILENCE_NOTICED_WITHIN_S)
        began = monotonic()
        async with pair(floor, someone, servers):
            measured("F7 Redis stalls, and we know: a socket opens in, s", monotonic() - began)
        before = await one.do("player.change", volume=0.4)
        os.kill(redis_part.pid, signal.SIGCONT)
        woke = monotonic()
        healed = await converged(floor, {player_id: [one, other]}, since=woke)
        measured("F7 Redis wakes: all true after, s", healed)
        assert other.state["version"] == before.version, "what nobody could publish is shown"
        for device in (one, other):
            measured("F7 Redis wakes: told after, s", await told(device, [], HEALED_WITHIN_S, since=woke))
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
        steered(floor, behind.servers),
    ):
        player_id = UUID(far.state["playerId"])
        behind.proxies[0].freeze()
        _, seen = await seen_elsewhere(near, far, 0.2)
        measured("F7 cut off: hears of others after, s", seen)
        _, seen = await seen_elsewhere(far, near, 0.3)
        measured("F7 cut off: is heard by others after, s", seen)
        _, seen = await seen_elsewhere(near, witness, 0.4)
        measured("F7 the others among themselves, s", seen)
        await told(far, ["redis"], SILENCE_NOTICED_WITHIN_S)
        assert witness.degraded == []
        unheard = await near.do("player.change", volume=0.45)
        behind.proxies[0].thaw()
        thawed = monotonic()
        healed = await converged(floor, {player_id: [far, near, witness]}, since=thawed)
        measured("F7 thawed: all true after, s", healed)
        assert far.state["version"] == unheard.version
        measured("F7 thawed: told after, s", await told(far, [], HEALED_WITHIN_S, since=thawed))
        _, seen = await seen_elsewhere(near, far, 0.5)
        measured("F7 thawed: hears of others after, s", seen)


def lose(behind: Behind, *losses: LosesMessages) -> None:
    """From now on, each on its own server's way; the hubs' lines are begun anew, to be read whole."""
    for proxy, loses in zip(behind.proxies, losses, strict=True):
        proxy.heed = loses
        proxy.cut()


async def both_hear(player_id: UUID, losses: list[LosesMessages], within_s: float = 30) -> None:
    """Until each hub hears of this player again: to who does not hear, nothing is sent that could be lost."""
    deadline = monotonic() + within_s
    while not all(any(str(player_id).encode() in topic for topic in each.topics) for each in losses):
        assert monotonic() < deadline, "a hub did not come back"
        await asyncio.sleep(0.02)


async def test_f8_a_third_of_all_messages_is_lost(
    behind: Behind, floor: Floor, someone: Person, measured: Any
) -> None:
    """Whatever changes: how it sounds, which devices there are, what is queued."""
    random, songs = Random(8), await many_songs(floor, someone, 8)
    volumes = iter(random.sample(range(1000), 90))
    """In thousandths, no two the same: to set what is set already changes nothing, and gives no version."""
    losses = [LosesMessages(0.3, random) for _ in behind.proxies]
    lose(behind, *losses)
    await asyncio.sleep(1)
    history = History()
    async with devices_of(floor, someone, behind.servers, 10, history=history) as devices:
        player_id = UUID(devices[0].state["playerId"])
        ids = {
            device: (await device.ask("device.register", name=device.name, canPlay=True))["deviceId"]
            for device in devices
        }

        async def be_busy(device: Device, times: int) -> None:
            for _ in range(times):
                await device.insist("player.change", volume=next(volumes) / 1000)
                await device.insist("queue.add", songIds=random.sample(songs, 1), at="next")
                if items := device.queue.items:
                    move = {"op": "move", "itemId": random.choice(items), "to": random.randrange(len(items))}
                    await device.ask("queue.edit", operations=[move])
                await asyncio.sleep(random.uniform(0, 0.2))
                name = f"{device.name} {random.random()}"
                await device.ask("device.change", deviceId=ids[device], name=name)

        for times in (6, 1, 1, 1):
            await asyncio.gather(*(be_busy(device, times) for device in devices))
            healed = await converged(floor, {player_id: devices})
            measured("F8 30 % lost: all true after quiet, s", healed)
    assert sum(each.dropped for each in losses) > 20, "messages were lost at all"
    check_versions(history)


@pytest.mark.parametrize("event", ["devices.changed", "player.state"])
async def test_f8_what_one_version_brought_is_not_lost_by_half(
    behind: Behind, floor: Floor, someone: Person, measured: Any, event: str
) -> None:
    """Who heard one event of a version would never ask for the other: no gap tells of it."""
    losses = [LosesMessages(1, Random(8), telling=event.encode()) for _ in behind.proxies]
    async with devices_of(floor, someone, behind.servers, 2) as devices:
        player_id = UUID(devices[0].state["playerId"])
        known = await devices[0].ask("device.register", name="Kitchen", canPlay=True)
        await converged(floor, {player_id: devices})
        lose(behind, *losses)
        await both_hear(player_id, losses)
        await devices[0].ask("device.change", deviceId=known["deviceId"], name="Bathroom")
        measured(f"F8 {event} lost: all true after, s", await converged(floor, {player_id: devices}))
    assert all(each.dropped for each in losses)


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
            assert monotonic() - died < HEALED_WITHIN_S
            await asyncio.sleep(0.01)
        measured("dead between commit and publish: others see it after, s", monotonic() - died)
        await converged(floor, {player_id: [dying, other]}, since=died)
