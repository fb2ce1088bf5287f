"""A migration waits for nobody long: it steps back, lets the others pass, and comes again (F26)."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import monotonic

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

from tests.conftest import _once, with_database
from tutti.embedded import Postgres
from tutti.part import CannotStart
from tutti.schema_version import known

ROOT = Path(__file__).parents[2]
HELD_S = 12
NOBODY_WAITS_S = 6
"""Half of that, which a busy machine may make of the two seconds; who waits for the table waits longer."""
MOSTLY_S = 3.5
MORE = '''"""One column more."""

from migrations.sql import run_sql_beside

revision = "9999"
down_revision = "{}"


def upgrade() -> None:
    run_sql_beside(__file__)
'''


@pytest.fixture
def one_more(tmp_path: Path, database_url: str) -> Config:
    """The migrations of today and one that changes a table which everybody reads."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_more.py").write_text(MORE.format(known()[-1]))
    (folder / "versions" / "9999_more.sql").write_text("alter table users add column more bigint;")
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("database_url", database_url.replace("%", "%%"))
    return config


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody with an open transaction that has read users."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.fetchval("select count(*) from users")
            yield connection
    finally:
        await connection.close()


async def waits_of_a_reader(url: str, until: asyncio.Event) -> list[float]:
    """Read users again and again, as every request does; what took longer than a second, in seconds."""
    connection, took = await asyncpg.connect(url), []
    try:
        while not until.is_set():
            began = monotonic()
            await connection.fetchval("select count(*) from users")
            took.append(monotonic() - began)
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    return [each for each in took if each > 1]


async def has_column(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(
            await connection.fetchval(
                "select 1 from information_schema.columns where table_name = 'users' and column_name = 'more'"
            )
        )
    finally:
        await connection.close()


async def test_a_table_in_use_is_waited_for_in_turns_and_nobody_waits_behind(
    one_more: Config, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    until = asyncio.Event()
    others = asyncio.create_task(waits_of_a_reader(database_url, until))
    async with reading(database_url):
        migrating = asyncio.create_task(asyncio.to_thread(command.upgrade, one_more, "head"))
        await asyncio.sleep(HELD_S)
        assert not migrating.done()
        assert not await has_column(database_url)
    await asyncio.wait_for(migrating, 60)
    until.set()
    assert await has_column(database_url)
    waits = await others
    assert waits, "it did wait"
    assert median(waits) < MOSTLY_S, "and let the others pass"
    assert max(waits) < NOBODY_WAITS_S
    assert capsys.readouterr().err.count("The migration waits") == 1


async def test_a_table_that_is_never_free_ends_it_with_a_sentence_and_nothing_changed(
    one_more: Config, database_url: str
) -> None:
    one_more.set_main_option("patience_s", "1")
    async with reading(database_url):
        with pytest.raises(CannotStart, match="nothing in it was changed"):
            await asyncio.to_thread(command.upgrade, one_more, "head")
    assert not await has_column(database_url)


def both_migrate(url: str) -> list[int]:
    """Start two migrations side by side; their exit codes."""
    words = [sys.executable, "-m", "alembic", "upgrade", "head"]
    both = [subprocess.Popen(words, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}) for _ in range(2)]
    return [each.wait(60) for each in both]


async def test_two_that_migrate_an_empty_database_at_once_both_succeed(
    postgres_part: Postgres, database_url: str
) -> None:
    name = f"{database_url.rpartition('/')[2].partition('?')[0]}_empty"
    admin = with_database(postgres_part.url, "postgres")
    await _once(admin, f'create database "{name}"')
    try:
        assert await asyncio.to_thread(both_migrate, with_database(database_url, name)) == [0, 0]
    finally:
        await _once(admin, f'drop database "{name}" with (force)')
