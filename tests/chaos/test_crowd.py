"""A thousand clients come back at once (F27): within ten seconds, and nobody else notices."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from random import Random
from time import monotonic
from typing import Any

from tests.chaos.conftest import Running, start_servers
from tests.chaos.crowd import Caller, all_ready, allow_open_files, crowd
from tests.chaos.household import bearer
from tests.chaos.test_servers import browse
from tests.conftest import add_person
from tests.running import changed
from tutti.context import Floor
from tutti.settings import Settings

PEOPLE, EACH = 50, 20
READY_WITHIN_S = 10
OPENS_WITHIN_S = 60


async def everybody_comes_back(
    running: list[Running], floor: Floor, callers: list[Caller], within_s: float
) -> list[float]:
    """Kill the server at which they all are; after how many seconds each is ready at the other one, to which
    a balancer leads them from then on.
    """
    for caller in callers:
        caller.start()
    await all_ready(callers, monotonic(), OPENS_WITHIN_S)
    witness = await bearer(floor, await add_person(floor, "Witness", "member"))
    until = asyncio.Event()
    reading = asyncio.create_task(browse([running[1].server], witness, until))
    await asyncio.sleep(0.2)
    for number, caller in enumerate(callers):
        # The pauses are the same in every run, however often each had to ask before he was in.
        caller.look_elsewhere(running[1].process.settings.port, Random(number))
    os.kill(running[0].process.pid, signal.SIGKILL)
    back = await all_ready(callers, monotonic(), within_s)
    until.set()
    assert set(await reading) == {200}, "nobody else noticed"
    return back


def told(back: list[float], callers: list[Caller]) -> str:
    answers = sum((caller.answers for caller in callers), Counter[str]())
    half, most = back[len(back) // 2], back[int(len(back) * 0.99)]
    return f"p50 {half:.2f}, p99 {most:.2f}, last {back[-1]:.2f}; {dict(answers)}"


async def test_f27_a_thousand_clients_come_back_at_once(
    settings: Settings, floor: Floor, measured: Any
) -> None:
    """Fifty households, each with an address and twenty devices; the limits on opening are the default."""
    await a_crowd_comes_back(settings, floor, measured, one_address=False)


async def test_f27_a_thousand_clients_behind_one_address_come_back_at_once(
    settings: Settings, floor: Floor, measured: Any
) -> None:
    """A bar behind its router; the limits on opening are the default."""
    await a_crowd_comes_back(settings, floor, measured, one_address=True)


async def a_crowd_comes_back(settings: Settings, floor: Floor, measured: Any, *, one_address: bool) -> None:
    usual = Settings()
    limited = changed(
        settings,
        rate_socket_opens_session=usual.rate_socket_opens_session,
        rate_socket_opens_address=usual.rate_socket_opens_address,
        sockets_per_person=usual.sockets_per_person,
    )
    allow_open_files(PEOPLE * EACH * 2)
    async with AsyncExitStack() as stack:
        running = await asyncio.to_thread(start_servers, stack, floor, limited, limited)
        port = running[0].process.settings.port
        callers = await stack.enter_async_context(
            crowd(floor, port, people=PEOPLE, each=EACH, one_address=one_address)
        )
        addresses = "one address" if one_address else f"{PEOPLE} addresses"
        back = await everybody_comes_back(running, floor, callers, READY_WITHIN_S * 3)
        measured(f"F27 {len(callers)} clients of {addresses} are back after, s", told(back, callers))
        answers = sum((caller.answers for caller in callers), Counter[str]())
        assert answers.keys() <= {"101", "429"}, (
            "asked to wait for its turn at worst, never for a connection to PostgreSQL"
        )
        assert back[int(len(back) * 0.99)] < READY_WITHIN_S
        assert {caller.version for caller in callers} == {0}, "each knows its player's state"
