"""Frames that ask for nothing: they are counted all the same, and others get their turns between them."""

import asyncio
from typing import Any

import pytest

from server.limits import frames_rate
from server.socket import TOO_FAST, Socket
from tests.running import Phone, Server, changed, running_server
from tutti.context import Floor, Person
from tutti.settings import Settings

PING, PONG = b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0"
BEGIN, GO_ON = b"\x01\x80\0\0\0\0", b"\x00\x80\0\0\0\0"
ASKED = b'{"jsonrpc":"2.0","method":"clock.ping","params":{"t0":1}}'
ASK = bytes((0x81, 0x80 | len(ASKED))) + bytes(4) + ASKED


def sends(phone: Phone, frames: bytes) -> None:
    """As they are, at once."""
    transport: Any = phone.ws._writer.transport
    transport.write(frames)


@pytest.fixture
def pings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For each ping that is answered, how many turns the loop had given to others by then."""
    answered: list[int] = []
    others = [0]
    answer = Socket.pong

    async def goes_on() -> None:
        while True:
            others[0] += 1
            await asyncio.sleep(0)

    def pong(socket: Socket, data: bytes) -> None:
        if not answered:
            tasks.append(asyncio.create_task(goes_on()))
        answered.append(others[0])
        answer(socket, data)

    tasks: list[asyncio.Task[None]] = []
    monkeypatch.setattr(Socket, "pong", pong)
    return answered


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes for those who count, so that no bucket fills up again."""
    monkeypatch.setattr("server.limits.monotonic", lambda: 1000.0)


@pytest.mark.parametrize("frames", [PING * 5000, PONG * 5000, BEGIN + GO_ON * 5000, ASK * 3000])
async def test_a_flood_of_frames_of_any_kind_is_closed(
    server: Server, someone: Person, someone_else: Person, pings: list[int], frames: bytes
) -> None:
    async with server.phone(someone_else) as other, server.phone(someone) as phone:
        sends(phone, frames)
        assert await phone.close_code() == TOO_FAST
        assert len(pings) <= frames_rate(Settings()).burst
        assert await other.ask("clock.ping", t0=1)


async def test_others_get_their_turns_between_the_frames_of_one_socket(
    server: Server, someone: Person, pings: list[int]
) -> None:
    async with server.phone(someone) as phone:
        sends(phone, PING * 400)
        await phone.ask("clock.ping", t0=1)
        assert len(pings) == 400
        assert len(set(pings)) > 350


@pytest.mark.usefixtures("still")
async def test_the_sockets_of_a_session_are_counted_together_and_those_of_others_are_not(
    server: Server, someone: Person
) -> None:
    header = await server.bearer(someone)
    async with (
        server.phone(someone, header) as one,
        server.phone(someone, header) as two,
        server.phone(someone) as other,
    ):
        sends(one, PONG * 400)
        await one.ask("clock.ping", t0=1)
        sends(two, PONG * 400)
        assert await two.close_code() == TOO_FAST
        sends(other, PONG * 400)
        assert await other.ask("clock.ping", t0=1)


@pytest.mark.usefixtures("still")
async def test_where_more_commands_are_allowed_so_are_more_frames(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    many = changed(settings, rate_commands_per_second=100_000, rate_commands_burst=100_000)
    async with running_server(many, floor) as server, server.phone(someone) as phone:
        sends(phone, ASK * 3000)
        assert await phone.ask("clock.ping", t0=1)


def test_who_uses_every_command_he_has_is_never_hit_by_the_count_of_frames() -> None:
    """Steering and questions have a bucket each; answers to our pings, and the clock, come on top."""
    for per_second, burst in ((30, 90), (1, 1), (10_000, 20_000)):
        rate = frames_rate(
            changed(Settings(), rate_commands_per_second=per_second, rate_commands_burst=burst)
        )
        assert rate.burst >= 2 * burst + 200
        assert rate.burst / rate.window_s >= 2 * per_second + 20


async def test_frames_that_come_before_our_answer_open_no_socket(server: Server, someone: Person) -> None:
    """A client must wait for it (RFC 6455 §4.1), and what it sends sooner nobody would have looked at."""
    header = await server.bearer(someone)
    port = int(server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /api/v1/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + f"Authorization: {header['Authorization']}\r\n\r\n".encode()
        + PING
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()
