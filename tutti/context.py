"""Context: who asks, what time it is, and through it the one transaction in which a command does its work."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy as Connection

from tutti.clock import Clock
from tutti.database import Database
from tutti.errors import SignInNeeded
from tutti.event import News
from tutti.job import Enqueued, job_of
from tutti.pool import Pool
from tutti.record import Record
from tutti.settings import Settings
from tutti.share import Share
from tutti.storage import Storage
from tutti.transaction import Line, Publisher, Transaction


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
    """One command's or job's view of the world. Not shared between tasks.

    With a `share` it uses no more of the process's connections to PostgreSQL than that.
    """

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
        share: Share | None = None,
    ) -> None:
        self.floor = floor
        self.person = person
        self.session = session
        self.request_id = request_id
        self.ip_address = ip_address
        self.user_agent = user_agent
        self._transaction = Transaction(share or floor.pool, floor.publisher, floor.clock, request_id)
        self.db = self._transaction.db
        """The statements of this command's transaction."""
        self.lone = Database(Line(self._transaction))
        """Statements that commit one by one: for a read whose write checks that nothing has moved."""
        self.attempt = 1
        """How often the edge has begun this command; from 2 on somebody was quicker."""
        self._listener = listener

    def wait_with(self, share: Share) -> None:
        """From the next transaction on, use no more of the connections than all who wait with this one."""
        self._transaction.pool = share

    @property
    def has_committed(self) -> bool:
        """Whether something of this command is committed already, so that it cannot be run again."""
        return self._transaction.has_committed

    @has_committed.setter
    def has_committed(self, value: bool) -> None:
        self._transaction.has_committed = value

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
        return self._transaction.now or self.floor.clock.now()

    def set_now(self, now: datetime) -> None:
        """The time read after a row was locked: it is never before the state it belongs to."""
        self._transaction.now = now

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
        self._transaction.news.append(News(topic, event, body, version, key))

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
        self._transaction.enqueued.append(Enqueued(name, arguments, priority, run_at, unique_key))

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
        if self._transaction.is_open:
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
        self._transaction.at_one_moment()

    async def connection(self) -> "Connection[asyncpg.Record]":
        """The open transaction's connection; opens the implicit transaction at first use."""
        return await self._transaction.connection()

    async def line(self) -> "Connection[asyncpg.Record]":
        """The connection of this command, with or without a transaction."""
        return await self._transaction.line()

    async def commit(self) -> None:
        """Raise topic versions, write job rows, commit, then publish."""
        await self._transaction.commit(self._before_commit)

    async def roll_back(self) -> None:
        """Undo, and drop what was to be announced or enqueued."""
        await self._transaction.roll_back()

    async def _before_commit(self) -> dict[str, int]:
        """The versions of the topics this commit raises."""
        await self._transaction.write_jobs(self.new_id)
        return await self._transaction.raise_topics()
