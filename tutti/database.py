"""PostgreSQL: the pool, the loader of queries.sql, and rows turned into Records."""

import asyncio
import re
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import asyncpg
import msgspec

from tutti.errors import Unavailable
from tutti.record import encode

T = TypeVar("T")

ACQUIRE_TIMEOUT_S = 3
CONNECT_TIMEOUT_S = 1
RETRY_AFTER_S = 5
LIMITS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "15s",
    "application_name": "tutti",
    "timezone": "UTC",
}
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
)
_parameter = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_name_line = re.compile(r"^-- ([a-z_][a-z0-9_]*)\s*$", re.MULTILINE)


class DatabaseAway(Unavailable):
    """PostgreSQL refuses, is restarting, or did not answer in time (F1, F2)."""

    sentence = "The database is not answering; please try again in a moment."


class Query(NamedTuple):
    """One named statement, its :names turned into $1, $2 … in order of first use."""

    name: str
    text: str
    parameters: tuple[str, ...]


class Queries:
    """The statements of one queries.sql as attributes."""

    def __init__(self, found: dict[str, Query]) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Query:
        try:
            return self._found[name]
        except KeyError:
            raise AttributeError(f"queries.sql has no query named {name}") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._found.values())


def queries(python_file: str, name: str = "queries.sql") -> Queries:
    """Load the queries.sql beside a Python file; raises ValueError for a name that stands twice."""
    path = Path(python_file).with_name(name)
    _before, *parts = _name_line.split(path.read_text("utf-8"))
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    found = {title: _query(title, text) for title, text in pairs}
    if len(found) != len(pairs):
        raise ValueError(f"{path} names a query twice.")
    return Queries(found)


def _query(name: str, text: str) -> Query:
    statement = re.sub(r"^\s*--.*$", "", text, flags=re.MULTILINE).strip().rstrip(";")
    order: dict[str, int] = {}
    numbered = _parameter.sub(lambda hit: f"${order.setdefault(hit[1], len(order) + 1)}", statement)
    return Query(name, numbered, tuple(order))


class Pool:
    """Connections to PostgreSQL. Opening it asks for none, so a server starts while PostgreSQL is away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[asyncpg.pool.PoolConnectionProxy[asyncpg.Record]]":
        """One connection, given back afterwards; raises DatabaseAway after 3 s or a refusal."""
        connection = await self.acquire()
        try:
            with away_means_unavailable():
                yield connection
        finally:
            await self.release(connection)

    async def acquire(self) -> "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]":
        with away_means_unavailable():
            return await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)

    async def release(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
        """Give back; a connection that broke is thrown away by the pool."""
        with away_means_unavailable():
            await self._pool.release(connection, timeout=ACQUIRE_TIMEOUT_S)

    async def close(self) -> None:
        """Close within 5 s, at once if something still holds on."""
        self._pool.terminate() if self._pool.is_closing() else await self._close()

    async def _close(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()


class away_means_unavailable:  # noqa: N801  # read as a phrase: with away_means_unavailable()
    """Turn the many ways in which PostgreSQL can be away into one Problem."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _AWAY):
            raise DatabaseAway(retry_after=RETRY_AFTER_S) from error


async def open_pool(database_url: str, *, size: int = 10, limits: dict[str, str] | None = None) -> Pool:
    """A pool for this process. `limits` replaces server settings (a worker allows longer statements)."""
    pool = await asyncpg.create_pool(
        database_url,
        min_size=0,
        max_size=size,
        timeout=CONNECT_TIMEOUT_S,
        statement_cache_size=1000,
        server_settings=LIMITS | (limits or {}),
        init=_prepare_connection,
        reset=_leave_as_it_is,
    )
    return Pool(pool)


async def _prepare_connection(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_json_text, decoder=msgspec.json.decode, format="text"
        )


def _json_text(value: object) -> str:
    return encode(value).decode()


async def _leave_as_it_is(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing here sets session state, so the usual reset would be a round trip for nothing."""


class Connector(Protocol):
    """Whatever hands out the connection of the transaction that is open, opening one if need be."""

    async def connection(self) -> "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]": ...


class Database:
    """The statements of the transaction that is open."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def one(self, query: Query, into: type[T], /, **parameters: Any) -> T | None:
        """The first row as a Record, or None."""
        connection = await self._connector.connection()
        with away_means_unavailable():
            row = await connection.fetchrow(query.text, *_arguments(query, parameters))
        return None if row is None else as_record(row, into)

    async def all(self, query: Query, into: type[T], /, **parameters: Any) -> list[T]:
        """Every row as a Record."""
        connection = await self._connector.connection()
        with away_means_unavailable():
            rows = await connection.fetch(query.text, *_arguments(query, parameters))
        return [as_record(row, into) for row in rows]

    async def value(self, query: Query, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        connection = await self._connector.connection()
        with away_means_unavailable():
            return await connection.fetchval(query.text, *_arguments(query, parameters))

    async def run(self, query: Query, /, **parameters: Any) -> int:
        """Carry out a statement; answers how many rows it touched."""
        connection = await self._connector.connection()
        with away_means_unavailable():
            tag = await connection.execute(query.text, *_arguments(query, parameters))
        last = tag.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def many(self, query: Query, rows: Iterable[dict[str, Any]], /) -> None:
        """Carry out a statement once per row, in one round trip."""
        connection = await self._connector.connection()
        with away_means_unavailable():
            await connection.executemany(query.text, [_arguments(query, row) for row in rows])


def as_record(row: "asyncpg.Record", into: type[T]) -> T:
    """A row as a Record (columns by field name, jsonb inside converted too), or as it is for a plain type."""
    names = _encoded_names(cast("Hashable", into))
    if names is None:
        return msgspec.convert(row[0], into)
    return msgspec.convert({names.get(name, name): value for name, value in row.items()}, into)


@cache
def _encoded_names(into: Hashable) -> dict[str, str] | None:
    if not isinstance(into, type) or not issubclass(into, msgspec.Struct):
        return None
    return {field.name: field.encode_name for field in msgspec.structs.fields(into)}


def _arguments(query: Query, parameters: dict[str, Any]) -> tuple[Any, ...]:
    if len(parameters) != len(query.parameters):
        raise TypeError(f"{query.name} takes {query.parameters}, got {tuple(parameters)}")
    return tuple([parameters[name] for name in query.parameters])
