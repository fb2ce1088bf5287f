"""Clients that mean ill or are broken: they are closed, nobody else notices, and no memory is left behind."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import aiohttp
import psutil

from server.patience import HEADER_WITHIN_S
from tests.chaos.household import bearer, devices_of
from tests.running import Process, Server
from tutti.context import Floor, Person

GROWS_BY_MB = 25
ROUNDS, EACH = 5, 6
SLACK_S = 15
BIG = 65_537


def frame(payload: bytes, *, head: int = 0x81, masked: bool = True, claimed: int | None = None) -> bytes:
    """A frame as a client may send it, or as it may not."""
    size = len(payload) if claimed is None else claimed
    mask = 0x80 if masked else 0
    if size < 126:
        length = bytes((mask | size,))
    elif size < 65_536:
        length = bytes((mask | 126,)) + struct.pack("!H", size)
    else:
        length = bytes((mask | 127,)) + struct.pack("!Q", size)
    return bytes((head,)) + length + (b"\0\0\0\0" if masked else b"") + payload


NASTY: dict[str, bytes] = {
    "64 KiB and one byte": frame(b"x" * BIG),
    "a frame that claims a terabyte": frame(b"x" * 1000, claimed=2**40),
    "binary": frame(b"\0" * 60_000, head=0x82),
    "compressed": frame(b"\0" * 1000, head=0xC1),
    "unmasked": frame(b"{}" * 1000, masked=False),
    "a flood of what is no JSON": frame(b"{" * 500) * 400,
    "a flood of commands": frame(b'{"jsonrpc":"2.0","id":1,"method":"player.get"}') * 300,
    "fragments without end": frame(b"x" * 1000, head=0x01) + frame(b"x" * 1000, head=0x00) * 200,
    "pings without end": frame(b"ping", head=0x89) * 2000,
    "half a frame": frame(b"x" * 60_000)[:30_000],
}


async def socket(server: Server, header: dict[str, str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A raw connection on which the socket is open."""
    port = int(server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /api/v1/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + f"Authorization: {header['Authorization']}\r\n\r\n".encode()
    )
    await reader.readuntil(b"player.state")
    return reader, writer


async def attack(server: Server, header: dict[str, str], payload: bytes) -> None:
    """Send it, read for a moment what comes, and vanish without a word."""
    reader, writer = await socket(server, header)
    try:
        writer.write(payload)
        async with asyncio.timeout(0.4):
            await writer.drain()
            while await reader.read(65_536):
                pass
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()


async def open_sockets(server: Server) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/metrics") as answer:
        text = await answer.text()
    return int(
        float(next(line for line in text.splitlines() if line.startswith("tutti_sockets_open")).split()[1])
    )


async def until(true: Callable[[], Awaitable[bool]], within_s: float = SLACK_S) -> None:
    deadline = monotonic() + within_s
    while not await true():
        assert monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_hostile_clients_leave_nothing_behind(
    servers: list[Server], steady: list[Process], floor: Floor, someone: Person, measured: Any
) -> None:
    server, process = servers[0], psutil.Process(steady[0].pid)
    headers = [await bearer(floor, someone) for _ in range(EACH)]
    sizes: list[float] = []
    async with devices_of(floor, someone, [server], 1) as (honest,):

        async def is_quiet() -> bool:
            """Nobody but the honest one is there; who was there before this test may still be leaving."""
            return await open_sockets(server) == 1

        await until(is_quiet)
        for number in range(ROUNDS):
            for payload in NASTY.values():
                await asyncio.gather(*(attack(server, header, payload) for header in headers))
            volume = round(number / 10, 2)
            assert (await honest.do("player.change", volume=volume)).outcome == "ok"
            sizes.append(process.memory_info().rss / 2**20)

        await until(is_quiet)
        assert honest.opened == 1
    half = len(sizes) // 2
    measured("hostile frames: memory after each round, MB", " ".join(f"{size:.0f}" for size in sizes))
    assert max(sizes[half:]) - sizes[half - 1] < GROWS_BY_MB, sizes


async def test_half_a_header_is_waited_for_ten_seconds_and_an_idle_line_longer(
    servers: list[Server], measured: Any
) -> None:
    port = int(servers[0].url.rsplit(":", 1)[1])
    halves = [b"G", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "]
    began = monotonic()
    lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    for half in halves:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if half == b"G":  # the second request on a line is looked at like the first
            assert await healthy(reader, writer)
        writer.write(half)
        lines.append((reader, writer))
    kept_reader, kept = await asyncio.open_connection("127.0.0.1", port)
    try:
        assert await healthy(kept_reader, kept)
        for reader, _ in lines:
            async with asyncio.timeout(HEADER_WITHIN_S + SLACK_S):
                while await reader.read(65_536):
                    pass
        measured("half a header: closed after, s", monotonic() - began)
        assert monotonic() - began > HEADER_WITHIN_S - 1
        assert await healthy(kept_reader, kept)
    finally:
        for _, writer in (*lines, (kept_reader, kept)):
            writer.transport.abort()
        await asyncio.sleep(0)


async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Ask /healthz on a line that is open."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return b'"ok"}' in await asyncio.wait_for(reader.readuntil(b"}"), SLACK_S)
