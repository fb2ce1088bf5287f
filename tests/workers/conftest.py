"""Jobs made for tests, and their rows."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tutti.context import Context, Floor
from tutti.job import Job


class Rows:
    """The table of jobs."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor

    async def add(self, name: str, *, unique_key: str | None = None, **arguments: Any) -> UUID:
        """Enqueue as a command does; answers the row's id."""
        before = {row["id"] for row in await self.all(name)}
        ctx = Context(self.floor, request_id="asked by a test")
        async with ctx.transaction():
            ctx.enqueue(name, unique_key=unique_key, **arguments)
        after = {row["id"] for row in await self.all(name)}
        # Two ids of one millisecond stand in no order, so the newest is not simply the greatest.
        newest: UUID = max(after - before or after)
        return newest

    async def all(self, name: str) -> list[asyncpg.Record]:
        async with self.floor.pool.connection() as connection:
            return list(await connection.fetch("select * from jobs where name = $1 order by id", name))

    async def one(self, job_id: UUID) -> asyncpg.Record:
        async with self.floor.pool.connection() as connection:
            row = await connection.fetchrow("select * from jobs where id = $1", job_id)
        assert row is not None
        return row

    async def change(self, statement: str, *arguments: Any) -> None:
        async with self.floor.pool.connection() as connection:
            await connection.execute(f"update jobs set {statement}", *arguments)


@pytest.fixture
def rows(floor: Floor) -> Rows:
    return Rows(floor)


def made(function: Callable[..., Awaitable[None]], name: str = "tests.work", **fields: Any) -> dict[str, Job]:
    """A table with one job."""
    found = Job(name, function, "default", 3, 60)._replace(**fields)
    return {name: found}
