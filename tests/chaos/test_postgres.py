"""PostgreSQL killed, stalled, and a connection that dies between COMMIT and its answer (F1–F3)."""

import asyncio
import signal
from contextlib import AsyncExitStack
from math import ceil
from random import Random
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID, uuid4

import aiohttp
import pytest

from tests.chaos.conftest import for_all_of, start_servers
from tests.chaos.device import Device
from tests.chaos.history import History, check_effects, check_own_order, check_versions
from tests.chaos.household import bearer, devices_of
from tests.chaos.proxy import Line, LosesAnswerTo, Proxy, proxy_of
from tests.chaos.songs import many_songs, queued_songs
from tests.chaos.steering import steered
from tests.chaos.truth import HEALED_WITHIN_S, converged
from tests.running import Server, changed
from tutti.context import Floor, Person
from tutti.embedded import Postgres
from tutti.settings import Settings

WRITERS = 50
REFUSED_WITHIN_S = 2
"""So long a command waits for a database that is not there."""
SILENT_FOR_S = 3
"""So long a command waits for a database that says nothing."""
SLACK_S = 2
"""What a machine that is busy with two servers and fifty clients adds to the slowest single refusal."""
TOLD_OF_SILENCE_WITHIN_S = 15
"""The next look at it, the patience of that one, and what a busy machine adds."""
ENOUGH_FOR_P99, ENOUGH_WITHIN_S = 200, 60
"""Refusals of each server; of fewer than a hundred the 99th percentile would be the slowest itself."""


async def write(devices: list[Device], songs: list[str], until: asyncio.Event) -> None:
    """Each device appends songs of its own, one after the other, until told to stop."""

    async def one(device: Device, own: list[str]) -> None:
        for song in own:
            if until.is_set():
                return
            await device.insist("queue.add", key=song, songIds=[song], within_s=60)
            await asyncio.sleep(device._random.uniform(0.05, 0.2))

    count = len(devices)
    await asyncio.gather(*(one(device, songs[index::count]) for index, device in enumerate(devices)))


async def refusals(
    server: Server, headers: dict[str, str], until: asyncio.Event, found: list[dict[str, Any]]
) -> None:
    """Ask over HTTP again and again; what came, and how long it took."""
    async with aiohttp.ClientSession(headers=headers) as http:
        while not until.is_set():
            began = monotonic()
            async with http.get(f"{server.api}/player") as answer:
                body = await answer.json()
                found.append(
                    {
                        "status": answer.status,
                        "took": monotonic() - began,
                        "at": monotonic(),
                        "retry": answer.headers.get("Retry-After"),
                        "code": body.get("code"),
                        "type": answer.content_type,
                    }
                )
            await asyncio.sleep(0.02)


def refused_of(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in found if each["status"] != 200]


async def first_answer(server: Server, headers: dict[str, str], since: float) -> float:
    """How long it takes until the server answers as usual again."""
    async with aiohttp.ClientSession(headers=headers) as http:
        while True:
            async with http.get(f"{server.api}/player") as answer:
                took = monotonic() - since
                assert took < HEALED_WITHIN_S, await answer.text()
                if answer.status == 200:
                    return took
            await asyncio.sleep(0.05)


async def test_f1_postgres_is_killed_under_fifty_writers(
    servers: list[Server], floor: Floor, someone: Person, postgres_part: Postgres, measured: Any
) -> None:
    history, songs, until = History(), await many_songs(floor, someone, 1000), asyncio.Event()
    asking = await bearer(floor, someone)
    async with (
        devices_of(floor, someone, servers, WRITERS, history=history) as devices,
        steered(floor, servers),
    ):
        player_id = UUID(devices[0].state["playerId"])
        writing = asyncio.create_task(write(devices, songs[:800], until))
        await until_so_many(history, 60)
        for server in servers:
            await first_answer(server, asking, monotonic())
        opened = [device.opened for device in devices]
        for_all_of(postgres_part.pid, signal.SIGKILL)
        killed, stop_asking = monotonic(), asyncio.Event()
        came: list[list[dict[str, Any]]] = [[] for _ in servers]
        asked = [
            asyncio.create_task(refusals(server, asking, stop_asking, found))
            for server, found in zip(servers, came, strict=True)
        ]
        await asyncio.sleep(3)
        stop_asking.set()
        await asyncio.gather(*asked)
        for found in came:
            refused = refused_of(found)
            assert {each["status"] for each in found} <= {200, 503}
            assert refused
            assert all(each["retry"] == "5" and each["code"] == "database_away" for each in refused)
            assert all(each["type"] == "application/problem+json" for each in refused)
            measured("F1 slowest 503, s", max(each["took"] for each in refused))
            measured("F1 first 503 after, s", refused[0]["at"] - killed)
            assert max(each["took"] for each in refused) < REFUSED_WITHIN_S + SLACK_S
        assert [device.opened for device in devices] == opened, "sockets stay open"
        measured("F1 sockets told after, s", await all_told(devices, ["database"], since=killed))
        postgres_part.start()
        back = monotonic()
        until.set()  # nothing new is begun, so that all can be equal; what was not answered is sent again
        for server in servers:
            measured("F1 answers again after, s", await first_answer(server, asking, back))
        await writing
        measured("F1 all true after the return, s", await converged(floor, {player_id: devices}, since=back))
        measured("F1 sockets told of the return after, s", await all_told(devices, [], since=back))
        until.clear()
        writing = asyncio.create_task(write(devices, songs[800:], until))
        await until_so_many(history, len(history.of("ok")) + 100)
        until.set()
        await writing
        measured("F1 converged after quiet, s", await converged(floor, {player_id: devices}))
    effects = await queued_songs(floor, someone)
    check_effects(history, "queue.add", effects)
    check_versions(history)
    check_own_order(history, "queue.add", effects)


async def all_told(
    devices: list[Device], parts: list[str], *, since: float, within_s: float = HEALED_WITHIN_S
) -> float:
    """Until every device was told that these parts are away; how long that took."""
    while any([told for _, told in device.degraded][-1:] != [parts] for device in devices):
        assert monotonic() - since < within_s, "nobody said so"
        await asyncio.sleep(0.01)
    took = max(device.degraded[-1][0] for device in devices) - since
    assert took < within_s
    return took


async def test_f2_postgres_stalls_and_wakes(
    servers: list[Server], floor: Floor, someone: Person, postgres_part: Postgres, measured: Any
) -> None:
    history, songs, until = History(), await many_songs(floor, someone, 400), asyncio.Event()
    asking = await bearer(floor, someone)
    async with (
        devices_of(floor, someone, servers, 10, history=history) as devices,
        steered(floor, servers, plays=False),
    ):
        player_id = UUID(devices[0].state["playerId"])
        async with devices_of(floor, someone, servers, 1) as (idle,):
            writing = asyncio.create_task(write(devices, songs[:300], until))
            await until_so_many(history, 30)
            before = await connections(floor)
            for_all_of(postgres_part.pid, signal.SIGSTOP)
            stop_asking = asyncio.Event()
            came: list[list[dict[str, Any]]] = [[] for _ in servers]
            asked = [
                asyncio.create_task(refusals(server, asking, stop_asking, found))
                for server, found in zip(servers, came, strict=True)
            ]
            slowest_ping = 0.0
            stopped = monotonic()
            while monotonic() - stopped < 8 or min(map(len, map(refused_of, came))) < ENOUGH_FOR_P99:
                assert monotonic() - stopped < ENOUGH_WITHIN_S, "too few were answered"
                began = monotonic()
                await idle.ask("clock.ping", t0=1, within_s=5)
                slowest_ping = max(slowest_ping, monotonic() - began)
                await asyncio.sleep(0.2)
            stop_asking.set()
            await asyncio.gather(*asked)
            for found in came:
                refused = [each["took"] for each in refused_of(found)]
                assert refused
                assert {each["status"] for each in found} <= {200, 503}
                measured("F2 slowest 503, s", max(refused))
                assert max(refused) < SILENT_FOR_S + 2 * SLACK_S
                assert sorted(refused)[ceil(len(refused) * 0.99) - 1] < SILENT_FOR_S + 1, "p99 of errors (F2)"
            measured("F2 slowest clock.ping, s", slowest_ping)
            told = await all_told([idle], ["database"], since=stopped, within_s=TOLD_OF_SILENCE_WITHIN_S)
            measured("F2 sockets told after, s", told)
            for_all_of(postgres_part.pid, signal.SIGCONT)
            woke, those = monotonic(), {player_id: [*devices, idle]}
            until.set()  # nothing new is begun, so that all can be equal; what was not answered is sent again
            for server in servers:
                measured("F2 answers again after, s", await first_answer(server, asking, woke))
            await writing
            measured("F2 all true after waking, s", await converged(floor, those, since=woke))
            measured("F2 sockets told of the return after, s", await all_told([idle], [], since=woke))
            until.clear()
            writing = asyncio.create_task(write(devices, songs[300:], until))
            await until_so_many(history, len(history.of("ok")) + 30)
            until.set()
            await writing
            assert idle.opened == 1, "sockets stay open"
            await converged(floor, those)
    effects = await queued_songs(floor, someone)
    check_effects(history, "queue.add", effects)
    check_versions(history)
    measured("F2 connections before and after", f"{before} {await connections(floor)}")
    await few_connections(floor, 2 * 10 + 3)


async def until_so_many(history: History, count: int, within_s: float = 60) -> None:
    """Until so many were answered."""
    deadline = monotonic() + within_s
    while len(history.of("ok")) < count:
        assert monotonic() < deadline, history.counts()
        await asyncio.sleep(0.05)


async def few_connections(floor: Floor, most: int, within_s: float = 30) -> None:
    """Until no connection is left behind: one that was thrown away is gone when PostgreSQL has noticed."""
    deadline = monotonic() + within_s
    while (found := await connections(floor)) > most:
        assert monotonic() < deadline, f"{found} connections are open"
        await asyncio.sleep(0.1)


async def connections(floor: Floor) -> int:
    """How many connections to this database are open; its own cleaning works in it too."""
    async with floor.pool.connection() as connection:
        found: int = await connection.fetchval(
            """select count(*) from pg_stat_activity
               where datname = current_database() and backend_type = 'client backend'"""
        )
    return found


def through(url: str, port: int) -> str:
    """The same database over a proxy's port."""
    parts = urlsplit(url)
    password = quote(parts.password or "", safe="")
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@127.0.0.1:{port}", query=""))


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_f3_the_connection_dies_between_commit_and_its_answer(
    settings: Settings, floor: Floor, someone: Person, postgres_part: Postgres, transport: str
) -> None:
    song, *_ = await many_songs(floor, someone, 1)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxy_of(postgres_part.sockets / ".s.PGSQL.5432"))
        own = changed(settings, database_url=through(settings.database_url, proxy.port))
        ((server, process),) = await asyncio.to_thread(start_servers, stack, floor, own)
        assert process.is_running
        (device,) = await stack.enter_async_context(devices_of(floor, someone, [server], 1))
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=await bearer(floor, someone)))
        key = str(uuid4())

        async def add() -> tuple[int, Any]:
            if transport == "socket":
                deed = await device.do("queue.add", songIds=[song], commandId=key)
                return {"ok": 200, "unknown": 503, "fail": 400}[deed.outcome], deed
            body, headers = {"songIds": [song]}, {"Idempotency-Key": key}
            async with http.post(f"{server.api}/player/queue", json=body, headers=headers) as answer:
                return answer.status, await answer.json()

        proxy.heed = LosesAnswerToWriting()
        first, _ = await add()
        assert first == 503
        assert await queued_songs(floor, someone) == [song], "it was committed all the same"
        again, _ = await add()
        assert again == 200
        assert await queued_songs(floor, someone) == [song]
        assert (await device.ask("player.get"))["queueLength"] == 1


class LosesAnswerToWriting(LosesAnswerTo):
    """The same for the transaction that writes to the queue: sessions and versions are read all the time."""

    def __init__(self) -> None:
        super().__init__(b"COMMIT")

    def __call__(self, line: Line, data: bytes, to_part: bool) -> bytes:
        if to_part and b"queue_changes" in data:
            line.kept = b"writes"
        if to_part and b"COMMIT" in data and not line.kept:
            return data
        return super().__call__(line, data, to_part)


async def test_connections_that_died_unnoticed_cost_no_command(
    settings: Settings, floor: Floor, someone: Person, postgres_part: Postgres
) -> None:
    """A firewall that forgot us: every idle connection is dead, and nothing had told us."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxy_of(postgres_part.sockets / ".s.PGSQL.5432"))
        own = changed(settings, database_url=through(settings.database_url, proxy.port))
        ((server, _),) = await asyncio.to_thread(start_servers, stack, floor, own)
        (device,) = await stack.enter_async_context(devices_of(floor, someone, [server], 1))
        await asyncio.gather(*(device.ask("player.get") for _ in range(20)))
        random = Random(7)
        for _ in range(5):
            proxy.heed = CutsOldLines(proxy)
            await device.ask("player.change", volume=random.random())
            await asyncio.sleep(0.2)


class CutsOldLines:
    """Whoever speaks on a line that was there before is cut off."""

    def __init__(self, proxy: Proxy) -> None:
        self._old = set(proxy._lines)

    def __call__(self, line: Line, data: bytes, to_part: bool) -> bytes:
        if to_part and line in self._old:
            line.cut()
            return b""
        return data
