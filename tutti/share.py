"""A share of the pool: so many of its connections, and no more, for those who come in crowds.

A thousand clients that come back at once would wait for all connections in one long queue, and everybody
else behind them. With a share they wait for one another, and whoever comes alone finds a connection free.
"""

import asyncio
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy as Connection

from tutti.errors import Unavailable
from tutti.pool import Pool, Talk

TURN_WITHIN_S: Final = 15
"""Longer than a pool's patience, as nobody else waits behind those who wait here."""
COME_AGAIN_S: Final = 2


class Crowded(Unavailable):
    """So many wait for the same share of the pool that the turn did not come in time (F27)."""

    sentence = "Many devices are coming at once; please try again in a moment."


class Share:
    """As much of a pool as a crowd may use at a time; to a transaction it is a pool."""

    def __init__(self, pool: Pool, size: int) -> None:
        self._pool = pool
        self._turns = asyncio.Semaphore(size)
        self.patience_s = pool.patience_s

    async def acquire(self) -> "Connection[asyncpg.Record]":
        """Wait for a turn, then for a connection; raises Crowded, or DatabaseAway as the pool does."""
        try:
            async with asyncio.timeout(TURN_WITHIN_S):
                await self._turns.acquire()
        except TimeoutError:
            raise Crowded(retry_after=COME_AGAIN_S) from None
        try:
            return await self._pool.acquire()
        except BaseException:
            self._turns.release()
            raise

    async def release(self, connection: "Connection[asyncpg.Record]") -> None:
        """Give back the connection, and the turn whatever became of it."""
        try:
            await self._pool.release(connection)
        finally:
            self._turns.release()

    def talk(self, connection: "Connection[asyncpg.Record]") -> Talk:
        return self._pool.talk(connection)

    async def forget_idle(self) -> None:
        await self._pool.forget_idle()
