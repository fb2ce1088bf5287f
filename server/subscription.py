"""This process's one line to Redis: which topics it hears, and how it notices that it hears nothing any more.

Redis may be killed, stalled, or cut off by a network that swallows packets. A line that confirms nothing
for two seconds, or brings nothing for two heartbeats, is given up; then everything is subscribed anew.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import random
from time import monotonic
from uuid import uuid4

import redis.asyncio as redis
import structlog
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
        self._own_channel = f"{self._prefix}hub:{uuid4()}"
        self._confirmed: dict[str, asyncio.Future[None]] = {}
        self._pubsub: redis.client.PubSub | None = None
        self._doubted = asyncio.Event()
        self.on_reconnect: list[Callable[[], None]] = []
        self.is_connected = False

    async def add(self, topic: str) -> None:
        """Hear a topic; returns once Redis has confirmed, or soon without Redis (versions heal)."""
        if topic not in self._confirmed:
            self._confirmed[topic] = asyncio.get_running_loop().create_future()
            await self._say("subscribe", topic)
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
            await self._say("unsubscribe", topic)

    async def run(self) -> None:
        """Subscribe, read, and begin again when Redis was away."""
        while True:
            client = self._client(socket_timeout=None)
            try:
                async with client.pubsub() as pubsub:
                    await self._hear(pubsub)
            except (redis.RedisError, OSError, TimeoutError) as error:
                if self.is_connected:
                    log.warning("the hub lost redis", error=repr(error))
            except Exception:  # whatever it was, this process must hear again
                log.exception("the hub could not go on hearing")
            finally:
                self.is_connected, self._pubsub = False, None
                with suppress(redis.RedisError, OSError, TimeoutError):
                    await asyncio.wait_for(client.aclose(), CONFIRM_S)
            await asyncio.sleep(0.2 + random() * 0.3)  # noqa: S311  # spreads load, guards nothing

    def _client(self, socket_timeout: float | None) -> "redis.Redis":
        """One that does not reconnect by itself: then nobody would compare versions."""
        return redis.Redis.from_url(
            self._settings.redis_url,
            socket_connect_timeout=1,
            socket_timeout=socket_timeout,
            retry=Retry(NoBackoff(), 0),
        )

    async def _hear(self, pubsub: "redis.client.PubSub") -> None:
        self._doubted.clear()
        await self._subscribe_all(pubsub)
        for tell in self.on_reconnect:
            tell()
        beat = asyncio.create_task(self._beat(), name="hub: heartbeat")
        last_heard = monotonic()
        try:
            while not self._doubted.is_set():
                message = await pubsub.get_message(timeout=1)
                if message is not None:
                    last_heard = monotonic()
                    self._receive(message)
                elif monotonic() - last_heard > 2 * HEARTBEAT_S:
                    raise TimeoutError("redis has been silent for two heartbeats")
        finally:
            beat.cancel()

    async def _subscribe_all(self, pubsub: "redis.client.PubSub") -> None:
        """Every topic again; what is added meanwhile comes along before anybody may rely on `add`."""
        loop = asyncio.get_running_loop()
        self._confirmed = {
            topic: loop.create_future() if confirmed.done() else confirmed
            for topic, confirmed in self._confirmed.items()
        }
        said = {self._own_channel}
        async with asyncio.timeout(CONFIRM_S):
            await pubsub.subscribe(self._own_channel)
            while missing := {f"{self._prefix}{topic}" for topic in self._confirmed} - said:
                await pubsub.subscribe(*missing)
                said |= missing
        self._pubsub, self.is_connected = pubsub, True

    def _doubt(self) -> None:
        """What was asked is not confirmed: from now on nobody waits for this line, and it is given up."""
        self.is_connected = False
        log.warning("the hub doubts redis: a subscription was not confirmed")
        self._doubted.set()

    async def _say(self, verb: str, topic: str) -> None:
        if self._pubsub is None or not self.is_connected:
            return
        with suppress(redis.RedisError, OSError):
            await getattr(self._pubsub, verb)(f"{self._prefix}{topic}")

    def _receive(self, message: dict[str, object]) -> None:
        channel = message["channel"]
        topic = channel.decode().removeprefix(self._prefix) if isinstance(channel, bytes) else ""
        if message["type"] == "subscribe":
            confirmed = self._confirmed.get(topic)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)
        elif message["type"] == "message" and not topic.startswith("hub:"):
            data = message["data"]
            if isinstance(data, bytes):
                self._receive_message(topic, data)

    async def _beat(self) -> None:
        """Our own message through Redis, so that a stalled Redis is noticed (F7)."""
        client = self._client(socket_timeout=1)
        try:
            while True:
                with suppress(redis.RedisError, OSError):
                    await client.publish(self._own_channel, b"")
                await asyncio.sleep(HEARTBEAT_S)
        finally:
            with suppress(redis.RedisError, OSError):
                await client.aclose()
