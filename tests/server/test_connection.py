"""What the opening of a socket may use of the database, and what everybody else has beside it (F27)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from server.keys import OPENING_SHARE
from tests.running import Phone, Server, changed, running_server
from tutti.context import Floor, Person
from tutti.settings import Settings
from tutti.share import Share

SOON_S = 2


@pytest.fixture
async def small(settings: Settings, floor: Floor) -> AsyncIterator[Server]:
    """A server with two connections to PostgreSQL: one of them is for sockets that open."""
    async with running_server(changed(settings, database_pool=2), floor) as running:
        yield running


def share_of(server: Server) -> Share:
    assert server.app is not None
    return server.app[OPENING_SHARE]


async def opens(server: Server, person: Person, headers: dict[str, str]) -> None:
    async with server.phone(person, headers):
        pass


async def steers(phone: Phone) -> None:
    await phone.ask("player.change", volume=0.5)


async def test_who_comes_in_waits_for_others_who_come_in_and_nobody_else_does(
    small: Server, someone: Person
) -> None:
    headers = await small.bearer(someone)
    async with small.phone(someone) as phone, small.client(someone) as client:
        await steers(phone)
        share = share_of(small)
        line = await share.acquire()
        coming = asyncio.create_task(opens(small, someone, headers))
        await asyncio.sleep(0.3)
        await asyncio.wait_for(steers(phone), SOON_S)
        async with asyncio.timeout(SOON_S), client.get("player") as answer:
            assert answer.status == 200
        assert not coming.done()
        await share.release(line)
        await asyncio.wait_for(coming, SOON_S)


async def test_a_socket_that_has_been_asked_nothing_yet_is_still_opening(
    small: Server, someone: Person
) -> None:
    """Its first command ends that: it goes beside the crowd."""
    async with small.phone(someone) as phone:
        await phone.hear("devices.changed")
        share = share_of(small)
        line = await share.acquire()
        await asyncio.wait_for(steers(phone), SOON_S)
        await share.release(line)
