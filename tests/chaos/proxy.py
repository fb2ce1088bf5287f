"""A TCP port in front of a part, which can hold, delay, cut, refuse and change what passes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Self


class Line:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.part: asyncio.StreamWriter | None = None
        self.kept = b""
        """Bytes a heed function has not seen the end of."""
        self.is_doomed = False

    def cut(self) -> None:
        """End it at once, as a cable does."""
        for writer in (self.client, self.part):
            if writer is not None:
                writer.transport.abort()


Heed = Callable[[Line, bytes, bool], bytes]
"""What passes on of these bytes; True means they go to the part, False that they come from it."""


def pass_on(line: Line, data: bytes, to_part: bool) -> bytes:
    """Change nothing."""
    return data


class Proxy:
    """Listens on 127.0.0.1 and talks to a part's Unix socket."""

    def __init__(self, part: Path) -> None:
        self._part = part
        self._lines: set[Line] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self.heed: Heed = pass_on
        self.refuses = False
        self.port = 0

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """End every connection; new ones are taken unless `refuses`."""
        for line in list(self._lines):
            line.cut()

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told: a network that swallows packets."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        line = Line(client)
        if self.refuses:
            line.cut()
            return
        self._lines.add(line)
        try:
            part_reader, line.part = await asyncio.open_unix_connection(str(self._part))
            pumps = {
                asyncio.create_task(self._pump(line, reader, line.part, to_part=True)),
                asyncio.create_task(self._pump(line, part_reader, client, to_part=False)),
            }
            self._pumps |= pumps
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.add_done_callback(self._pumps.discard)
                pump.cancel()
        except OSError:
            pass
        finally:
            line.cut()
            self._lines.discard(line)

    async def _pump(
        self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_part: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(self.heed(line, data, to_part))
                await writer.drain()


@asynccontextmanager
async def proxy_of(part: Path) -> AsyncIterator[Proxy]:
    """A proxy for a part's Unix socket."""
    proxy = await Proxy(part).start()
    try:
        yield proxy
    finally:
        await proxy.stop()


class LosesAnswerTo:
    """Lets a statement reach PostgreSQL and cuts the line instead of passing on its answer, once."""

    def __init__(self, statement: bytes) -> None:
        self._statement = statement
        self.is_armed = True

    def __call__(self, line: Line, data: bytes, to_part: bool) -> bytes:
        if to_part:
            if self.is_armed and self._statement in data:
                self.is_armed = False
                line.is_doomed = True
            return data
        if line.is_doomed:
            line.cut()
            return b""
        return data


class LosesMessages:
    """Drops a share of what Redis publishes to its subscribers; a hub's own heartbeats pass."""

    def __init__(self, share: float, random: Random, *, telling: bytes = b"") -> None:
        self.share = share
        self.telling = telling
        """Only messages in which this stands."""
        self.dropped = 0
        self.topics: set[bytes] = set()
        """What was subscribed through here, and confirmed."""
        self._random = random

    def __call__(self, line: Line, data: bytes, to_part: bool) -> bytes:
        if to_part:
            return data
        rest, passed = line.kept + data, b""
        while (end := end_of_item(rest, 0)) is not None:
            item, rest = rest[:end], rest[end:]
            kind, topic = kind_and_topic(item)
            if kind == b"subscribe":
                self.topics.add(topic)
            if kind == b"message" and self.telling in item and self._random.random() < self.share:
                self.dropped += 1
            else:
                passed += item
        line.kept = rest
        return passed


def kind_and_topic(item: bytes) -> tuple[bytes, bytes]:
    """What Redis says on a subscriber's line: b"message" or b"subscribe", and of which topic."""
    head = item[:200].split(b"\r\n")
    return (head[2], head[4]) if len(head) > 4 else (b"", b"")


def end_of_item(data: bytes, at: int) -> int | None:
    """Where the RESP item that begins at `at` ends; None when it is not all there."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return None
    kind, end = data[at : at + 1], line_end + 2
    if kind in b"$=!":
        length = int(data[at + 1 : line_end])
        end = end if length < 0 else end + length + 2
        return end if end <= len(data) else None
    if kind in b"*>~%|":
        count = int(data[at + 1 : line_end]) * (2 if kind in b"%|" else 1)
        for _ in range(count):
            inner = end_of_item(data, end)
            if inner is None:
                return None
            end = inner
    return end
