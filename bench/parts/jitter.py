"""A bad line: a proxy on loopback that holds back what a websocket says, each way, and keeps the order."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

UPGRADE = b"upgrade: websocket"
BLOCK = 65_536


class Jitter:
    """One proxy before one port. Plain HTTP passes at once; websockets wait up to `worst_ms` each way."""

    def __init__(self, port: int, worst_ms: float) -> None:
        self._port = port
        self._worst_s = worst_ms / 1000
        self._random = random.Random()
        self._connections: set[asyncio.Task[None]] = set()
        self.delayed = 0
        """How many pieces were held back."""

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both ways of one connection, until either side closes."""
        this = asyncio.current_task()
        assert this is not None
        self._connections.add(this)
        this.add_done_callback(self._connections.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            late = asyncio.Event()
            ways = [self._way(reader, back, late), self._way(there, writer, late)]
            tasks = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                back.close()
                writer.close()

    async def _way(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, late: asyncio.Event
    ) -> None:
        """One way: each piece leaves at its own time, never before the piece ahead of it."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(_deliver(pieces, target))
        try:
            piece = b"begun"
            while piece:
                piece = await source.read(BLOCK)
                if UPGRADE in piece.lower():
                    late.set()
                wait = self._random.uniform(0, self._worst_s) if late.is_set() else 0
                self.delayed += late.is_set()
                pieces.put_nowait((loop.time() + wait, piece))
            await delivering
        finally:
            delivering.cancel()

    def close(self) -> None:
        for task in self._connections:
            task.cancel()


async def _deliver(pieces: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
    """Write each piece at its time; the empty one is the end."""
    loop = asyncio.get_running_loop()
    while True:
        at, piece = await pieces.get()
        if (wait := at - loop.time()) > 0:
            await asyncio.sleep(wait)
        if not piece:
            return
        target.write(piece)
        await target.drain()


@contextlib.asynccontextmanager
async def jittery(port: int, worst_ms: float) -> AsyncIterator[tuple[Jitter, int]]:
    """A proxy in front of `port`, and the port it listens at."""
    jitter = Jitter(port, worst_ms)
    server = await asyncio.start_server(jitter.carry, "127.0.0.1", 0)
    try:
        yield jitter, server.sockets[0].getsockname()[1]
    finally:
        jitter.close()
        server.close()
