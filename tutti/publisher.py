"""Events on their way to Redis: after the commit, in order, never waited for.

A command is answered once it is committed. What it announces is handed to one writer per process, which
sends all that waits in one round trip; so a slow Redis slows nobody, and a busy process publishes in bulk.
A message lost here costs its listeners a few seconds until they compare versions (F5, F8).
"""

import asyncio
from collections import deque

import redis.asyncio as redis
import structlog

MOST_WAITING = 10_000
BATCH = 500
PAUSE_AFTER_FAILURE_S = 0.5
log = structlog.get_logger()


class RedisPublisher:
    """Publishes packed events; when its queue is full the oldest is dropped."""

    def __init__(self, client: "redis.Redis", namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer: asyncio.Task[None] | None = None
        self.is_failing = False

    def publish(self, topic: str, message: bytes) -> None:
        """Hand over one message for the channel of `topic`."""
        self._waiting.append((f"{self._namespace}:{topic}", message))
        self._idle.clear()
        self._wake.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="publisher")

    async def close(self) -> None:
        """Send what still waits, for a second at most, and stop."""
        if self._writer is None:
            return
        try:
            await asyncio.wait_for(self._idle.wait(), 1)
        except TimeoutError:
            log.warning("events were left unpublished", count=len(self._waiting))
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        self._writer = None

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send([self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))])
            self._idle.set()

    async def _send(self, batch: list[tuple[str, bytes]]) -> None:
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for channel, message in batch:
                    pipe.publish(channel, message)
                await pipe.execute()
            self.is_failing = False
        except (redis.RedisError, OSError, TimeoutError) as error:
            if not self.is_failing:
                log.warning(
                    "redis is away; listeners will compare versions", error=repr(error), lost=len(batch)
                )
            self.is_failing = True
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
