"""Servers whose clocks are wrong, or jump (F22)."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, time
from typing import Any, NamedTuple

import aiohttp
import pytest

from server.watchdog import REMEMBERED_S
from tests.chaos.conftest import ROOT, start_servers
from tests.chaos.device import REPORT, Device
from tests.chaos.household import devices_of
from tests.chaos.songs import many_songs
from tests.conftest import add_person
from tests.running import Server
from tutti.clock import MEASURE_EVERY_S
from tutti.context import Floor
from tutti.settings import Settings

WRONG_BY_MS = 1000
JUMPS_BY_MS = 300
"""Far below the second that is promised."""
SKEWED = Path(__file__).parent / "skewed"


class Began(NamedTuple):
    """When the song began, by this machine's clock, which is PostgreSQL's: between these two instants."""

    earliest: float
    latest: float


class Reading(NamedTuple):
    """Where the music is by what a server told, which was true at some instant of the time it took to ask."""

    position_ms: float
    asked: float
    answered: float

    def off_ms(self, began: Began) -> float:
        """How far that is from where the music can have been in all that time."""
        least, most = (self.asked - began.latest) * 1000, (self.answered - began.earliest) * 1000
        return max(0.0, least - self.position_ms, self.position_ms - most)


async def read_at(device: Device) -> Reading:
    """What this device shows, by its server's clock."""
    state = await device.ask("player.get")
    assert state["isPlaying"]
    asked = time()
    stamp = (await device.ask("clock.ping", t0=0))["t1"]
    answered = time()
    return Reading(state["positionMs"] + max(0.0, stamp - milliseconds(state["anchoredAt"])), asked, answered)


async def pause(device: Device) -> Reading:
    """Stop the music; where it stood then."""
    asked = time()
    state = await device.ask("player.pause")
    return Reading(state["positionMs"], asked, time())


async def test_f22_wrong_clocks_move_nothing(settings: Settings, floor: Floor, measured: Any) -> None:
    async with AsyncExitStack() as stack:
        path = os.pathsep.join((str(SKEWED), str(ROOT)))
        running = await asyncio.to_thread(
            start_servers,
            stack,
            floor,
            *(settings,) * 3,
            environments=[{}, *({"PYTHONPATH": path, "SKEW_S": skew} for skew in ("0.7", "600"))],
        )
        servers = [each.server for each in running]
        someone = await add_person(floor, "Clara", "member")
        song, *_ = await many_songs(floor, someone, 1)
        devices = await stack.enter_async_context(devices_of(floor, someone, servers, 3))
        for device, server, skew in zip(devices, servers, ("0", "0.7", "600"), strict=True):
            assert device.is_at(server)
            off = await clock_offset(device)
            measured(f"F22 clock.ping of a server {skew} s off: differs from PostgreSQL by, s", off)
            assert abs(off) < 0.3
        here = await devices[0].ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        await devices[0].ask("queue.add", songIds=[song])
        await devices[0].ask("player.play", deviceId=here["deviceId"])
        first, worst = time(), 0.0
        began = Began(first, first)
        for device in (*devices, *devices):
            await asyncio.sleep(0.2)
            began = await sought_to_where_it_is(device, first)
            await asyncio.sleep(0.2)
            worst = max(worst, (await read_at(device)).off_ms(began))
        measured("F22 farthest a position was off, ms", worst)
        assert worst < WRONG_BY_MS
        assert (await pause(devices[2])).off_ms(began) < WRONG_BY_MS
        for server, warned in zip(servers, (False, False, True), strict=True):
            assert await warns_of_its_clock(server) == warned


async def sought_to_where_it_is(device: Device, first: float) -> Began:
    """Seek to where the song is if it began then; it plays from there since the server did so."""
    asked = time()
    state = await device.ask("player.seek", positionMs=int((asked - first) * 1000))
    assert state["isPlaying"]
    return Began(first, first + time() - asked)


@pytest.mark.parametrize("jump", [600, -600])
async def test_f22_a_clock_that_jumps_while_the_server_runs_moves_nothing(
    settings: Settings, floor: Floor, measured: Any, jump: int
) -> None:
    """Ten minutes, and back; the music plays on, and both servers go on telling where it stands."""
    async with AsyncExitStack() as stack:
        path = os.pathsep.join((str(SKEWED), str(ROOT)))
        environments = [{"PYTHONPATH": path, "SKEW_S": "0", "JUMP_S": str(jump)}, {}]
        running = await asyncio.to_thread(
            start_servers, stack, floor, settings, settings, environments=environments
        )
        someone = await add_person(floor, "Clara", "member")
        song, *_ = await many_songs(floor, someone, 1)
        devices = await stack.enter_async_context(
            devices_of(floor, someone, [each.server for each in running], 2)
        )
        here = await devices[0].ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        await devices[0].ask("queue.add", songIds=[song])
        await devices[0].ask("player.play", deviceId=here["deviceId"])
        began, worst = await sounding_since(devices[0]), 0.0
        for is_off in (False, True, False):
            # Longer than a server goes without comparing its clock with PostgreSQL's.
            lasts_s = MEASURE_EVERY_S + 1 if is_off else 1
            assert await warns_of_its_clock(running[0].server) == is_off
            worst = max(worst, await farthest_off(devices, began, lasts_s))
            assert abs(await clock_offset(devices[0])) < 0.3
            os.kill(running[0].process.pid, signal.SIGUSR1)
        measured(f"F22 farthest a position was off while a clock jumped by {jump} s, ms", worst)
        assert worst < JUMPS_BY_MS
        assert (await pause(devices[0])).off_ms(began) < JUMPS_BY_MS
        for device, each in zip(devices, running, strict=True):
            assert device.is_at(each.server)
            assert device.opened == 1, "nobody was signed out"


async def sounding_since(device: Device) -> Began:
    state = await device.ask("player.get")
    assert state["isPlaying"]
    began = (milliseconds(state["anchoredAt"]) - float(state["positionMs"])) / 1000
    return Began(began, began)


async def warns_of_its_clock(server: Server) -> bool:
    """Asked once more where the server was late to its work a moment ago: then it says only that."""
    deadline = monotonic() + 3 * REMEMBERED_S
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{server.url}/readyz") as answer:
                said = await answer.json()
            if "server" not in said:
                return "clock" in said
            assert monotonic() < deadline, said
            await asyncio.sleep(0.2)


async def farthest_off(devices: list[Device], began: Began, lasts_s: float) -> float:
    """How far what any server told was from where the music was, in milliseconds; the output reports."""
    worst, until = 0.0, monotonic() + lasts_s
    while monotonic() < until:
        for device in devices:
            worst = max(worst, (await read_at(device)).off_ms(began))
        await report(devices[0], began)
        await asyncio.sleep(0.1)
    return worst


async def report(output: Device, began: Began) -> None:
    """It plays, and says where it was at which moment: its word may come late."""
    now = datetime.now(UTC)
    said = {"itemId": output.state["item"]["itemId"], "version": output.state["version"]}
    position = round((now.timestamp() - began.latest) * 1000)
    await output.ask(REPORT, state="playing", positionMs=position, measuredAt=now.isoformat(), **said)


async def clock_offset(device: Device) -> float:
    """How far a server's `clock.ping` is from PostgreSQL's time, which is this machine's."""
    best, offset = 10.0, 10.0
    for _ in range(8):
        sent = time()
        stamp = (await device.ask("clock.ping", t0=0))["t1"] / 1000
        took = time() - sent
        if took < best:
            best, offset = took, stamp - (sent + took / 2)
    return offset


def milliseconds(text: str) -> float:
    """An RFC 3339 time as milliseconds since 1970."""
    return datetime.fromisoformat(text).timestamp() * 1000
