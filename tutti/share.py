"""A share of the pool: so many of its connections, and no more, for those who come in crowds.

A thousand clients that come back at once would wait for all connections in one long queue, and everybody
else behind them. With a share they wait for one another, and whoever comes alone finds a connection free.
So do all who steer one player: they would wait for its row, each with a connection in his hand.
"""

import asyncio
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg
from asyncpg.pool import PoolConnectionProxy as Connection

from tutti.errors import Unavailable
from tutti.pool import LINE_WITHIN_S, Pool, Talk

TURN_WITHIN_S: Final = 15
"""Longer than a pool's patience, as nobody else waits behind those who wait here."""
COME_AGAIN_S: Final = 2


class Crowded(Unavailable):
    """So many wait for the same share of the pool that the turn did not come in time (F27)."""

    sentence = "Many devices are asking at once; please try again in a moment."


class Share:
    """As much of a pool as a crowd may use at a time; to a transaction it is a pool."""

    def __init__(self, pool: Pool, size: int, turn_within_s: float | None = None) -> None:
        self._pool = pool
        self._turns = asyncio.Semaphore(size)
        self._turn_within_s = turn_within_s
        self.patience_s = pool.patience_s

    async def acquire(self) -> "Connection[asyncpg.Record]":
        """Wait for a turn, then for a connection; raises Crowded, or DatabaseAway as the pool does."""
        try:
            async with asyncio.timeout(self._turn_within_s or TURN_WITHIN_S):
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


class Shares:
    """One share for each of many crowds, kept as long as anybody of it has it in his hand.

    Whoever waits for his turn waits no longer than he would for a connection: the wait is a part of a
    pool's patience, so that a PostgreSQL that is silent keeps nobody longer (F2).
    """

    def __init__(self, pool: Pool, size: int) -> None:
        self._pool = pool
        self._size = size
        self._kept: WeakValueDictionary[UUID, Share] = WeakValueDictionary()

    def of(self, crowd: UUID) -> Share:
        """The share of those who have this in common."""
        share = self._kept.get(crowd)
        if share is None:
            share = self._kept[crowd] = Share(self._pool, self._size, LINE_WITHIN_S)
        return share
