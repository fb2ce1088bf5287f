"""Servers killed and restarted (F23, F25)."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any

import aiohttp
import psutil

from server.watchdog import REMEMBERED_S
from tests.chaos.conftest import Running, start_servers
from tests.chaos.household import Household, all_true, bearer, households, listening
from tests.chaos.steering import steered
from tests.chaos.truth import HEALED_WITHIN_S, caught_up
from tests.running import Server, changed
from tutti.context import Floor
from tutti.settings import Settings

WANTED = 100
"""Commands a second."""
IN_FULL_SWING_WITHIN_S = 15
IDLE_PERCENT = 20
"""A machine with so much time left could carry out more than it does."""
STOP_NOTICE_S = 2
"""So long that who asks twenty times a second meets a server that says it is stopping."""


async def ended(running: Running, within_s: float) -> int:
    """Wait for the process to end by itself; its exit code."""
    process, deadline = running.process._process, monotonic() + within_s
    assert process is not None
    while (code := process.poll()) is None:
        assert monotonic() < deadline, "the server did not end by itself"
        await asyncio.sleep(0.02)
    return code


async def answering(server: Server, within_s: float = 60) -> None:
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


def begun_lately(homes: list[Household]) -> int:
    """How many commands were begun within the last second."""
    since = monotonic() - 1
    return sum(deed.start > since for home in homes for deed in home.history.deeds)


def answered(homes: list[Household]) -> int:
    return sum(len(home.history.of("ok")) for home in homes)


async def in_full_swing(homes: list[Household]) -> int:
    """Wait for a second with so many commands as are wanted, or nearly; how many there were.

    A machine that has no time left carries out what it can: then that is what the server is killed amid.
    """
    deadline = monotonic() + IN_FULL_SWING_WITHIN_S
    psutil.cpu_times_percent()  # from here on it counts
    await asyncio.sleep(1)
    while (begun := begun_lately(homes)) <= WANTED * 0.8 and monotonic() < deadline:  # noqa: ASYNC110  # a rate has no event
        await asyncio.sleep(0.05)
    idle = psutil.cpu_times_percent().idle
    assert begun > WANTED * (0.8 if idle > IDLE_PERCENT else 0.1), f"{begun} a second, {idle} % idle"
    return begun


async def test_f23_a_server_is_killed_amid_a_hundred_commands_a_second(
    running: list[Running], floor: Floor, measured: Any
) -> None:
    servers, until = [each.server for each in running], asyncio.Event()
    async with households(floor, servers, 10, songs=400) as homes, steered(floor, servers):
        began = monotonic()
        working = [asyncio.create_task(home.add_songs(until)) for home in homes]
        here = [device for home in homes for device in home.devices if device.is_at(servers[0])]
        assert len(here) == 10
        swing = await in_full_swing(homes)
        with_both = answered(homes) / (monotonic() - began)
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
        in_all = answered(homes) / lasted
        measured("F23 commands in the second before the kill", swing)
        measured("F23 commands a second, with both and in all", f"{with_both:.1f} {in_all:.1f}")
        assert in_all > min(WANTED, with_both) / 3, "of a busy machine one server has half of what two have"
        for home in homes:
            await home.check(floor)


async def readiness(server: Server, until: asyncio.Event, found: list[tuple[int, str]]) -> None:
    """What /readyz says on one connection that stays open, as a balancer asks."""
    async with aiohttp.ClientSession() as http:
        while not until.is_set():
            try:
                async with http.get(f"{server.url}/readyz") as answer:
                    found.append((answer.status, (await answer.json()).get("server", "")))
            except aiohttp.ClientConnectionError:
                found.append((0, ""))
            await asyncio.sleep(0.05)


async def said_ready(said: list[tuple[int, str]]) -> None:
    """Wait until the server said so: one that came late to its work says no for a moment."""
    deadline = monotonic() + 3 * REMEMBERED_S
    while not said or said[-1][0] != 200:
        assert monotonic() < deadline, said[-1:]
        await asyncio.sleep(0.02)


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
        noticed = changed(settings, stop_notice_s=STOP_NOTICE_S)
        running = await asyncio.to_thread(start_servers, stack, floor, noticed, noticed)
        servers, until = [each.server for each in running], asyncio.Event()
        homes = await stack.enter_async_context(households(floor, servers, 6, songs=600))
        await stack.enter_async_context(steered(floor, servers))
        headers = await bearer(floor, homes[0].person)
        working = [asyncio.create_task(home.add_songs(until)) for home in homes]
        reading = asyncio.create_task(browse(servers, headers, until))
        await asyncio.sleep(1)
        for each in running:
            known, said = asyncio.Event(), list[tuple[int, str]]()
            asking = asyncio.create_task(readiness(each.server, known, said))
            await said_ready(said)
            os.kill(each.process.pid, signal.SIGTERM)
            told = monotonic()
            assert await ended(each, 30) == 0
            measured("F25 from SIGTERM to the end of the process, s", monotonic() - told)
            known.set()
            await asking
            assert (503, "stopping") in said, "not ready while it still answers"
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
