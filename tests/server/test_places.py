"""Of two sockets of one device the newer speaks for it, on whichever servers they are (protocol §3)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from server.places import PLACES
from tests.running import Phone, Server
from tutti.context import Floor, Person
from tutti.publisher import RedisPublisher

TAKEN_OVER = 4505


async def is_online(phone: Phone) -> bool:
    """Whether the player's one device is here, as everybody sees it."""
    [device] = (await phone.ask("device.list"))["devices"]
    return bool(device["isOnline"])


async def is_heard(phone: Phone) -> dict[str, Any]:
    """It is not closed."""
    return await phone.ask("player.get")  # type: ignore[no-any-return]  # JSON


@asynccontextmanager
async def mute(server: Server, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A socket whose client has not said a word, not even a pong, but has been greeted."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.api}/socket", headers=headers, autoping=False) as ws,
    ):
        while json.loads((await ws.receive(10)).data)["method"] != "devices.changed":
            pass
        yield ws


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch, floor: Floor, two_servers: tuple[Server, Server]) -> None:
    """Nobody hears what is announced, and nobody polls: what holds now stands in PostgreSQL alone."""
    monkeypatch.setattr("server.healing.EVERY_S", 60)
    monkeypatch.setattr("server.healing.SOON_S", 60)
    monkeypatch.setattr("tutti.publisher.RedisPublisher.publish", lambda *_: None)


@pytest.mark.parametrize("place", [0, 1])
async def test_the_newer_socket_of_a_device_takes_the_place_of_the_older(
    two_servers: tuple[Server, Server], someone: Person, place: int
) -> None:
    headers = await two_servers[0].bearer(someone)
    async with two_servers[0].phone(someone, headers) as older:
        device = await older.ask("device.register", name="Kitchen")
        async with two_servers[place].phone(someone, headers) as newer:
            await is_heard(newer)
            assert (await older.hear("device.taken"))["deviceId"] == device["deviceId"]
            assert await older.close_code() == TAKEN_OVER
            assert await is_online(newer)
        async with two_servers[0].phone(someone) as other:
            await until_offline(other)  # the last socket of a device takes it along


async def test_late_news_of_an_older_taking_closes_nobody_newer(
    server: Server, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await server.bearer(someone)
    async with server.phone(someone, headers) as first:
        await first.ask("device.register", name="Kitchen")
        monkeypatch.setattr("tutti.publisher.RedisPublisher.publish", half_a_second_late)
        async with server.phone(someone, headers) as second, server.phone(someone, headers) as third:
            await is_heard(second)
            await is_heard(third)
            assert await first.close_code() == TAKEN_OVER
            assert await second.close_code() == TAKEN_OVER
            await is_heard(third)
            assert await is_online(third)


PUBLISH = RedisPublisher.publish


def half_a_second_late(publisher: RedisPublisher, *messages: Any) -> None:
    asyncio.get_running_loop().call_later(0.5, PUBLISH, publisher, *messages)


async def test_a_lost_word_of_it_is_made_good_by_the_next_poll(
    two_servers: tuple[Server, Server], someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await two_servers[0].bearer(someone)
    async with two_servers[0].phone(someone, headers) as older:
        await older.ask("device.register", name="Kitchen")
        monkeypatch.setattr("tutti.publisher.RedisPublisher.publish", lambda *_: None)
        async with two_servers[1].phone(someone, headers) as newer:
            await is_heard(newer)
            assert await older.close_code() == TAKEN_OVER
            await asyncio.sleep(2.5)
            await is_heard(newer)


@pytest.mark.usefixtures("deaf")
async def test_an_older_socket_that_ends_late_does_not_take_the_device_along(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    headers = await two_servers[0].bearer(someone)
    async with two_servers[1].phone(someone) as other:
        async with two_servers[0].phone(someone, headers) as older:
            await older.ask("device.register", name="Kitchen")
            newer_line = two_servers[1].phone(someone, headers)
            newer = await newer_line.__aenter__()
            await is_heard(newer)
        await until_gone(two_servers[0])
        assert await is_online(other)
        await newer_line.__aexit__(None, None, None)
        await until_offline(other)


async def until_gone(server: Server) -> None:
    """No socket of this server speaks for a device; and there was time for what their end brings about."""
    assert server.app is not None
    async with asyncio.timeout(10):
        while server.app[PLACES].held():  # noqa: ASYNC110  # nobody would set an event for us
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)


async def until_offline(phone: Phone) -> None:
    """The player's one device goes away, as everybody sees it."""
    async with asyncio.timeout(5):
        while await is_online(phone):  # noqa: ASYNC110  # it is what people see that counts
            await asyncio.sleep(0.1)


async def test_a_line_that_is_cut_and_opened_again_keeps_its_place(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    headers = await two_servers[0].bearer(someone)
    async with two_servers[0].phone(someone, headers) as older:
        await older.ask("device.register", name="Kitchen")
        async with two_servers[1].phone(someone, headers) as newer:
            await is_heard(newer)
            older.ws._writer.transport.abort()
            await until_gone(two_servers[0])
            await asyncio.sleep(2.5)
            await is_heard(newer)
            assert await is_online(newer)


async def test_a_socket_on_which_nobody_answers_takes_no_place(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    headers = await two_servers[0].bearer(someone)
    async with two_servers[0].phone(someone, headers) as speaking:
        await speaking.ask("device.register", name="Kitchen")
        async with mute(two_servers[1], headers):
            await asyncio.sleep(2.5)
            await is_heard(speaking)
        await asyncio.sleep(0.3)
        assert await is_online(speaking)


async def test_a_window_that_gives_the_lead_to_another_does_not_take_the_device_along(
    server: Server, someone: Person
) -> None:
    headers = await server.bearer(someone)
    async with server.phone(someone) as other:
        async with server.phone(someone, headers) as older:
            await older.ask("device.register", name="Kitchen")
            async with mute(server, headers) as newer:
                await older.ws.close()
                await until_gone(server)
                assert await is_online(other)
                await newer.pong()
                await asyncio.sleep(0.3)
                assert await is_online(other)
        await until_offline(other)


async def test_a_pong_is_word_enough(server: Server, someone: Person) -> None:
    headers = await server.bearer(someone)
    async with server.phone(someone, headers) as older:
        await older.ask("device.register", name="Kitchen")
        async with mute(server, headers) as newer:
            while (await newer.receive(10)).type is not aiohttp.WSMsgType.PING:
                pass
            await newer.pong()
            assert await older.close_code() == TAKEN_OVER


async def test_the_late_word_of_an_older_socket_takes_nothing_back(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    """A server that stood still finds the words of a client that has long gone to another one."""
    headers = await two_servers[0].bearer(someone)
    async with two_servers[0].phone(someone, headers) as first:
        await first.ask("device.register", name="Kitchen")
    async with mute(two_servers[0], headers) as older, two_servers[1].phone(someone, headers) as newer:
        await is_heard(newer)
        await older.send_json(
            {"jsonrpc": "2.0", "id": 1, "method": "device.register", "params": {"name": "K"}}
        )
        assert await Phone(older).close_code() == TAKEN_OVER
        await asyncio.sleep(2.5)
        await is_heard(newer)


async def test_a_device_that_is_registered_through_another_session_leaves_the_first(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    async with two_servers[0].phone(someone) as older, two_servers[1].phone(someone) as newer:
        device = await older.ask("device.register", name="Kitchen")
        await newer.ask("device.register", name="Kitchen", deviceId=device["deviceId"])
        assert await older.close_code() == TAKEN_OVER
        assert await is_online(newer)


async def test_sockets_that_are_no_device_stand_side_by_side(server: Server, someone: Person) -> None:
    headers = await server.bearer(someone)
    async with server.phone(someone, headers) as one, server.phone(someone, headers) as other:
        for phone in (one, other, one):
            await is_heard(phone)


async def test_the_device_of_a_guest_who_is_put_out_is_away_at_once(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    """He has no right left, not even to say that he goes."""
    one, other = two_servers
    async with one.phone(someone) as host:
        invitation = await host.ask("guest.invite", rights=["see", "control"])
        joining = f"{other.api}/join/{invitation['token']}"
        async with aiohttp.ClientSession() as http, http.post(joining, json={"name": "Franz"}) as answer:
            joined = await answer.json()
        headers = {"Authorization": f"Bearer {joined['accessToken']}"}
        async with other.phone(someone, headers) as guest:
            await guest.ask("device.register", name="Franz' phone")
            assert await is_online(host)
            await host.ask("guest.putOut", guestId=joined["user"]["id"])
            assert await guest.close_code() == 4500
            await until_offline(host)
