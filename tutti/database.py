"""PostgreSQL: the loader of queries.sql, statements, and rows turned into Records."""

import re
from collections.abc import Hashable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy as Connection

from tutti.pool import Talk

T = TypeVar("T")

_parameter = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_name_line = re.compile(r"^-- ([a-z_][a-z0-9_]*)\s*$", re.MULTILINE)


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


class Connector(Protocol):
    """Whatever hands out the connection of the transaction that is open, opening one if need be."""

    async def connection(self) -> "Connection[asyncpg.Record]": ...

    def talk(self, connection: "Connection[asyncpg.Record]") -> Talk: ...

    def patience(self) -> float | None: ...


class Database:
    """The statements of the transaction that is open."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def one(self, query: Query, into: type[T], /, **parameters: Any) -> T | None:
        """The first row as a Record, or None."""
        connection = await self._connector.connection()
        with self._connector.talk(connection):
            row = await connection.fetchrow(
                query.text, *_arguments(query, parameters), timeout=self._connector.patience()
            )
        return None if row is None else as_record(row, into)

    async def all(self, query: Query, into: type[T], /, **parameters: Any) -> list[T]:
        """Every row as a Record."""
        connection = await self._connector.connection()
        with self._connector.talk(connection):
            rows = await connection.fetch(
                query.text, *_arguments(query, parameters), timeout=self._connector.patience()
            )
        return [as_record(row, into) for row in rows]

    async def value(self, query: Query, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        connection = await self._connector.connection()
        with self._connector.talk(connection):
            return await connection.fetchval(
                query.text, *_arguments(query, parameters), timeout=self._connector.patience()
            )

    async def run(self, query: Query, /, **parameters: Any) -> int:
        """Carry out a statement; answers how many rows it touched."""
        connection = await self._connector.connection()
        with self._connector.talk(connection):
            tag = await connection.execute(
                query.text, *_arguments(query, parameters), timeout=self._connector.patience()
            )
        last = tag.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def many(self, query: Query, rows: Iterable[dict[str, Any]], /) -> None:
        """Carry out a statement once per row, in one round trip."""
        connection = await self._connector.connection()
        with self._connector.talk(connection):
            given = [_arguments(query, row) for row in rows]
            await connection.executemany(query.text, given, timeout=self._connector.patience())


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
