"""One person's many devices wait for his player, and for one another, and nobody else waits with them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from tests.running import Phone, Server, changed, running_server
from tests.songs import add_song
from tutti.context import Floor, Person
from tutti.settings import Settings

POOL = 4
CROWD = POOL + 1

Wish = Callable[[], Awaitable[object]]


@pytest.fixture
async def small(settings: Settings, floor: Floor) -> AsyncIterator[Server]:
    """A server whose connections a few devices could take."""
    async with running_server(changed(settings, database_pool=POOL), floor) as running:
        yield running


async def by_socket(stack: AsyncExitStack, server: Server, person: Person, song_id: UUID) -> Wish:
    """A device with a socket of its own, that can add a song."""
    phone: Phone = await stack.enter_async_context(server.phone(person))
    return lambda: phone.ask("queue.add", songIds=[str(song_id)])


async def by_http(stack: AsyncExitStack, server: Server, person: Person, song_id: UUID) -> Wish:
    """The same over HTTP."""
    client = await stack.enter_async_context(server.client(person))

    async def add() -> None:
        async with client.post("player/queue", json={"songIds": [str(song_id)]}) as answer:
            assert answer.status == 200, await answer.text()

    return add


@pytest.mark.parametrize("device", [by_socket, by_http])
async def test_a_player_that_is_held_holds_up_nobody_but_those_who_steer_it(
    small: Server,
    floor: Floor,
    someone: Person,
    someone_else: Person,
    device: Callable[[AsyncExitStack, Server, Person, UUID], Awaitable[Wish]],
) -> None:
    mine, his = await add_song(floor, someone), await add_song(floor, someone_else)
    async with AsyncExitStack() as stack:
        crowd = [await device(stack, small, someone, mine) for _ in range(CROWD)]
        other = await device(stack, small, someone_else, his)
        await crowd[0]()
        await other()
        held = await stack.enter_async_context(floor.pool.connection())
        async with held.transaction():
            await held.execute("select from queues where user_id = $1 for update", someone.id)
            waiting = [asyncio.ensure_future(wish()) for wish in crowd]
            await asyncio.sleep(0.3)
            alone = asyncio.ensure_future(other())
            done, _ = await asyncio.wait([alone, *waiting], return_when=asyncio.FIRST_COMPLETED)
        assert done == {alone}
        await alone
        await asyncio.gather(*waiting)
