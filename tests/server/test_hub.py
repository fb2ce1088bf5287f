"""A topic's listeners over real connections: written to one by one, all at once through a ring, under TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from typing import cast
from uuid import uuid4

import pytest

from server.fan_out import SWEEP_S, WORTH_A_RING
from server.frames import text_frame
from server.hub import Hub
from server.ring import Ring, open_ring
from server.socket import Socket
from tutti import event
from tutti.context import Floor
from tutti.event import Heard
from tutti.tls import own_identity

LISTENERS = 3 * WORTH_A_RING
WAYS = ["one by one", "at once", "under TLS"]
TOPIC = event.player(uuid4())


class Accepted(asyncio.Protocol):
    """The server's end of a connection; it only writes."""

    def __init__(self, accepted: asyncio.Queue[asyncio.Transport]) -> None:
        self._accepted = accepted
        self.on_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._accepted.put_nowait(cast(asyncio.Transport, transport))

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.on_lost is not None:
            self.on_lost()


class Crowd:
    """Sockets that listen to one topic, and what the other ends of their connections read."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.sockets: list[Socket] = []
        self.readers: list[asyncio.StreamReader] = []
        self.connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.Transport]]]

    def say(self, text: bytes, version: int = 0, name: str = "player.state") -> None:
        self.hub.deliver(Heard(TOPIC, name, version, "", text))

    async def reads(self, *texts: bytes) -> None:
        """Everybody gets just these, in this order."""
        expected = b"".join(text_frame(text) for text in texts)
        async with asyncio.timeout(10):
            assert {await each.readexactly(len(expected)) for each in self.readers} == {expected}


def state(number: int, size: int = 700) -> bytes:
    return f'{{"volume":{number},"padding":"{"x" * size}"}}'.encode()


@pytest.fixture(params=WAYS)
async def crowd(
    request: pytest.FixtureRequest, floor: Floor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Crowd]:
    if request.param == "one by one":
        monkeypatch.setattr("server.fan_out.open_ring", lambda: None)
    elif open_ring() is None:
        pytest.skip("This kernel or container has no io_uring.")
    server_side, client_side = tls(tmp_path) if request.param == "under TLS" else (None, None)
    hub = Hub(floor.settings)
    crowd = Crowd(hub)
    accepted: asyncio.Queue[asyncio.Transport] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Accepted(accepted), "127.0.0.1", 0, ssl=server_side)
        stack.callback(server.close)
        port = server.sockets[0].getsockname()[1]

        async def connect() -> tuple[asyncio.StreamReader, asyncio.Transport]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_side)
            stack.callback(writer.close)
            return reader, await accepted.get()

        crowd.connect = connect
        for _ in range(LISTENERS):
            reader, transport = await connect()
            crowd.readers.append(reader)
            crowd.sockets.append(Socket(transport, messages_allowed=256, bytes_allowed=1_048_576))
        await hub.start()
        stack.push_async_callback(hub.stop)
        for socket in crowd.sockets:
            hub.add(socket)
            await hub.listen(socket, TOPIC)
        for socket in crowd.sockets:
            stack.callback(socket.transport.abort)
        yield crowd


def tls(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the server's and for the client's end."""
    identity = own_identity(folder, ["localhost"], datetime.now(UTC))
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(identity.certificate, identity.key)
    client_side = ssl.create_default_context(cafile=str(identity.certificate))
    client_side.check_hostname = False
    return server_side, client_side


async def test_everybody_hears_everything_in_order(crowd: Crowd) -> None:
    said = [state(number) for number in range(100)]
    for text in said:
        crowd.say(text, name="queue.changed")
        await asyncio.sleep(0)
    await crowd.reads(*said)


async def test_an_event_follows_the_answer_that_was_written_before_it(crowd: Crowd) -> None:
    for number, socket in enumerate(crowd.sockets):
        if number % 2:
            socket.send_text(b"answer")
    crowd.say(state(1))
    for number, reader in enumerate(crowd.readers):
        texts = [b"answer", state(1)] if number % 2 else [state(1)]
        expected = b"".join(map(text_frame, texts))
        assert await asyncio.wait_for(reader.readexactly(len(expected)), 10) == expected


async def test_who_does_not_read_gets_only_the_newest_and_keeps_nobody_waiting(crowd: Crowd) -> None:
    slow, reader = crowd.sockets[0], crowd.readers.pop(0)
    slow.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
    said = 0
    while not slow.is_lagging:
        said += 1
        crowd.say(state(said, 60_000), said)
        await crowd.reads(state(said, 60_000))
    for more in range(said + 1, said + 200):
        crowd.say(state(more), more)
    await crowd.reads(*map(state, range(said + 1, said + 200)))
    last = text_frame(state(said + 199))
    heard = b""
    async with asyncio.timeout(10):
        while not heard.endswith(last):
            heard += await reader.read(65_536)
    before = b"".join(text_frame(state(each, 60_000)) for each in range(1, said + 1))
    assert before.startswith(heard.removesuffix(last))


async def test_a_connection_that_died_keeps_nobody_from_hearing(crowd: Crowd) -> None:
    crowd.sockets[0].transport.abort()
    crowd.sockets[1].transport.close()
    crowd.say(state(1))
    await asyncio.sleep(2 * SWEEP_S)
    crowd.say(state(2))
    crowd.readers = crowd.readers[2:]
    await crowd.reads(state(1), state(2))


async def test_who_takes_over_a_lost_one_s_descriptor_hears_nothing_of_it(crowd: Crowd) -> None:
    lost = {each.transport.get_extra_info("socket").fileno() for each in crowd.sockets[::2]}
    for socket in crowd.sockets[::2]:
        socket.transport.abort()
    for _ in range(5):
        crowd.say(state(0), name="queue.changed")
        await asyncio.sleep(0)
    strangers = [await crowd.connect() for _ in crowd.sockets[::2]]
    assert lost & {transport.get_extra_info("socket").fileno() for _reader, transport in strangers}
    for _ in range(5):
        crowd.say(state(0), name="queue.changed")
    crowd.readers = crowd.readers[1::2]
    await crowd.reads(*[state(0)] * 10)
    for reader, transport in strangers:
        transport.close()
        assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_a_ring_that_fails_costs_a_moment_and_no_frame(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [state(number) for number in range(4)]
    enter = Ring._enter
    monkeypatch.setattr(Ring, "_enter", lambda ring, count: enter(ring, count // 2))
    for text in said:
        crowd.say(text, name="queue.changed")
    await crowd.reads(*said)
