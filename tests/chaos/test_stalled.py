"""A server that stands still or hangs: its clients leave it, and it comes back or ends by itself (F24)."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest

from server.watchdog import EXIT_CODE, HANGS_AFTER_S, REMEMBERED_S
from tests.chaos.conftest import ROOT, start_servers
from tests.chaos.device import CONNECT_S
from tests.chaos.household import all_true, households, listening
from tests.chaos.test_servers import answering, ended
from tests.chaos.truth import HEALED_WITHIN_S, caught_up
from tests.running import Server
from tutti.context import Floor
from tutti.settings import Settings

BLOCKED = Path(__file__).parent / "blocked"
STANDS_STILL_S = 40
HEARTBEAT_S = 6
MISSED_PINGS_S = 1.5 * HEARTBEAT_S
"""A device of these tests pings after a silence of six seconds and waits three for the answer."""
LEFT_WITHIN_S = MISSED_PINGS_S + CONNECT_S + HEALED_WITHIN_S
"""Who leaves one dead server may meet the other one, whose kernel takes the connection and says no more."""
READY_WITHIN_S = REMEMBERED_S + HEALED_WITHIN_S
"""A loop that was late is not trusted for a while; then the server is back as any part is."""
WATCH_SLACK_S = 15
"""The watchdog counts 120 rounds of a quarter of a second, each of which a busy machine makes longer."""
HANGS = """
import asyncio, time
from server.watchdog import LoopLag, Watchdog

async def main():
    async with LoopLag() as lag:
        Watchdog(lag, hangs_after_s=1).start()
        await asyncio.sleep({pause})
        time.sleep({blocks})

asyncio.run(main())
"""


@pytest.mark.parametrize(("pause", "blocks", "code"), [(0.1, 60, EXIT_CODE), (3, 0.5, 0)])
def test_f24_a_loop_that_hangs_ends_its_process_and_one_that_turns_does_not(
    pause: float, blocks: float, code: int
) -> None:
    script = HANGS.format(pause=pause, blocks=blocks)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, timeout=60, check=False, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert ("has not turned" in done.stderr) == (code != 0)


def blocking_for(seconds: float) -> dict[str, str]:
    """What makes a server's loop hang for so long at SIGUSR1."""
    return {"PYTHONPATH": os.pathsep.join((str(BLOCKED), str(ROOT))), "BLOCKS_S": str(seconds)}


async def ready_again(server: Server, within_s: float) -> list[tuple[int, str]]:
    """What /readyz says until it says yes: each answer that differs from the one before."""
    found: list[tuple[int, str]] = []
    deadline = monotonic() + within_s
    async with aiohttp.ClientSession() as http:
        while not found or found[-1][0] != 200:
            assert monotonic() < deadline, found
            async with http.get(f"{server.url}/readyz") as answer:
                said = answer.status, str((await answer.json()).get("server", ""))
            if not found or found[-1] != said:
                found.append(said)
            await asyncio.sleep(0.2)
    return found


async def test_f24_a_loop_that_is_late_takes_its_server_out_of_the_list_for_a_moment(
    settings: Settings, floor: Floor
) -> None:
    async with AsyncExitStack() as stack:
        (late,) = await asyncio.to_thread(
            start_servers, stack, floor, settings, environments=[blocking_for(2.5)]
        )
        await ready_again(late.server, READY_WITHIN_S)
        began = monotonic()
        os.kill(late.process.pid, signal.SIGUSR1)
        await asyncio.sleep(0.2)
        said = await ready_again(late.server, 2.5 + READY_WITHIN_S)
        assert monotonic() - began > 2, "it was blocked"
        assert [status for status, _why in said] == [503, 200]
        assert "more than a second late" in said[0][1]


async def test_f24_one_server_stands_still_for_long_and_another_hangs(
    settings: Settings, floor: Floor, measured: Any
) -> None:
    """Everybody goes to the third. The first wakes, does no harm and needs no restart; the other ends."""
    async with AsyncExitStack() as stack:
        still, hung, sound = await asyncio.to_thread(
            start_servers, stack, floor, *(settings,) * 3, environments=[{}, blocking_for(600), {}]
        )
        servers = [each.server for each in (still, hung, sound)]
        until = asyncio.Event()
        homes = await stack.enter_async_context(
            households(floor, servers, 4, heartbeat_s=HEARTBEAT_S, songs=720)
        )
        devices = [device for home in homes for device in home.devices]
        working = [asyncio.create_task(home.add_songs(until)) for home in homes]
        await asyncio.sleep(1)
        began = monotonic()
        os.kill(still.process.pid, signal.SIGSTOP)
        os.kill(hung.process.pid, signal.SIGUSR1)
        while not all(device.up.is_set() and device.is_at(sound.server) for device in devices):
            assert monotonic() - began < LEFT_WITHIN_S
            await asyncio.sleep(0.05)
        left = monotonic()
        measured("F24 everybody is at the server that answers after, s", left - began)
        true = await caught_up(floor, lambda: listening(homes), since=left)
        measured("F24 all have been true there after, s", true)
        until.set()
        await asyncio.gather(*working)

        assert await ended(hung, began + HANGS_AFTER_S + WATCH_SLACK_S - monotonic()) == EXIT_CODE
        measured("F24 the server that hung ended after, s", monotonic() - began)
        assert monotonic() - began > HANGS_AFTER_S - 1
        hung.process.start()
        await answering(hung.server)

        await asyncio.sleep(max(0.0, began + STANDS_STILL_S - monotonic()))
        os.kill(still.process.pid, signal.SIGCONT)
        woke = monotonic()
        said = await ready_again(still.server, READY_WITHIN_S)
        measured("F24 ready again after, s", monotonic() - woke)
        measured("F24 said after waking", " → ".join(f"{status} {why}".strip() for status, why in said))
        assert still.process.is_running
        for device in devices:
            await device.leave()  # each comes back at the one that woke
        for number, device in enumerate(devices):
            assert (await device.insist("player.change", volume=round(number / 20, 2))).outcome == "ok"
        assert all(device.is_at(still.server) for device in devices), "it serves again"
        measured("F24 all true at the one that woke after, s", await all_true(floor, homes))
        for home in homes:
            await home.check(floor)
