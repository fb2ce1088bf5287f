"""PostgreSQL's connections: handed out within seconds or not at all, and never waited for in vain.

A PostgreSQL that refuses is told from its refusal. One that stalls says nothing: each call has its time, and
a line on which an answer did not come is thrown away, for nobody knows what it is still doing. When one after
the other fails, nobody is made to wait any more: commands are refused at once, while a probe looks twice a
second whether PostgreSQL is back (F1, F2).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec
import structlog
from asyncpg.pool import PoolConnectionProxy as Connection

from tutti.errors import Unavailable
from tutti.record import encode

PATIENCE_S = 3
"""For a line and the first answer on it together, and then for each further answer: so long may PostgreSQL be
silent. Whoever allows longer statements waits that much longer."""
LINE_WITHIN_S = 2.5
"""Of that, for a line to become free: what is left must be enough to use it."""
CONNECT_TIMEOUT_S = 1
CLOSE_TIMEOUT_S = 5
RETRY_AFTER_S = 5
FAILURES = 5
PROBE_EVERY_S = 0.5
LIMITS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "15s",
    "application_name": "tutti",
    "timezone": "UTC",
}
_CUT = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a line that broke in mid-answer: asyncpg no longer knows where it stands
)
_AWAY = (
    *_CUT,
    OSError,
    TimeoutError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,  # it cannot read or write its own files
    asyncpg.exceptions.FatalPostgresError,  # it closes this line, for a reason of its own
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process slept with a transaction open (F24)
)
log = structlog.get_logger()


class DatabaseAway(Unavailable):
    """PostgreSQL refuses, is restarting, or did not answer in time (F1, F2)."""

    sentence = "The database is not answering; please try again in a moment."

    @property
    def was_cut(self) -> bool:
        """The line broke. When nothing but its first word was said on it, another line may be tried."""
        return isinstance(self.__cause__, _CUT)


class Talk:
    """Turns the many ways in which PostgreSQL can be away into one Problem; a silent line is thrown away."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: "Pool", connection: "Connection[asyncpg.Record] | None" = None) -> None:
        self._pool = pool
        self._connection = connection

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _AWAY):
            if self._connection is not None and isinstance(
                error, (TimeoutError, asyncpg.InternalClientError)
            ):
                self._throw_away(self._connection)
            raise DatabaseAway(retry_after=RETRY_AFTER_S) from error

    def _throw_away(self, connection: "Connection[asyncpg.Record]") -> None:
        with suppress(asyncpg.InterfaceError):  # somebody did it before
            connection.terminate()
        self._pool.failed()


class Closing(asyncpg.Connection):  # type: ignore[misc]  # asyncpg tells mypy nothing of its types
    """A connection with a quiet end: the pool closes what it has replaced in a task nobody listens to."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  # as asyncpg calls it
        """Close it, or throw away a line that is dead already."""
        with suppress(*_AWAY, asyncpg.PostgresError):
            await super().close(timeout=timeout)


class Pool:
    """Connections to PostgreSQL. Opening it asks for none, so a server starts while PostgreSQL is away."""

    def __init__(self, database_url: str, *, size: int = 10, limits: dict[str, str] | None = None) -> None:
        self._url = database_url
        self.patience_s = _longest_statement(limits or {}) + PATIENCE_S
        """How long PostgreSQL may be silent on a line of this pool."""
        self._pool: asyncpg.Pool[asyncpg.Record] = asyncpg.create_pool(
            database_url,
            min_size=0,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=self.patience_s,
            statement_cache_size=1000,
            server_settings=LIMITS | (limits or {}),
            connect=self._connect,
            connection_class=Closing,
            init=_prepare_connection,
            reset=_leave_as_it_is,
        )
        self._failures = 0
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_away(self) -> bool:
        """So many calls failed one after the other that nobody is made to wait for the next."""
        return self._probing is not None

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[Connection[asyncpg.Record]]":
        """One connection, given back afterwards; raises DatabaseAway after a refusal or a silence."""
        connection = await self.acquire()
        try:
            with self.talk(connection):
                yield connection
        finally:
            await self.release(connection)

    def talk(self, connection: "Connection[asyncpg.Record]") -> Talk:
        """The context in which every word to PostgreSQL is said."""
        return Talk(self, connection)

    async def acquire(self) -> "Connection[asyncpg.Record]":
        if self.is_away:
            raise DatabaseAway(retry_after=RETRY_AFTER_S)
        with Talk(self):
            return await self._pool.acquire(timeout=LINE_WITHIN_S)

    async def release(self, connection: "Connection[asyncpg.Record]") -> None:
        """Give back; a connection that broke is thrown away by the pool."""
        with Talk(self):
            await self._pool.release(connection, timeout=PATIENCE_S)

    async def forget_idle(self) -> None:
        """Whoever waits in the pool may be as dead as the one just met: the next ones are new."""
        await self._pool.expire_connections()

    def failed(self) -> None:
        """Count a call that was not answered, or a connection that was not made."""
        self._failures += 1
        if self._failures >= FAILURES and self._probing is None:
            log.warning("postgresql is away")
            self._probing = asyncio.create_task(self._probe(), name="pool: probe")

    async def open(self) -> "Pool":
        await self._pool
        return self

    async def close(self) -> None:
        """Close within 5 s, at once if something still holds on."""
        if self._probing is not None:
            self._probing.cancel()
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            self._pool.terminate()

    async def _connect(self, *words: Any, **named: Any) -> "asyncpg.Connection[asyncpg.Record]":
        try:
            connection = await asyncpg.connect(*words, **named)
        except _AWAY:
            self.failed()
            raise
        self._failures = 0
        return connection

    async def _probe(self) -> None:
        while not await self._answers():  # noqa: ASYNC110  # nobody would set an event for us
            await asyncio.sleep(PROBE_EVERY_S)
        log.warning("postgresql is back")
        self._failures, self._probing = 0, None

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(
                self._url, timeout=CONNECT_TIMEOUT_S, command_timeout=CONNECT_TIMEOUT_S
            )
        except (*_AWAY, asyncpg.PostgresError):
            return False
        try:
            await connection.execute("select 1")
        except (*_AWAY, asyncpg.PostgresError):
            return False
        else:
            return True
        finally:
            connection.terminate()


async def open_pool(database_url: str, *, size: int = 10, limits: dict[str, str] | None = None) -> Pool:
    """A pool for this process. `limits` replaces server settings (a worker allows longer statements)."""
    return await Pool(database_url, size=size, limits=limits).open()


def _longest_statement(limits: dict[str, str]) -> float:
    return float(limits["statement_timeout"].removesuffix("s")) if "statement_timeout" in limits else 0


async def _prepare_connection(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_json_text, decoder=msgspec.json.decode, format="text"
        )


def _json_text(value: object) -> str:
    return encode(value).decode()


async def _leave_as_it_is(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing here sets session state, so the usual reset would be a round trip for nothing."""
