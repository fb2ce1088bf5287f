"""This process's one line to Redis: which topics it hears, and how it notices that it hears nothing any more.

Redis may be killed, stalled, or cut off by a network that swallows packets. A line that confirms nothing
for two seconds, or brings nothing for two heartbeats, is given up; then everything is subscribed anew.

Every event comes this way, so it is read from the client's connection itself: what its `PubSub` adds to each
message (retries, a time limit, metrics) costs three times the reading, and all of it is decided here.
"""

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import Callable
from contextlib import suppress
from math import inf
from random import random
from time import monotonic
from typing import Literal

import redis.asyncio as redis
import structlog
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tutti.settings import Settings

HEARTBEAT_S = 5
CONFIRM_S = 2
log = structlog.get_logger()


class Subscription:
    """Topics this process hears from Redis. `receive(topic, data)` is called with every message."""

    def __init__(self, settings: Settings, receive: Callable[[str, bytes], None]) -> None:
        self._settings = settings
        self._receive_message = receive
        self._prefix = f"{settings.redis_namespace}:"
        self._confirmed: dict[str, asyncio.Future[None]] = {}
        self._line: AbstractConnection | None = None
        self._last_heard = 0.0
        self._doubted = asyncio.Event()
        self.on_reconnect: list[Callable[[], None]] = []
        self.is_connected = False

    async def add(self, topic: str) -> None:
        """Hear a topic; returns once Redis has confirmed, or soon without Redis (versions heal)."""
        if topic not in self._confirmed:
            self._confirmed[topic] = asyncio.get_running_loop().create_future()
            await self._say("SUBSCRIBE", topic)
        confirmed = self._confirmed[topic]
        if confirmed.done():
            return
        try:
            await asyncio.wait_for(asyncio.shield(confirmed), CONFIRM_S if self.is_connected else 0.05)
        except TimeoutError:
            if self.is_connected and not confirmed.done():
                self._doubt()

    async def discard(self, topic: str) -> None:
        """Hear a topic no more."""
        if self._confirmed.pop(topic, None) is not None:
            await self._say("UNSUBSCRIBE", topic)

    async def run(self) -> None:
        """Subscribe, read, and begin again when Redis was away."""
        while True:
            line = self._new_line()
            try:
                await self._hear(line)
            except (redis.RedisError, OSError, TimeoutError) as error:
                if self.is_connected:
                    log.warning("the hub lost redis", error=repr(error))
            except Exception:  # whatever it was, this process must hear again
                log.exception("the hub could not go on hearing")
            finally:
                self.is_connected, self._line = False, None
                with suppress(redis.RedisError, OSError, TimeoutError):
                    await asyncio.wait_for(line.disconnect(nowait=True), CONFIRM_S)
            await asyncio.sleep(0.2 + random() * 0.3)  # noqa: S311  # spreads load, guards nothing

    def _new_line(self) -> AbstractConnection:
        """One that does not reconnect by itself: then nobody would compare versions."""
        client = redis.Redis.from_url(
            self._settings.redis_url,
            socket_connect_timeout=1,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        line: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py
        return line

    async def _hear(self, line: AbstractConnection) -> None:
        """Read until the line ends, is doubted, or has been silent too long."""
        self._doubted.clear()
        await self._subscribe_all(line)
        for tell in self.on_reconnect:
            tell()
        self._last_heard = monotonic()
        beating = asyncio.create_task(self._beat(line), name="hub: heartbeat")
        reading = asyncio.create_task(self._read(line), name="hub: read")
        doubted = asyncio.create_task(self._doubted.wait(), name="hub: doubt")
        try:
            await self._ended(reading, doubted)
        finally:
            for task in (beating, reading, doubted):
                task.cancel()
            await asyncio.gather(beating, reading, doubted, return_exceptions=True)

    async def _ended(self, reading: "asyncio.Task[None]", doubted: "asyncio.Task[Literal[True]]") -> None:
        """Returns when the line is doubted; raises what reading raised, or TimeoutError after a silence."""
        while (left := self._last_heard + 2 * HEARTBEAT_S - monotonic()) > 0:
            done, _ = await asyncio.wait((reading, doubted), timeout=left, return_when=FIRST_COMPLETED)
            if reading in done:
                reading.result()
            if done:
                return
        raise TimeoutError("redis has been silent for two heartbeats")

    async def _read(self, line: AbstractConnection) -> None:
        while True:
            message = await line.read_response(timeout=inf, disconnect_on_error=False)
            self._last_heard = monotonic()
            self._receive(message)

    async def _subscribe_all(self, line: AbstractConnection) -> None:
        """Every topic again; what is added meanwhile comes along before anybody may rely on `add`."""
        loop = asyncio.get_running_loop()
        self._confirmed = {
            topic: loop.create_future() if confirmed.done() else confirmed
            for topic, confirmed in self._confirmed.items()
        }
        said: set[str] = set()
        async with asyncio.timeout(CONFIRM_S):
            await line.connect()  # type: ignore[no-untyped-call]  # redis-py
            while missing := {f"{self._prefix}{topic}" for topic in self._confirmed} - said:
                await line.send_command("SUBSCRIBE", *missing)
                said |= missing
        self._line, self.is_connected = line, True

    def _doubt(self) -> None:
        """What was asked is not confirmed: from now on nobody waits for this line, and it is given up."""
        self.is_connected = False
        log.warning("the hub doubts redis: a subscription was not confirmed")
        self._doubted.set()

    async def _say(self, verb: str, topic: str) -> None:
        if self._line is None or not self.is_connected:
            return
        with suppress(redis.RedisError, OSError):
            await self._line.send_command(verb, f"{self._prefix}{topic}")

    def _receive(self, message: object) -> None:
        """A confirmation, or a message: [kind, channel, how many or bytes]. The rest are signs of life."""
        match message:
            case [b"subscribe", bytes(channel), _]:
                confirmed = self._confirmed.get(self._topic(channel))
                if confirmed is not None and not confirmed.done():
                    confirmed.set_result(None)
            case [b"message", bytes(channel), bytes(data)]:
                self._receive_message(self._topic(channel), data)

    def _topic(self, channel: bytes) -> str:
        return channel.decode().removeprefix(self._prefix)

    async def _beat(self, line: AbstractConnection) -> None:
        """Ask for a sign of life, so that a stalled Redis is noticed (F7)."""
        while True:
            await line.send_command("PING")
            await asyncio.sleep(HEARTBEAT_S)
