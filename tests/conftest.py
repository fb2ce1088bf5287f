"""What every test may ask for: real PostgreSQL and Redis, a fresh database, contexts, running servers.

One PostgreSQL and one Redis per test run (per xdist worker); every test that asks for a database gets one of
its own, copied from a migrated template, and a namespace of its own on Redis.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import hypothesis
import pytest

from tests.folders import passable_folder
from tests.running import Server, Worker, migrated, running_server, running_worker
from tutti.context import Context, Floor, Person, SessionRef
from tutti.embedded import Postgres, Redis
from tutti.floor import open_floor
from tutti.settings import Settings, read_settings

pytest_plugins = ("tests.audio_files", "tests.elasticsearch", "tests.chaos.report")
ROOT = Path(__file__).parent.parent
# Whatever Hypothesis holds to otherwise (in CI: the same examples each time), a slow machine is no failure.
hypothesis.settings.register_profile("patient", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def postgres_part() -> Iterator[Postgres]:
    """The PostgreSQL of this run; a test that kills it must start it again."""
    with passable_folder() as folder, Postgres(folder / "postgres", fsync=False) as part:
        yield part


@pytest.fixture(scope="session")
def redis_part() -> Iterator[Redis]:
    """The Redis of this run."""
    with passable_folder() as folder, Redis(folder / "redis") as part:
        yield part


@pytest.fixture(scope="session")
def template_database(postgres_part: Postgres) -> str:
    """The name of a migrated database from which tests get theirs."""
    return urlsplit(migrated(postgres_part.url)).path.lstrip("/")


@pytest.fixture
async def database_url(postgres_part: Postgres, template_database: str) -> AsyncIterator[str]:
    """A fresh, migrated database."""
    name = f"test_{uuid4().hex}"
    admin = with_database(postgres_part.url, "postgres")
    await _once(admin, f'create database "{name}" template "{template_database}"')
    yield with_database(postgres_part.url, name)
    if postgres_part.running:
        await _drop(admin, name)


@pytest.fixture
def redis_url(redis_part: Redis) -> str:
    return redis_part.url


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of this test alone; `change(settings, port=…)` for others."""
    return read_settings(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "REDIS_NAMESPACE": f"test-{uuid4().hex[:12]}",
            "DATA_DIR": str(tmp_path / "var"),
            "STORAGE_RESERVE_BYTES": "0",
            "LOG_LEVEL": "warning",
        }
    )


@pytest.fixture
async def floor(settings: Settings) -> AsyncIterator[Floor]:
    async with open_floor(settings) as opened:
        yield opened


class ContextOf(Protocol):
    """Makes a context for a person (None: a stranger)."""

    def __call__(self, person: Person | None = None, session: SessionRef | None = None) -> Context: ...


@pytest.fixture
async def context_of(floor: Floor) -> AsyncIterator[ContextOf]:
    """A fresh context; a person without a session gets one in name only. What is left open is rolled back."""
    made: list[Context] = []

    def make(person: Person | None = None, session: SessionRef | None = None) -> Context:
        if person is not None and session is None:
            session = SessionRef(id=uuid4(), authenticated_at=floor.clock.now())
        ctx = Context(
            floor,
            person=person,
            session=session,
            request_id="test",
            ip_address="127.0.0.1",
            user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
        )
        made.append(ctx)
        return ctx

    yield make
    for ctx in made:
        await ctx.roll_back()


@pytest.fixture
async def someone(floor: Floor) -> Person:
    """A member."""
    return await add_person(floor, "Clara", "member")


@pytest.fixture
async def someone_else(floor: Floor) -> Person:
    """Another member."""
    return await add_person(floor, "Robert", "member")


@pytest.fixture
async def admin(floor: Floor) -> Person:
    """An administrator."""
    return await add_person(floor, "Johannes", "admin")


@pytest.fixture
async def server(settings: Settings, floor: Floor) -> AsyncIterator[Server]:
    """One server of this process on a port of its own."""
    async with running_server(settings, floor) as running:
        yield running


@pytest.fixture
async def two_servers(settings: Settings, floor: Floor) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers on one PostgreSQL and one Redis."""
    async with running_server(settings, floor) as one, running_server(settings, floor) as other:
        yield one, other


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    """Relay and worker as processes of their own."""
    with running_worker(settings) as running:
        yield running


async def add_person(floor: Floor, name: str, role: str) -> Person:
    """A user's row without the cost of a password."""
    user_id: UUID = uuid4()
    async with floor.pool.connection() as connection:
        await connection.execute(
            "insert into users (id, name, email, email_confirmed_at, role) values ($1, $2, $3, now(), $4)",
            user_id,
            name,
            f"{name.lower()}.{user_id.hex[:6]}@example.org",
            role,
        )
    return Person(
        id=user_id,
        name=name,
        email=f"{name.lower()}.{user_id.hex[:6]}@example.org",
        role="admin" if role == "admin" else "member",
        audiences=("public", "members", f"user:{user_id}"),
    )


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _drop(admin: str, name: str) -> None:
    """Drop a test's database; not while PostgreSQL's own cleaning is at it, which we may not interrupt."""
    for _ in range(50):
        with suppress(asyncpg.InsufficientPrivilegeError):
            await _once(admin, f'drop database if exists "{name}" with (force)')
            return
        await asyncio.sleep(0.1)


async def _once(url: str, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()
