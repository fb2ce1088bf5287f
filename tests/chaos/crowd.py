"""A thousand browsers for the price of a few: raw sockets that look at nothing but the first screen."""

import asyncio
import resource
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from time import monotonic

import msgspec

from tests.chaos.household import bearer
from tests.conftest import add_person
from tutti.context import Floor

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
ANSWERS_WITHIN_S = 30
CLOSE, PING, PONG = 8, 9, 10
HELLO, STATE = "session.hello", "player.state"


class Caller:
    """One browser: it comes back after a break, with the pauses of web/static/socket.js."""

    def __init__(self, port: int, address: str, headers: dict[str, str], random: Random) -> None:
        self.ready_at: float | None = None
        """Since when it is greeted and shows the player; None while it is not."""
        self.version = -1
        self.answers: Counter[str] = Counter()
        """Statuses, and "away" where nobody took the call."""
        self.port = port
        """Where it comes out: a balancer in front would change this."""
        self._address = address
        self._credential = headers["Authorization"]
        self._random = random
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._stay())

    def look_elsewhere(self, port: int, random: Random) -> None:
        """From its next break on it comes out at another server, with pauses that this randomness makes."""
        self.answers.clear()
        self.port, self._random = port, random

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _stay(self) -> None:
        attempt = 0
        while True:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                await self._call(self.port)
            if self.ready_at is not None:
                attempt = 0
            self.ready_at = None
            await asyncio.sleep(
                self._random.random() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempt, 10))
            )
            attempt += 1

    async def _call(self, port: int) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(self._address, 0))
        except OSError:
            self.answers["away"] += 1
            raise
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                writer.write(self._request(port))
                head = await reader.readuntil(b"\r\n\r\n")
                self.answers[head.split(b" ", 2)[1].decode()] += 1
                if b" 101 " in head.split(b"\r\n", 1)[0]:
                    await self._first_screen(reader)
            while self.ready_at is not None:
                await self._listen(reader, writer)
        finally:
            writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear one frame, which interests nobody, and say that we live when asked."""
        opcode, payload = await next_frame(reader)
        if opcode == PING:
            writer.write(bytes((0x80 | PONG, 0x80 | len(payload))) + b"\0\0\0\0" + payload)

    def _request(self, port: int) -> bytes:
        return (
            f"GET /api/v1/socket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: {self._credential}\r\n\r\n"
        ).encode()

    async def _first_screen(self, reader: asyncio.StreamReader) -> None:
        """Until it is greeted and knows the player's state."""
        greeted = False
        while True:
            _opcode, payload = await next_frame(reader)
            message = msgspec.json.decode(payload)
            greeted = greeted or message.get("method") == HELLO
            if greeted and message.get("method") == STATE:
                self.version = message["params"]["version"]
                self.ready_at = monotonic()
                return


async def next_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of what a server sent: unmasked, whole. Raises ConnectionError when it closes."""
    head, size = await reader.readexactly(2)
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    payload = await reader.readexactly(size)
    if head & 0x0F == CLOSE:
        raise ConnectionError(payload)
    return head & 0x0F, payload


async def all_ready(callers: Sequence[Caller], since: float, within_s: float) -> list[float]:
    """Wait for everybody; how long after `since` each was ready, in seconds, the quickest first."""
    while True:
        found = [caller.ready_at for caller in callers if caller.ready_at and caller.ready_at > since]
        if len(found) == len(callers):
            return sorted(at - since for at in found)
        assert monotonic() - since < within_s, f"{len(callers) - len(found)} are still away"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def crowd(
    floor: Floor, port: int, *, people: int, each: int, one_address: bool = False
) -> AsyncIterator[list[Caller]]:
    """So many callers for each of so many people: at an address of their own, or all behind one."""
    allow_open_files(people * each * 2)
    callers = []
    for number in range(people):
        person = await add_person(floor, f"Caller{number}", "member")
        address = "127.0.0.1" if one_address else f"127.0.{1 + number // 250}.{1 + number % 250}"
        for device in range(each):
            random = Random(number * each + device)
            callers.append(Caller(port, address, await bearer(floor, person), random))
    try:
        yield callers
    finally:
        await asyncio.gather(*(caller.stop() for caller in callers))


def allow_open_files(count: int) -> None:
    """For this process and for those it starts from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else max(soft, count)
    assert most >= count, f"{count} open files are needed, {most} are allowed"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(most, count * 2)), hard))
