"""Transaction: the one line to PostgreSQL on which a command does its work, and what follows its commit.

A command begins it by its first statement. Its commit raises the versions of the topics on which something
is announced and writes the rows of the jobs that were enqueued; only then is anybody told.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from time import monotonic
from typing import Any, Literal, Protocol
from uuid import UUID

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy as Connection

from tutti.clock import Clock
from tutti.database import Database, queries
from tutti.event import News, packed, together, versions_needed
from tutti.job import Enqueued
from tutti.pool import LINE_WITHIN_S, DatabaseAway, Pool, Talk
from tutti.record import Record
from tutti.share import Share

SLOW_TRANSACTION_S = 0.25
log = structlog.get_logger()
sql = queries(__file__, "transaction.sql")


class Publisher(Protocol):
    """Sends packed events to Redis; never waits and never raises."""

    def publish(self, topic: str, message: bytes) -> None: ...


class RaisedTopic(Record):
    """A topic and the version this commit gave it."""

    topic: str
    version: int


class Transaction:
    """One context's transactions, one after the other; at most one is open."""

    def __init__(self, pool: Pool | Share, publisher: Publisher, clock: Clock, request_id: str) -> None:
        self.pool = pool
        self.db = Database(self)
        self.now: datetime | None = None
        """The time that a lock statement of this transaction read."""
        self.has_committed = False
        self.news: list[News] = []
        self.enqueued: list[Enqueued] = []
        self._publisher = publisher
        self._clock = clock
        self._request_id = request_id
        self._connection: Connection[asyncpg.Record] | None = None
        self._transaction: Any = None
        self._isolation: Literal["repeatable_read"] | None = None
        self._began = 0.0
        self._left: float | None = None

    @property
    def is_open(self) -> bool:
        return self._transaction is not None

    def at_one_moment(self) -> None:
        """All that is read is of one moment; raises RuntimeError after the first statement."""
        if self.is_open:
            raise RuntimeError("The transaction has begun: each of its statements sees a moment of its own.")
        self._isolation = "repeatable_read"

    async def connection(self) -> "Connection[asyncpg.Record]":
        """The open transaction's connection; opens it at first use."""
        if self._connection is not None and self._transaction is not None:
            return self._connection
        isolation = self._isolation
        try:
            return await self._begin()
        except DatabaseAway as away:
            if not away.was_cut:
                raise
        # It had died while nobody used it. Nothing was said on it but BEGIN, so another may be tried.
        await self.pool.forget_idle()
        self._isolation = isolation
        return await self._begin()

    def talk(self, connection: "Connection[asyncpg.Record]") -> Talk:
        return self.pool.talk(connection)

    async def line(self) -> "Connection[asyncpg.Record]":
        """The connection, with or without a transaction."""
        if self._connection is None:
            asked = monotonic()
            self._connection, self._began = await self.pool.acquire(), self._clock.now_ms()
            # Waiting for one's turn in a crowd is no silence of PostgreSQL's.
            self._left = self.pool.patience_s - min(monotonic() - asked, LINE_WITHIN_S)
        return self._connection

    def patience(self) -> float | None:
        """How long to wait for the next answer: for the first one less, as the line was waited for."""
        left, self._left = self._left, None
        return left

    async def _begin(self) -> "Connection[asyncpg.Record]":
        connection = await self.line()
        transaction = connection.transaction(isolation=self._isolation)
        try:
            with self.talk(connection):
                async with asyncio.timeout(self.patience()):
                    await transaction.start()
        except BaseException:
            await self._give_back()
            raise
        self._transaction = transaction
        return connection

    async def commit(self, before: Callable[[], Awaitable[dict[str, int]]]) -> None:
        """Commit, then publish. `before` does what belongs into it, and answers the versions it raised."""
        if self._connection is None and not self.news and not self.enqueued:
            return
        versions = await before()
        if self._connection is not None:
            if self._transaction is not None:
                with self.talk(self._connection):
                    await self._transaction.commit()
            await self._give_back()
            self.has_committed = True
        self._publish(versions)

    def _publish(self, versions: dict[str, int]) -> None:
        messages: dict[str, list[bytes]] = {}
        for item in self.news:
            version = item.version or versions.get(item.topic, 0)
            messages.setdefault(item.topic, []).append(packed(item, version))
        self.news = []
        for topic, said in messages.items():
            self._publisher.publish(topic, together(said))

    async def roll_back(self) -> None:
        """Undo, and drop what was to be announced or enqueued."""
        self.news.clear()
        self.enqueued.clear()
        if self._connection is None:
            return
        try:
            if self._transaction is not None:
                with self.talk(self._connection):
                    await self._transaction.rollback()
        except (DatabaseAway, asyncpg.PostgresError) as error:
            # The connection is gone, and with it the transaction: nothing is left to undo.
            log.debug("nothing to roll back", error=repr(error.__cause__), request_id=self._request_id)
        finally:
            await self._give_back()

    async def raise_topics(self) -> dict[str, int]:
        """The versions of the topics this commit raises."""
        topics = versions_needed(self.news)
        if not topics:
            return {}
        raised = await self.db.all(sql.raise_topics, RaisedTopic, topics=topics)
        return {each.topic: each.version for each in raised}

    async def write_jobs(self, new_id: Callable[[], UUID]) -> None:
        """A row for each job that was enqueued; the relay wakes when they are committed."""
        if not self.enqueued:
            return
        enqueued, self.enqueued = self.enqueued, []
        for each in enqueued:
            await self.db.run(
                sql.add_job,
                id=new_id(),
                name=each.name,
                arguments=each.arguments,
                priority=each.priority,
                run_at=each.run_at,
                unique_key=each.unique_key,
                request_id=self._request_id,
            )
        await self.db.run(sql.wake_relay)

    async def _give_back(self) -> None:
        connection, self._connection, self._transaction, self.now = self._connection, None, None, None
        self._isolation = None
        took = (self._clock.now_ms() - self._began) / 1000
        if took > SLOW_TRANSACTION_S:
            log.warning("slow transaction", seconds=round(took, 3), request_id=self._request_id)
        if connection is not None:
            await self.pool.release(connection)


class Line:
    """Hands out a transaction's connection as it is, so that each statement commits by itself."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def connection(self) -> "Connection[asyncpg.Record]":
        return await self._transaction.line()

    def talk(self, connection: "Connection[asyncpg.Record]") -> Talk:
        return self._transaction.talk(connection)

    def patience(self) -> float | None:
        return self._transaction.patience()
