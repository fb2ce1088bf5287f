"""Servers killed, restarted and with wrong clocks (F22, F23, F25)."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from time import monotonic, time
from typing import Any

import aiohttp
import pytest

from tests.chaos.conftest import ROOT, Running, start_servers
from tests.chaos.device import REPORT, Device
from tests.chaos.household import all_true, bearer, devices_of, households, listening
from tests.chaos.songs import many_songs
from tests.chaos.steering import steered
from tests.chaos.truth import HEALED_WITHIN_S, caught_up
from tests.conftest import add_person
from tests.running import Server, changed
from tutti.clock import MEASURE_EVERY_S
from tutti.context import Floor
from tutti.settings import Settings

WANTED, KILLED_AT_S = 100, 2
"""Commands a second, and how long before the kill."""
JUMPS_BY_MS = 300
"""Far below the second that is promised, far above what two readings on a busy machine lie apart."""
SKEWED = Path(__file__).parent / "skewed"


async def ended(running: Running, within_s: float) -> int:
    """Wait for the process to end by itself; its exit code."""
    process, deadline = running.process._process, monotonic() + within_s
    assert process is not None
    while (code := process.poll()) is None:
        assert monotonic() < deadline, "the server did not end by itself"
        await asyncio.sleep(0.02)
    return code


async def answering(server: Server, within_s: float = 30) -> None:
    """Wait until the server takes connections."""
    deadline = monotonic() + within_s
    async with aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"{server.url}/healthz"):
                    return
            except aiohttp.ClientConnectionError:
                assert monotonic() < deadline
                await asyncio.sleep(0.05)


async def test_f23_a_server_is_killed_amid_a_hundred_commands_a_second(
    running: list[Running], floor: Floor, measured: Any
) -> None:
    servers, until = [each.server for each in running], asyncio.Event()
    async with households(floor, servers, 10, songs=200) as homes, steered(floor, servers):
        began = monotonic()
        working = [asyncio.create_task(home.add_songs(until)) for home in homes]
        await asyncio.sleep(KILLED_AT_S)
        here = [device for home in homes for device in home.devices if device.is_at(servers[0])]
        assert len(here) == 10
        running[0].process.kill(signal.SIGKILL)
        killed = monotonic()
        for device in here:
            while device.opened < 2 or not device.up.is_set():
                assert monotonic() - killed < HEALED_WITHIN_S
                await asyncio.sleep(0.01)
        measured("F23 sockets are back elsewhere after, s", monotonic() - killed)
        true = await caught_up(floor, lambda: listening(homes), since=killed)
        measured("F23 all have been true after the kill, s", true)
        running[0].process.start()
        await answering(running[0].server)
        back = monotonic()
        for device in here[::2]:
            await device.leave()  # to the one that came back
        true = await caught_up(floor, lambda: listening(homes), since=back)
        measured("F23 all have been true after the return, s", true)
        await asyncio.sleep(1)
        lasted = monotonic() - began
        until.set()
        await asyncio.gather(*working)
        measured("F23 all true after quiet, s", await all_true(floor, homes))
        begun = [deed.start - began for home in homes for deed in home.history.deeds]
        before = sum(at < KILLED_AT_S for at in begun) / KILLED_AT_S
        measured("F23 commands a second, before the kill", before)
        answered = sum(len(home.history.of("ok")) for home in homes)
        measured("F23 commands a second, in all", answered / lasted)
        assert before > WANTED * 0.8
        assert answered / lasted > WANTED * 0.5, "one server after the kill, on a busy machine, does half"
        for home in homes:
            await home.check(floor)


async def readiness(server: Server, until: asyncio.Event) -> list[int]:
    """What /readyz says on one connection that stays open, as a balancer asks."""
    found: list[int] = []
    async with aiohttp.ClientSession() as http:
        while not until.is_set():
            try:
                async with http.get(f"{server.url}/readyz") as answer:
                    found.append(answer.status)
            except aiohttp.ClientConnectionError:
                found.append(0)
            await asyncio.sleep(0.05)
    return found


async def browse(servers: list[Server], headers: dict[str, str], until: asyncio.Event) -> list[int]:
    """Reads over HTTP; a connection that is refused goes to the other server, as behind a balancer."""
    found: list[int] = []
    async with aiohttp.ClientSession(headers=headers) as http:
        while not until.is_set():
            for server in servers:
                try:
                    async with http.get(f"{server.api}/player") as answer:
                        await answer.read()
                        found.append(answer.status)
                        break
                except aiohttp.ClientError:
                    continue
            else:
                found.append(0)
            await asyncio.sleep(0.02)
    return found


async def test_f25_a_rolling_restart_loses_nothing(settings: Settings, floor: Floor, measured: Any) -> None:
    async with AsyncExitStack() as stack:
        noticed = changed(settings, stop_notice_s=0.5)
        running = await asyncio.to_thread(start_servers, stack, floor, noticed, noticed)
        servers, until = [each.server for each in running], asyncio.Event()
        homes = await stack.enter_async_context(households(floor, servers, 6, songs=300))
        await stack.enter_async_context(steered(floor, servers))
        headers = await bearer(floor, homes[0].person)
        working = [asyncio.create_task(home.add_songs(until)) for home in homes]
        reading = asyncio.create_task(browse(servers, headers, until))
        await asyncio.sleep(1)
        for each in running:
            known = asyncio.Event()
            asking = asyncio.create_task(readiness(each.server, known))
            await asyncio.sleep(0.3)
            os.kill(each.process.pid, signal.SIGTERM)
            told = monotonic()
            assert await ended(each, 30) == 0
            measured("F25 from SIGTERM to the end of the process, s", monotonic() - told)
            known.set()
            said = await asking
            assert said[0] == 200
            assert 503 in said, "not ready while it still answers"
            each.process.start()
            await answering(each.server)
            true = await caught_up(floor, lambda: listening(homes), since=monotonic())
            measured("F25 all have been true after the return, s", true)
            await asyncio.sleep(0.5)
        until.set()
        await asyncio.gather(*working)
        statuses = await reading
        assert set(statuses) == {200}, "no request failed"
        measured("F25 all true after quiet, s", await all_true(floor, homes))
        codes = [code for home in homes for device in home.devices for code in device.closed_with]
        assert set(codes) == {1012}, codes
        assert len(codes) >= 12
        for home in homes:
            await home.check(floor)


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
        began, worst = monotonic(), 0.0
        for device in (*devices, *devices):
            await asyncio.sleep(0.2)
            state = await device.ask("player.seek", positionMs=int((monotonic() - began) * 1000))
            await asyncio.sleep(0.2)
            shown = await device.ask("player.get")
            t = (await device.ask("clock.ping", t0=0))["t1"]
            position = shown["positionMs"] + max(0.0, t - milliseconds(shown["anchoredAt"]))
            worst = max(worst, abs(position - (monotonic() - began) * 1000))
            assert state["isPlaying"]
            assert shown["isPlaying"]
        measured("F22 farthest a position was off, ms", worst)
        assert worst < 1000
        paused = await devices[2].ask("player.pause")
        assert abs(paused["positionMs"] - (monotonic() - began) * 1000) < 1000
        async with aiohttp.ClientSession() as http:
            for server, warned in zip(servers, (False, False, True), strict=True):
                async with http.get(f"{server.url}/readyz") as answer:
                    assert ("clock" in await answer.json()) == warned


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
        paused = await devices[0].ask("player.pause")
        assert abs(paused["positionMs"] - (time() - began) * 1000) < JUMPS_BY_MS
        for device, each in zip(devices, running, strict=True):
            assert device.is_at(each.server)
            assert device.opened == 1, "nobody was signed out"


async def sounding_since(device: Device) -> float:
    """When the song began, by this machine's clock, which is PostgreSQL's."""
    state = await device.ask("player.get")
    assert state["isPlaying"]
    return (milliseconds(state["anchoredAt"]) - float(state["positionMs"])) / 1000


async def warns_of_its_clock(server: Server) -> bool:
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/readyz") as answer:
        return "clock" in await answer.json()


async def farthest_off(devices: list[Device], began: float, lasts_s: float) -> float:
    """How far what any server told was from where the music was, in milliseconds; the output reports."""
    worst, until, state = 0.0, monotonic() + lasts_s, devices[0].state
    while monotonic() < until:
        for device in devices:
            state = await device.ask("player.get")
            assert state["isPlaying"]
            stamp = (await device.ask("clock.ping", t0=0))["t1"]
            position = state["positionMs"] + max(0.0, stamp - milliseconds(state["anchoredAt"]))
            worst = max(worst, abs(position - (time() - began) * 1000))
        said = {"itemId": state["item"]["itemId"], "version": state["version"]}
        sounds_ms = round((time() - began) * 1000)
        await devices[0].ask(REPORT, state="playing", positionMs=sounds_ms, **said)
        await asyncio.sleep(0.1)
    return worst


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
