"""What the operator's command does beside `up`: each function opens what it needs and closes it again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec
from alembic import command
from alembic.config import Config

from tutti import identity, search, uploads
from tutti.context import Context, Person
from tutti.embedded import CannotStart, Postgres, Redis
from tutti.floor import open_floor
from tutti.part import InUse
from tutti.processes import Say
from tutti.schema_version import Found, WrongSchema, look
from tutti.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
CONNECT_S = 10


@contextmanager
def reached(settings: Settings) -> Iterator[Settings]:
    """The settings with URLs that work: embedded parts are used while `tutti up` runs them, else started."""
    with ExitStack() as stack:
        urls = {}
        if not settings.database_url:
            urls["database_url"] = _url(Postgres(settings.data / "postgres"), stack)
        if not settings.redis_url:
            urls["redis_url"] = _url(Redis(settings.data / "redis"), stack)
        yield msgspec.structs.replace(settings, **urls)


def _url(part: Postgres | Redis, stack: ExitStack) -> str:
    try:
        return stack.enter_context(part).url
    except InUse:
        return part.url


def migrate(settings: Settings) -> None:
    """Bring the database to the newest version; one that a newer Tutti migrated is left as it is.

    Raises CannotStart when it does not answer, or is too new for this code.
    """
    found = asyncio.run(_knock(settings.database_url))
    if found.is_newer:
        if refusal := found.refusal():
            raise WrongSchema(refusal)
        return
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("database_url", settings.database_url.replace("%", "%%"))
    command.upgrade(config, "head")


async def _knock(url: str) -> Found:
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_S)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise CannotStart(f"PostgreSQL at DATABASE_URL does not let us in: {error}") from error
    try:
        return await look(connection)
    finally:
        await connection.close()


async def setup_code(settings: Settings) -> str | None:
    """A new one-time code for the first administrator, or None when there is one."""
    async with _context(settings) as ctx:
        code = await identity.setup_code(ctx)
        await ctx.commit()
        return code


async def add_user(
    settings: Settings, *, email: str, name: str, password: str, role: Literal["admin", "member"]
) -> Person:
    """Add somebody on the operator's word. Raises Problem."""
    async with _context(settings) as ctx:
        return await identity.add_user(ctx, email=email, name=name, password=password, role=role)


async def import_music(settings: Settings, *, email: str, folder: Path, say: Say) -> None:
    """Take in every audio file below a folder for the person with this address. Raises CannotStart."""
    async with _context(settings) as strange:
        person = await identity.person_by_address(strange, email)
        await strange.commit()
    if person is None:
        raise CannotStart(f"Nobody signs in as {email}: `tutti user {email}` adds somebody.")
    outcomes: Counter[str] = Counter()
    async with _context(settings, person) as ctx:
        async for imported in uploads.import_folder(ctx, folder):
            outcomes[imported.outcome] += 1
            if imported.outcome == "refused":
                say(f"{imported.path}: {imported.detail}")
    say(", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "No files there.")


async def reindex(settings: Settings) -> None:
    """Have the workers build Elasticsearch's copy anew, beside the one that is read."""
    if not settings.elasticsearch_url:
        raise CannotStart("ELASTICSEARCH_URL is not set; PostgreSQL needs no reindexing.")
    async with _context(settings) as ctx:
        ctx.enqueue(search.rebuild, unique_key="search.rebuild")
        await ctx.commit()


@asynccontextmanager
async def _context(settings: Settings, person: Person | None = None) -> AsyncIterator[Context]:
    async with open_floor(settings) as floor:
        ctx = Context(floor, person=person, request_id="operator")
        try:
            yield ctx
        finally:
            await ctx.roll_back()
