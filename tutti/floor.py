"""Open what every process needs, from the settings: database, Redis, storage, clock."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tutti.clock import MEASURE_EVERY_S, Clock
from tutti.context import Floor
from tutti.errors import Unavailable
from tutti.pool import Pool, open_pool
from tutti.publisher import RedisPublisher
from tutti.schema_version import EXIT_CODE, WrongSchema, check
from tutti.settings import Settings
from tutti.storage import open_storage

REDIS_TIMEOUT_S = 1
LOOK_AGAIN_S = 0.5


def open_redis(settings: Settings) -> "redis.Redis":
    """A client that gives up after a second: Redis only carries the news.

    It tries again on a line that was broken, as every idle one is after a restart, never after a silence.
    """
    return redis.Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        socket_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


@asynccontextmanager
async def open_floor(settings: Settings, *, limits: dict[str, str] | None = None) -> AsyncIterator[Floor]:
    """The floor of one process; `limits` replaces PostgreSQL settings of its connections.

    Raises WrongSchema where the tables are not those that this code can work with.
    """
    pool = await open_pool(settings.database_url, size=settings.database_pool, limits=limits)
    checking = await _check_schema(pool)
    client = open_redis(settings)
    publisher = RedisPublisher(client, settings.redis_namespace)
    clock = Clock()
    await _measure(clock, pool)
    ticking = asyncio.create_task(_keep_measuring(clock, pool), name="clock")
    floor = Floor(settings, pool, publisher, open_storage(settings), clock)
    try:
        yield floor
    finally:
        ticking.cancel()
        if checking is not None:
            checking.cancel()
        for kept in floor.kept.values():
            await kept.aclose()
        await floor.storage.close()
        await publisher.close()
        await client.aclose()
        await pool.close()


async def _check_schema(pool: Pool) -> "asyncio.Task[None] | None":
    """Look at the tables now; a PostgreSQL that is away keeps nobody from starting, so later then."""
    try:
        await check(pool)
    except Unavailable:
        return asyncio.create_task(_check_schema_later(pool), name="schema")
    except WrongSchema:
        await pool.close()
        raise
    return None


async def _check_schema_later(pool: Pool) -> None:
    """Ends the process when it should not have started; nothing was answered until now."""
    while True:
        await asyncio.sleep(LOOK_AGAIN_S)
        try:
            return await check(pool)
        except Unavailable:
            continue
        except WrongSchema as wrong:
            sys.stderr.write(f"{wrong}\n")
            sys.stderr.flush()
            os._exit(EXIT_CODE)


async def _keep_measuring(clock: Clock, pool: Pool) -> None:
    while True:
        await asyncio.sleep(MEASURE_EVERY_S)
        await _measure(clock, pool)


async def _measure(clock: Clock, pool: Pool) -> None:
    """A few samples, so that the first ones are good already; PostgreSQL away means the old offset stays."""
    with suppress(Unavailable):
        for _ in range(3):
            await clock.measure(pool)
