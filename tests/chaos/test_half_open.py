"""Connections that are open and lead nowhere: who does not answer is closed, who is quiet is kept (R24)."""

import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest

from server.hub import DEAD_AFTER_S, PING_AFTER_S, Hub
from server.keys import HUB
from server.socket import SILENT, WRITABLE_BELOW, Socket
from server.ws import HEARTBEAT_MS
from tests.chaos.crowd import CLOSE, PING, PONG
from tests.chaos.household import bearer
from tests.chaos.test_hostile import frame
from tests.running import Server
from tutti.context import Floor, Person

PINGS_AFTER_S, CLOSES_AFTER_S = 0.5, 5.0
"""In place of 25 and 75 s; the hub looks once a second."""
ROUND_S = 1.0
SLACK_S = 5.0
"""What a machine that stands still for a moment adds: the client turns in the hub's own loop."""
LARGEST_PONG = 127
PINGS, AT_ONCE = 100_000, 500


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that pings and gives up within a test's patience."""
    monkeypatch.setattr("server.hub.PING_AFTER_S", PINGS_AFTER_S)
    monkeypatch.setattr("server.hub.DEAD_AFTER_S", CLOSES_AFTER_S)


class Raw:
    """A client's bare connection: nothing is answered by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def next(self, within_s: float = 10) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        async with asyncio.timeout(within_s):
            head, size = await self.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2))
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8))
            return head & 0x0F, await self.reader.readexactly(size)

    def pong(self, payload: bytes) -> None:
        self.writer.write(frame(payload, head=0x80 | PONG))


@asynccontextmanager
async def raw(
    server: Server, header: dict[str, str], *, receive_buffer: int | None = None
) -> AsyncIterator[Raw]:
    """An open socket; its first screen is still to be read."""
    line = sockets.socket()
    if receive_buffer is not None:
        line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
    reader, writer = await asyncio.open_connection(sock=line, limit=2**14)
    try:
        writer.write(
            b"GET /api/v1/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + f"Authorization: {header['Authorization']}\r\n\r\n".encode()
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def hub_of(server: Server) -> Hub:
    assert server.app is not None
    return server.app[HUB]


async def counted(hub: Hub, count: int, within_s: float = 10) -> None:
    """Until this process has so many sockets."""
    deadline = monotonic() + within_s
    while len(hub.sockets) != count:
        assert monotonic() < deadline
        await asyncio.sleep(0.02)


def test_what_is_promised_to_clients_is_what_the_hub_does() -> None:
    assert PING_AFTER_S * 1000 == HEARTBEAT_MS
    assert DEAD_AFTER_S == 3 * PING_AFTER_S


@pytest.mark.usefixtures("impatient")
async def test_who_reads_and_never_answers_is_pinged_and_then_closed_with_4004(
    server: Server, floor: Floor, someone: Person, measured: Any
) -> None:
    header, began = await bearer(floor, someone), monotonic()
    async with raw(server, header) as client:
        opcodes, payload = [0], b""
        while opcodes[-1] != CLOSE:
            opcode, payload = await client.next()
            opcodes.append(opcode)
        took = monotonic() - began
        measured("a client that never answers is closed after, s (5 here, 75 in life)", took)
        assert opcodes.count(PING) >= 2
        assert int.from_bytes(payload[:2]) == SILENT == 4004
        assert CLOSES_AFTER_S < took < CLOSES_AFTER_S + ROUND_S + SLACK_S
        await counted(hub_of(server), 0)


@pytest.mark.usefixtures("impatient")
async def test_who_is_quiet_and_answers_pings_stays(server: Server, floor: Floor, someone: Person) -> None:
    async with raw(server, await bearer(floor, someone)) as client:
        began, pings, payload = monotonic(), 0, b""
        while monotonic() - began < 2.5 * CLOSES_AFTER_S:
            opcode, payload = await client.next()
            assert opcode != CLOSE, payload
            if opcode == PING:
                pings += 1
                client.pong(payload)
        assert pings >= 4
        client.writer.write(frame(b'{"jsonrpc":"2.0","id":7,"method":"clock.ping","params":{"t0":1}}'))
        while b'"id":7' not in payload:
            opcode, payload = await client.next()
            assert opcode != CLOSE, "it is served as before"
        assert len(hub_of(server).sockets) == 1


@pytest.mark.usefixtures("impatient")
async def test_who_neither_reads_nor_answers_is_gone_and_leaves_nothing(
    server: Server, floor: Floor, someone: Person
) -> None:
    """A cable that was pulled: nothing comes back, not even the end of the connection."""
    async with raw(server, await bearer(floor, someone), receive_buffer=4096) as client:
        await asyncio.sleep(0)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of a socket reads
        hub = hub_of(server)
        await counted(hub, 1)
        await counted(hub, 0, CLOSES_AFTER_S + ROUND_S + 3 + SLACK_S)
        assert not hub.topics()


async def test_who_pings_without_end_and_never_reads_makes_nothing_grow(
    server: Server, floor: Floor, someone: Person, measured: Any
) -> None:
    """What it is owed has a bound: what the transport holds is the server's memory."""
    async with raw(server, await bearer(floor, someone), receive_buffer=4096) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of a socket reads
        hub = hub_of(server)
        await counted(hub, 1)
        (served,) = hub.sockets
        served.transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, 4096)
        largest = await flood(client, served)
    measured("pings without end: bytes that the transport held at most", largest)
    assert largest < 2 * WRITABLE_BELOW + LARGEST_PONG


async def flood(client: Raw, served: Socket) -> int:
    """Thirteen megabytes of pings, as far as they are taken; how much the server held at most."""
    largest = 0
    pings = frame(b"p" * 125, head=0x80 | PING) * AT_ONCE
    for _ in range(PINGS // AT_ONCE):
        client.writer.write(pings)
        try:
            await asyncio.wait_for(client.writer.drain(), 2)
        except (TimeoutError, ConnectionError):
            break  # it is not read any more, or closed: either is an answer
        for _ in range(3):
            largest = max(largest, served.transport.get_write_buffer_size())
            await asyncio.sleep(0)
    return largest
