"""Context: who asks, what time it is, and the one transaction in which a command does its work."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy as Connection

from tutti.clock import Clock
from tutti.database import Database, queries
from tutti.errors import SignInNeeded
from tutti.event import News, packed, versions_needed
from tutti.job import Enqueued, job_of
from tutti.pool import DatabaseAway, Pool, Talk
from tutti.record import Record
from tutti.settings import Settings
from tutti.storage import Storage

SLOW_TRANSACTION_S = 0.25
log = structlog.get_logger()
sql = queries(__file__, "context.sql")


class Person(Record):
    """Who asks. `audiences` names everything he may hear of: "public", "members", "user:<id>"."""

    id: UUID
    name: str
    email: str | None = None
    role: Literal["admin", "member", "guest"] = "member"
    audiences: tuple[str, ...] = ("public", "members")


class SessionRef(Record):
    """Through which sign-in he asks."""

    id: UUID
    kind: Literal["browser", "program", "guest"] = "browser"
    player_id: UUID | None = None
    """The player a guest has joined."""
    device_id: UUID | None = None
    authenticated_at: datetime
    credential_until: datetime | None = None
    """When the credential it was named by runs out by itself: an access token's `exp`."""


class Listener(Protocol):
    """A socket, as far as a command may know of it."""

    async def listen(self, topic: str) -> None: ...
    async def unlisten(self, topic: str) -> None: ...


class Publisher(Protocol):
    """Sends packed events to Redis; never waits and never raises."""

    def publish(self, topic: str, message: bytes) -> None: ...


@dataclass(frozen=True)
class Floor:
    """What one process holds for all its contexts."""

    settings: Settings
    pool: Pool
    publisher: Publisher
    storage: Storage
    clock: Clock
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    kept: dict[str, Any] = field(default_factory=dict)
    """What a slice keeps open for this process, by its name; `aclose` is called when the floor closes."""


class Context:
    """One command's or job's view of the world. Not shared between tasks."""

    def __init__(
        self,
        floor: Floor,
        *,
        person: Person | None = None,
        session: SessionRef | None = None,
        request_id: str = "",
        ip_address: str | None = None,
        user_agent: str | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.floor = floor
        self.person = person
        self.session = session
        self.request_id = request_id
        self.ip_address = ip_address
        self.user_agent = user_agent
        self.db = Database(self)
        self.lone = Database(_Line(self))
        """Statements that commit one by one: for a read whose write checks that nothing has moved."""
        self.attempt = 1
        """How often the edge has begun this command; from 2 on somebody was quicker."""
        self.has_committed = False
        self._listener = listener
        self._now: datetime | None = None
        self._connection: Connection[asyncpg.Record] | None = None
        self._transaction: Any = None
        self._isolation: Literal["repeatable_read"] | None = None
        self._began = 0.0
        self._news: list[News] = []
        self._enqueued: list[Enqueued] = []

    @property
    def settings(self) -> Settings:
        return self.floor.settings

    @property
    def storage(self) -> Storage:
        return self.floor.storage

    @property
    def me(self) -> Person:
        """Who asks; raises SignInNeeded."""
        if self.person is None:
            raise SignInNeeded
        return self.person

    @property
    def signed_in(self) -> SessionRef:
        """Through which session; raises SignInNeeded."""
        if self.session is None:
            raise SignInNeeded
        return self.session

    @property
    def audiences(self) -> tuple[str, ...]:
        return ("public",) if self.person is None else self.person.audiences

    @property
    def now(self) -> datetime:
        """PostgreSQL's time: what a lock statement read, else the clock kept against it."""
        return self._now if self._now is not None else self.floor.clock.now()

    def set_now(self, now: datetime) -> None:
        """The time read after a row was locked: it is never before the state it belongs to."""
        self._now = now

    def new_id(self) -> UUID:
        """A UUIDv7 (RFC 9562 §5.7): sorts by the time it was made."""
        milliseconds = int(self.now.timestamp() * 1000)
        random = int.from_bytes(self.floor.random_bytes(10), "big")
        high = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
        return UUID(int=high | 0b10 << 62 | random & (2**62 - 1))

    def random_bytes(self, count: int) -> bytes:
        return self.floor.random_bytes(count)

    def announce(
        self,
        topic: str,
        event: str,
        body: Record | dict[str, Any],
        *,
        version: int | None = None,
        key: str = "",
    ) -> None:
        """Tell everyone who listens to `topic`, once this transaction has committed.

        `version` is the topic's own when its row carries one (a player's), else the commit raises it.
        Newest-wins events replace one another by (topic, event, key).
        """
        self._news.append(News(topic, event, body, version, key))

    def enqueue(
        self,
        function: Callable[..., Any] | str,
        *,
        priority: int = 0,
        run_at: datetime | None = None,
        unique_key: str | None = None,
        **arguments: Any,
    ) -> None:
        """Have a @job done after this transaction has committed; `unique_key` keeps it to one waiting row.

        A slice that stands lower names the job by its name ("library.reread_song") instead of importing it.
        """
        name = function if isinstance(function, str) else job_of(function).name
        self._enqueued.append(Enqueued(name, arguments, priority, run_at, unique_key))

    async def listen(self, topic: str) -> None:
        """Let this socket hear a topic; returns once Redis has confirmed, so that a snapshot may follow."""
        if self._listener is not None:
            await self._listener.listen(topic)

    async def unlisten(self, topic: str) -> None:
        if self._listener is not None:
            await self._listener.unlisten(topic)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A short transaction of its own, for commands that do something slow between two of them."""
        if self._transaction is not None:
            raise RuntimeError("A transaction is open already; use either ctx.db alone or ctx.transaction().")
        try:
            yield
            await self.commit()
        except BaseException:
            await self.roll_back()
            raise

    def at_one_moment(self) -> None:
        """What this transaction reads is all of one moment: a row and what stands below it fit together.

        To be said before its first statement; after it, this raises RuntimeError.
        """
        if self._transaction is not None:
            raise RuntimeError("The transaction has begun: each of its statements sees a moment of its own.")
        self._isolation = "repeatable_read"

    async def connection(self) -> "Connection[asyncpg.Record]":
        """The open transaction's connection; opens the implicit transaction at first use."""
        if self._connection is not None and self._transaction is not None:
            return self._connection
        try:
            return await self._begin()
        except DatabaseAway as away:
            if not away.was_cut:
                raise
        # It had died while nobody used it. Nothing was said on it but BEGIN, so another may be tried.
        await self.floor.pool.forget_idle()
        return await self._begin()

    def talk(self, connection: "Connection[asyncpg.Record]") -> Talk:
        return self.floor.pool.talk(connection)

    async def line(self) -> "Connection[asyncpg.Record]":
        """The connection of this command, with or without a transaction."""
        if self._connection is None:
            self._connection, self._began = await self.floor.pool.acquire(), self.floor.clock.now_ms()
        return self._connection

    async def _begin(self) -> "Connection[asyncpg.Record]":
        connection = await self.line()
        transaction = connection.transaction(isolation=self._isolation)
        try:
            with self.talk(connection):
                await transaction.start()
        except BaseException:
            await self._give_back()
            raise
        self._transaction = transaction
        return connection

    async def commit(self) -> None:
        """Raise topic versions, write job rows, commit, then publish."""
        if self._connection is None and not self._news and not self._enqueued:
            return
        versions = await self._before_commit()
        if self._connection is not None:
            if self._transaction is not None:
                with self.talk(self._connection):
                    await self._transaction.commit()
            await self._give_back()
            self.has_committed = True
        news, self._news = self._news, []
        for item in news:
            self.floor.publisher.publish(
                item.topic, packed(item, item.version or versions.get(item.topic, 0))
            )

    async def roll_back(self) -> None:
        """Undo, and drop what was to be announced or enqueued."""
        self._news.clear()
        self._enqueued.clear()
        if self._connection is None:
            return
        try:
            if self._transaction is not None:
                with self.talk(self._connection):
                    await self._transaction.rollback()
        except (DatabaseAway, asyncpg.PostgresError) as error:
            # The connection is gone, and with it the transaction: nothing is left to undo.
            log.debug("nothing to roll back", error=repr(error.__cause__), request_id=self.request_id)
        finally:
            await self._give_back()

    async def _before_commit(self) -> dict[str, int]:
        """The versions of the topics this commit raises."""
        await self._write_jobs()
        topics = versions_needed(self._news)
        if not topics:
            return {}
        raised = await self.db.all(sql.raise_topics, RaisedTopic, topics=topics)
        return {each.topic: each.version for each in raised}

    async def _write_jobs(self) -> None:
        if not self._enqueued:
            return
        enqueued, self._enqueued = self._enqueued, []
        for each in enqueued:
            await self.db.run(
                sql.add_job,
                id=self.new_id(),
                name=each.name,
                arguments=each.arguments,
                priority=each.priority,
                run_at=each.run_at,
                unique_key=each.unique_key,
                request_id=self.request_id,
            )
        await self.db.run(sql.wake_relay)

    async def _give_back(self) -> None:
        connection, self._connection, self._transaction, self._now = self._connection, None, None, None
        self._isolation = None
        took = (self.floor.clock.now_ms() - self._began) / 1000
        if took > SLOW_TRANSACTION_S:
            log.warning("slow transaction", seconds=round(took, 3), request_id=self.request_id)
        if connection is not None:
            await self.floor.pool.release(connection)


class _Line:
    """Hands out a context's connection as it is, so that each statement commits by itself."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def connection(self) -> "Connection[asyncpg.Record]":
        return await self._ctx.line()

    def talk(self, connection: "Connection[asyncpg.Record]") -> Talk:
        return self._ctx.talk(connection)


class RaisedTopic(Record):
    """A topic and the version this commit gave it."""

    topic: str
    version: int
