"""People with devices at several servers, who put songs into their queue and remember what was answered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from uuid import UUID

import aiohttp

from tests.chaos.device import Device
from tests.chaos.history import History, check_effects, check_own_order, check_versions
from tests.chaos.songs import many_songs, queued_songs
from tests.chaos.truth import Listening, converged
from tests.conftest import add_person
from tests.running import Server
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person

RATE_PAUSE_S = 0.2


async def bearer(floor: Floor, person: Person) -> dict[str, str]:
    """The header of a new session."""
    ctx = Context(floor, ip_address="127.0.0.1", user_agent="tests")
    opened = await perform(ctx, identity.open_program_session, user_id=person.id)
    return {"Authorization": f"Bearer {opened.access_token}"}


@asynccontextmanager
async def devices_of(
    floor: Floor,
    person: Person,
    servers: Sequence[Server],
    count: int,
    *,
    history: History | None = None,
    heartbeat_s: float | None = None,
) -> AsyncIterator[list[Device]]:
    """So many devices of one person, each beginning at another server in turn."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        made = []
        for number in range(count):
            turned = [*servers[number % len(servers) :], *servers[: number % len(servers)]]
            headers = await bearer(floor, person)
            made.append(Device(f"{person.name}-{number}", turned, headers, http, history=history))
            made[-1].heartbeat_s = heartbeat_s
        await asyncio.gather(*(device.__aenter__() for device in made))
        try:
            yield made
        finally:
            await asyncio.gather(*(device.__aexit__() for device in made))


class Household:
    """One person with devices, songs and the history of what they did."""

    def __init__(self, person: Person, devices: list[Device], songs: list[str], history: History) -> None:
        self.person = person
        self.devices = devices
        self.songs = songs
        self.history = history
        self.player_id = UUID(devices[0].state["playerId"])

    async def add_songs(self, until: asyncio.Event, pause_s: float = RATE_PAUSE_S) -> None:
        """Every device appends songs of its own, five a second: who was kept waiting makes up for it."""

        async def one(device: Device, own: Sequence[str]) -> None:
            due = monotonic()
            for song in own:
                if until.is_set():
                    return
                await device.insist("queue.add", key=song, songIds=[song])
                due += pause_s
                await asyncio.sleep(due - monotonic())
            assert until.is_set(), "there were too few songs"

        count = len(self.devices)
        await asyncio.gather(
            *(one(device, self.songs[index::count]) for index, device in enumerate(self.devices))
        )

    async def check(self, floor: Floor) -> None:
        effects = await queued_songs(floor, self.person)
        unclear = self.history.of("unknown") + self.history.of("fail")
        assert not unclear, unclear[:3]
        check_effects(self.history, "queue.add", effects)
        check_own_order(self.history, "queue.add", effects)
        check_versions(self.history)


@asynccontextmanager
async def households(
    floor: Floor, servers: Sequence[Server], count: int, *, heartbeat_s: float | None = None, songs: int = 120
) -> AsyncIterator[list[Household]]:
    """So many people with a device at each server."""
    async with AsyncExitStack() as stack:
        made = []
        for number in range(count):
            person, history = await add_person(floor, f"Person{number}", "member"), History()
            own = await many_songs(floor, person, songs)
            devices = await stack.enter_async_context(
                devices_of(floor, person, servers, len(servers), history=history, heartbeat_s=heartbeat_s)
            )
            made.append(Household(person, devices, own, history))
        yield made


def listening(homes: Sequence[Household]) -> Listening:
    return {home.player_id: home.devices for home in homes}


async def all_true(floor: Floor, homes: Sequence[Household]) -> float:
    """Until every device shows the truth; how long that took."""
    return await converged(floor, listening(homes))
