"""The light way loses its answer: what many wrote in one statement is written, and nobody was told (F3)."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from tests.chaos.conftest import start_servers
from tests.chaos.device import REPORT, Device
from tests.chaos.history import Deed
from tests.chaos.household import devices_of
from tests.chaos.proxy import Line, proxy_of
from tests.chaos.songs import many_songs
from tests.chaos.test_postgres import through
from tests.chaos.truth import Listening, converged, truth
from tests.conftest import add_person
from tests.running import Server, changed
from tutti.context import Floor
from tutti.embedded import Postgres
from tutti.settings import Settings

PEOPLE, AT_LEAST = 12, 3
ROUNDS = 30
"""So often everybody wishes something at once; how many of them meet in one write the scheduler decides."""
PREPARED = re.compile(rb"P.{4}([^\0]+)\0[^\0]*update queues q set\s+version", re.DOTALL)
BOUND = rb"B.{4}\0%b\0"


class LosesAnswerToMany:
    """Cuts the line instead of passing on the answer to one write of several players, once."""

    def __init__(self) -> None:
        self.is_armed = False
        self.players: list[UUID] = []
        """Whose write it was."""

    def __call__(self, line: Line, data: bytes, to_part: bool) -> bytes:
        if not to_part:
            if line.is_doomed:
                line.cut()
                return b""
            return data
        if prepared := PREPARED.search(data):
            line.kept = prepared[1]
        bound = re.search(BOUND % re.escape(line.kept), data, re.DOTALL) if line.kept else None
        if self.is_armed and bound:
            players = first_parameter(data, bound.end())
            if len(players) >= AT_LEAST:
                self.is_armed, self.players, line.is_doomed = False, players, True
        return data


def first_parameter(data: bytes, at: int) -> list[UUID]:
    """The array of ids in a Bind message of PostgreSQL's protocol, behind the statement's name."""
    (formats,) = struct.unpack_from("!H", data, at)
    at += 2 + 2 * formats + 2 + 4  # the formats, how many parameters, the length of the first
    dimensions, _has_null, _type = struct.unpack_from("!iiI", data, at)
    if dimensions == 0:
        return []
    (count,) = struct.unpack_from("!i", data, at + 12)
    first = at + 20
    return [UUID(bytes=data[each + 4 : each + 20]) for each in range(first, first + 20 * count, 20)]


class Listener:
    """Somebody with a device at each of two servers, and one command that he sends twice."""

    def __init__(self, steering: Device, other: Device) -> None:
        self.steering = steering
        self.other = other
        self.player_id = UUID(steering.state["playerId"])
        self.before = 0
        self._device_id = ""
        self._key = ""

    async def arrive(self, song: str) -> None:
        here = await self.steering.ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        self._device_id = here["deviceId"]
        await self.steering.ask("queue.add", songIds=[song])

    async def play(self) -> None:
        """And report at once, so that what is wished next is all that changes."""
        self._key = str(uuid4())
        await self.steering.ask("player.play", deviceId=self._device_id)
        state = await self.steering.ask("player.get")
        said = {"itemId": state["item"]["itemId"], "version": state["version"], "positionMs": 0}
        await self.steering.ask(REPORT, state="playing", **said)
        self.before = (await self.steering.ask("player.get"))["version"]

    async def wish(self, method: str, params: dict[str, Any]) -> Deed:
        return await self.steering.do(method, commandId=self._key, **params)


class Evening(NamedTuple):
    """Who listens, and what stands between the first of their servers and PostgreSQL."""

    people: list[Listener]
    loses: LosesAnswerToMany

    @property
    def devices(self) -> Listening:
        return {each.player_id: [each.steering, each.other] for each in self.people}


@pytest.fixture
async def evening(
    settings: Settings, servers: list[Server], floor: Floor, postgres_part: Postgres
) -> AsyncIterator[Evening]:
    """Everybody has a device at a server behind a proxy, and another one elsewhere."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxy_of(postgres_part.sockets / ".s.PGSQL.5432"))
        own = changed(settings, database_url=through(settings.database_url, proxy.port))
        loses = proxy.heed = LosesAnswerToMany()
        ((server, _process),) = await asyncio.to_thread(start_servers, stack, floor, own)
        people = []
        for number in range(PEOPLE):
            person = await add_person(floor, f"Light{number}", "member")
            (song,) = await many_songs(floor, person, 1)
            (here,) = await stack.enter_async_context(devices_of(floor, person, [server], 1))
            (there,) = await stack.enter_async_context(devices_of(floor, person, servers[1:], 1))
            people.append(Listener(here, there))
            await people[-1].arrive(song)
        yield Evening(people, loses)


def wished(method: str, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each wishes in this round, and what it brings about: something that was not so before."""
    if method == "player.pause":
        return {}, {"isPlaying": False}
    volume = {"volume": round(0.2 + number / 100, 2)}
    return volume, volume


async def untold(evening: Evening, floor: Floor, method: str, params: dict[str, Any]) -> list[Deed]:
    """Everybody hears music and wishes this at once; the deeds, if the answer to several was lost."""
    people, loses = evening
    await asyncio.gather(*(each.play() for each in people))
    await converged(floor, evening.devices)
    loses.is_armed = True
    deeds = await asyncio.gather(*(each.wish(method, params) for each in people))
    loses.is_armed = False
    if not loses.players:
        assert {deed.outcome for deed in deeds} == {"ok"}
    return deeds if loses.players else []


@pytest.mark.parametrize("method", ["player.change", "player.pause"])
async def test_f3_the_answer_to_a_write_of_many_players_is_lost(
    evening: Evening, floor: Floor, measured: Any, method: str
) -> None:
    """Each in it is told 503 and sends his command again: it takes effect once, and everybody sees it."""
    people, loses = evening
    params, shown, deeds = dict[str, Any](), dict[str, Any](), list[Deed]()
    for number in range(ROUNDS):
        params, shown = wished(method, number)
        if deeds := await untold(evening, floor, method, params):
            break
    lost = monotonic()
    measured(f"F3 {method} of so many in the write whose answer was lost", len(loses.players))
    assert len(loses.players) >= AT_LEAST
    for each, deed in zip(people, deeds, strict=True):
        is_untold = each.player_id in loses.players
        assert (deed.outcome, deed.why) == (("unknown", "database_away") if is_untold else ("ok", "")), deed
    written = {each.player_id: await truth(floor, each.player_id) for each in people}
    for each in people:
        assert shown.items() <= written[each.player_id].items(), "it was committed all the same"
        assert written[each.player_id]["version"] == each.before + 1

    took = await converged(floor, evening.devices, since=lost)
    measured(f"F3 {method}: never published, and shown everywhere after, s", took)
    again = await asyncio.gather(*(each.wish(method, params) for each in people))
    assert {deed.outcome for deed in again} == {"ok"}
    for each, deed in zip(people, again, strict=True):
        assert deed.version == each.before + 1, "it took effect once"
        assert await truth(floor, each.player_id) == written[each.player_id]
