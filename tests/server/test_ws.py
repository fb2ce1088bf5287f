"""The socket against clients that are wrong, careless, slow or hostile (protocol §4, R20–R26)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from server.keys import HUB
from tests.running import Phone, Refused, Server, changed, running_server
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.pool import DatabaseAway
from tutti.settings import Settings


async def raw(server: Server, someone: Person, *frames: str | bytes) -> list[dict[str, Any]]:
    """What comes back for these frames: the answers and errors, without news."""
    async with server.phone(someone) as phone:
        for frame in frames:
            if isinstance(frame, bytes):
                await phone.ws.send_bytes(frame)
            else:
                await phone.ws.send_str(frame)
        await phone.ws.send_str('{"jsonrpc":"2.0","id":"end","method":"clock.ping","params":{"t0":1}}')
        answers: list[dict[str, Any]] = []
        while True:
            message = json.loads((await phone.ws.receive(10)).data)
            if message.get("id") == "end":
                return answers
            if "method" not in message:
                answers.append(message)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", -32700),
        ("", -32700),
        ('{"a":1,"a":2}', -32700),
        ('{"a":NaN}', -32700),
        ("[" * 2000 + "]" * 2000, -32700),
        ("[]", -32600),
        ("[1]", -32600),
        ("7", -32600),
        ('{"id":1,"method":"player.get"}', -32600),
        ('{"jsonrpc":"2.0","id":true,"method":"player.get"}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"player.get","params":[]}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"player.get","more":1}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"player.explode"}', -32601),
        ('{"jsonrpc":"2.0","id":1,"method":"auth.login","params":{}}', -32601),
        ('{"jsonrpc":"2.0","id":1,"method":"player.seek","params":{"positionMs":"soon"}}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"player.seek","params":{"positionMs":1,"speed":2}}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"player.change","params":{"volume":7}}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"clock.ping","params":{"t0":true}}', -32602),
    ],
)
async def test_a_bad_frame_gets_an_error_and_the_socket_stays(
    server: Server, someone: Person, frame: str, code: int
) -> None:
    (answer,) = await raw(server, someone, frame)
    assert answer["error"]["code"] == code
    assert answer["error"]["data"]["detail"]
    assert answer["error"]["data"]["status"] in (400, 404)


async def test_a_notification_is_carried_out_without_an_answer(server: Server, someone: Person) -> None:
    frame = '{"jsonrpc":"2.0","method":"player.change","params":{"volume":0.25}}'
    assert await raw(server, someone, frame) == []
    async with server.phone(someone) as phone:
        assert (await phone.ask("player.get"))["volume"] == 0.25


async def test_binary_frames_close_the_socket(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        await phone.ws.send_bytes(b"\x00")
        assert await phone.close_code() == 4501


async def test_a_frame_over_64_kib_closes_the_socket(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        await phone.ws.send_str("x" * 65_537)
        assert await phone.close_code() == 1009


async def test_an_unmasked_frame_closes_the_socket(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        phone.ws._writer.transport.write(b"\x81\x02{}")
        assert await phone.close_code() == 1002


async def test_a_compressed_frame_closes_the_socket(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        phone.ws._writer.transport.write(b"\xc1\x82\x00\x00\x00\x00{}")
        assert await phone.close_code() == 1002


async def test_a_socket_that_does_not_sign_in_is_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.ws.SIGN_IN_WITHIN_S", 0.2)
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.api}/socket") as ws:
        assert (await ws.receive(10)).type is aiohttp.WSMsgType.CLOSE
        assert ws.close_code == 4502


async def test_a_socket_ends_with_the_token_that_opened_it(
    server: Server, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tutti.identity.tokens.ACCESS_LIFE", timedelta(seconds=4))
    header = await server.bearer(someone)
    async with server.phone(someone, header) as phone:
        assert await phone.close_code() == 4001


async def test_a_ticket_opens_one_socket_and_only_one(server: Server, someone: Person) -> None:
    async with server.client(someone) as client:
        ticket = (await (await client.post("auth/socket-ticket")).json())["ticket"]
    call = {"jsonrpc": "2.0", "id": 1, "method": "session.authenticate", "params": {"ticket": ticket}}
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{server.api}/socket") as ws:
            await ws.send_json(call)
            assert (await ws.receive_json(timeout=10))["result"] == {}
            hello = await ws.receive_json(timeout=10)
            assert hello["params"]["user"]["id"] == str(someone.id)
        async with session.ws_connect(f"{server.api}/socket") as ws:
            await ws.send_json(call)
            await ws.receive(10)
            assert ws.close_code == 4502


async def test_who_shows_his_ticket_while_the_database_is_away_may_come_back(
    server: Server, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4502 would send a program away for good that has done nothing wrong."""

    async def away(*_: object, **__: object) -> None:
        raise DatabaseAway(retry_after=5)

    monkeypatch.setattr(identity, "redeem_ticket", away)
    call = {"jsonrpc": "2.0", "id": 1, "method": "session.authenticate", "params": {"ticket": "x" * 43}}
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.api}/socket") as ws:
        await ws.send_json(call)
        await ws.receive(10)
        assert ws.close_code == 1012


async def test_a_foreign_page_may_not_open_a_socket_with_our_cookie(server: Server, someone: Person) -> None:
    cookie = await server.cookie(someone)
    async with aiohttp.ClientSession(cookies=cookie) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{server.api}/socket", headers={"Origin": "https://elsewhere.example"})
        assert caught.value.status == 403
        async with session.ws_connect(f"{server.api}/socket", headers={"Origin": server.url}) as ws:
            assert (await ws.receive_json(timeout=10))["method"] == "session.hello"


async def test_a_cookie_without_an_origin_counts_for_nothing(
    server: Server, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.ws.SIGN_IN_WITHIN_S", 0.2)
    cookie = await server.cookie(someone)
    async with (
        aiohttp.ClientSession(cookies=cookie) as session,
        session.ws_connect(f"{server.api}/socket") as ws,
    ):
        await ws.receive(10)
        assert ws.close_code == 4502


async def test_a_flood_is_refused_and_then_closed(settings: Settings, floor: Floor, someone: Person) -> None:
    tight = changed(settings, rate_commands_burst=3, rate_commands_per_second=1)
    async with running_server(tight, floor) as server, server.phone(someone) as phone:
        answered, refused = await until_refused(phone)
        assert answered >= 3
        assert refused.problem["status"] == 429
        assert refused.problem["retryAfter"] >= 1
        for turn in range(60):
            call = {"jsonrpc": "2.0", "id": f"x{turn}", "method": "player.change", "params": {}}
            await phone.ws.send_json(call)
        assert await phone.close_code() == 4003


async def until_refused(phone: Phone) -> tuple[int, Refused]:
    """Change the volume again and again: how often that went well (each second pays for once more)."""
    for turn in range(60):
        try:
            await phone.ask("player.change", volume=turn / 100)
        except Refused as refused:
            return turn, refused
    pytest.fail("changes are not counted")


async def test_a_reader_that_stops_is_cut_off_and_nobody_waits_for_it(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    """Who reads gets little at a time, so that however late it comes to that, nothing waits for it."""
    tight = changed(settings, socket_queue_bytes=20_000, rate_commands_burst=100_000)
    async with running_server(tight, floor) as server, server.phone(someone) as healthy:
        assert server.app is not None
        async with stopped_reader(server, await server.bearer(someone)):
            assert len(server.app[HUB].sockets) == 2
            for last in range(3, 400, 4):
                ctx = Context(floor)
                for number in range(last - 3, last + 1):
                    news = {"padding": "x" * 20_000, "number": number}
                    ctx.announce(f"person:{someone.id}", "library.changed", news)
                await ctx.commit()
                await healthy.hear("library.changed", number=last)
            for _ in range(100):
                if len(server.app[HUB].sockets) == 1:
                    break
                await asyncio.sleep(0.05)
            assert len(server.app[HUB].sockets) == 1


@asynccontextmanager
async def stopped_reader(server: Server, header: dict[str, str]) -> AsyncIterator[None]:
    """A socket whose client never reads again."""
    port = int(server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    try:
        writer.write(
            b"GET /api/v1/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + f"Authorization: {header['Authorization']}\r\n\r\n".encode()
        )
        await reader.readuntil(b"player.state")
        yield
    finally:
        writer.close()
        reader.feed_eof()


async def test_the_end_of_a_session_closes_its_sockets_at_both_servers(
    two_servers: tuple[Server, Server], floor: Floor, someone: Person
) -> None:
    one, other = two_servers
    header = await one.bearer(someone)
    async with one.phone(someone, header) as first, other.phone(someone, header) as second:
        async with other.client(someone) as client, client.delete("auth/sessions") as response:
            assert response.status == 204
        assert await first.close_code() == 4500
        assert await second.close_code() == 4500


async def test_a_session_whose_end_was_never_announced_is_closed_within_seconds(
    server: Server, floor: Floor, someone: Person
) -> None:
    header = await server.bearer(someone)
    async with server.phone(someone, header) as phone:
        async with floor.pool.connection() as connection:
            await connection.execute("update sessions set ended_at = now(), ended_because = 'test'")
        assert await phone.close_code() == 4500


async def test_a_lost_message_is_noticed_by_its_version(
    server: Server, floor: Floor, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.phone(someone) as phone:
        assert server.app is not None
        hub = server.app[HUB]
        monkeypatch.setattr(hub, "deliver", lambda heard: None)
        ctx = Context(floor, person=someone)
        ctx.announce(f"person:{someone.id}", "library.changed", {})
        await ctx.commit()
        hint = await phone.hear("topic.changed", topic=f"person:{someone.id}")
        assert hint["version"] >= 1


async def test_tickets_are_for_those_who_are_signed_in(server: Server) -> None:
    async with server.client() as client, client.post("auth/socket-ticket") as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_ticket_is_redeemed_once(floor: Floor, someone: Person, server: Server) -> None:
    async with server.client(someone) as client:
        ticket = (await (await client.post("auth/socket-ticket")).json())["ticket"]
    first = await perform(Context(floor), identity.redeem_ticket, ticket=ticket)
    second = await perform(Context(floor), identity.redeem_ticket, ticket=ticket)
    assert first is not None
    assert second is None


async def test_tickets_open_no_more_sockets_than_a_person_may_have(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    async with (
        running_server(changed(settings, sockets_per_person=2), floor) as server,
        server.client(someone) as client,
        server.phone(someone),
        server.phone(someone),
    ):
        async with client.post("auth/socket-ticket") as response:
            ticket = (await response.json())["ticket"]
        async with aiohttp.ClientSession() as stranger, stranger.ws_connect(f"{server.url}/ws") as ws:
            params = {"ticket": ticket}
            await ws.send_json(
                {"jsonrpc": "2.0", "id": 1, "method": "session.authenticate", "params": params}
            )
            assert (await ws.receive(10)).data == 4504


async def test_idle_strangers_of_one_address_keep_nobody_else_out(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    several = changed(settings, sockets_per_stranger=2, trusted_proxies=1)
    async with running_server(several, floor) as server, aiohttp.ClientSession() as stranger:
        socket = f"{server.url}/ws"
        near, far = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
        async with stranger.ws_connect(socket, headers=near), stranger.ws_connect(socket, headers=near):
            async with stranger.ws_connect(socket, headers=near) as third:
                assert (await third.receive(10)).data == 4504
            async with server.client(someone) as client, client.post("auth/socket-ticket") as response:
                params = await response.json()
            async with stranger.ws_connect(socket, headers=far) as ws:
                params = {"ticket": params["ticket"]}
                await ws.send_json(
                    {"jsonrpc": "2.0", "id": 1, "method": "session.authenticate", "params": params}
                )
                assert json.loads((await ws.receive(10)).data)["id"] == 1


async def test_a_ping_without_an_id_is_not_answered(server: Server, someone: Person) -> None:
    assert await raw(server, someone, '{"jsonrpc":"2.0","method":"clock.ping","params":{"t0":1}}') == []


async def test_reads_and_writes_are_counted_on_either_transport(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    few = changed(settings, rate_reads_per_minute=3, rate_writes_per_minute=2)
    async with running_server(few, floor) as server, server.phone(someone) as phone:
        for method, allowed, params in (("song.browse", 3, {}), ("me.change", 2, {"name": "Clara W."})):
            for _ in range(allowed):
                await phone.ask(method, **params)
            with pytest.raises(Refused) as caught:
                await phone.ask(method, **params)
            assert caught.value.problem["status"] == 429
        await phone.ask("player.pause")
        async with server.client(someone) as client, client.get("songs") as response:
            assert response.status == 429
