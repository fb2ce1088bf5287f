"""Processes start on tables they can work with, and on no others; what is wrong is one sentence."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from tests.ports import free_port
from tests.running import changed, environment
from tutti import operate
from tutti.context import Floor
from tutti.floor import open_floor
from tutti.part import CannotStart
from tutti.schema_version import EXIT_CODE, MIGRATIONS, Found, WrongSchema, known
from tutti.settings import Settings

ROOT = Path(__file__).parents[2]
PROCESSES = ("server", "workers", "workers.relay", "workers.schedule")


async def tell(settings: Settings, *statements: str) -> None:
    connection = await asyncpg.connect(settings.database_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def newer(oldest_code: str) -> Sequence[str]:
    """What a database says that a later Tutti migrated."""
    return (
        "update alembic_version set version_num = '9999'",
        f"update oldest_code set version = '{oldest_code}'",
    )


def ended(settings: Settings, modules: Sequence[str]) -> list[tuple[int, str]]:
    """Start these processes; the exit code and the words of each."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=os.environ | environment(changed(settings, port=free_port())),
            stderr=subprocess.PIPE,
            text=True,
        )
        for module in modules
    ]
    try:
        said = [process.communicate(timeout=30)[1] for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    return [(process.returncode, words) for process, words in zip(started, said, strict=True)]


def test_every_migration_is_known_and_has_its_sql() -> None:
    assert len(known()) == len(set(known())) == len(list(MIGRATIONS.glob("*.py")))
    assert {file.stem for file in MIGRATIONS.glob("*.sql")} == {file.stem for file in MIGRATIONS.glob("*.py")}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (Found(known()[-1], None), None),
        (Found(known()[-2], None), "run `python -m tutti migrate` first"),
        (Found(None, None), "has no tables yet"),
        (Found("9999", known()[-1]), None),
        (Found("9999", known()[0]), None),
        (Found("9999", "9998"), "by a newer Tutti"),
        (Found("strange", None), "by a newer Tutti"),
    ],
)
def test_only_tables_that_this_code_can_work_with_are_accepted(found: Found, says: str | None) -> None:
    refusal = found.refusal()
    assert (refusal is None) == (says is None)
    assert says is None or says in (refusal or "")


async def test_every_process_refuses_tables_that_are_too_new_for_it(settings: Settings) -> None:
    await tell(settings, *newer("9998"))
    for code, words in ended(settings, PROCESSES):
        assert code == EXIT_CODE, words
        assert words.count("\n") == 1, words
        assert "version 9999" in words
        assert "start the newer one" in words


async def test_every_process_refuses_tables_that_are_not_migrated_yet(settings: Settings) -> None:
    await tell(settings, "drop schema public cascade", "create schema public")
    for code, words in ended(settings, PROCESSES):
        assert code == EXIT_CODE, words
        assert words.count("\n") == 1, words
        assert "run `python -m tutti migrate` first" in words


async def test_newer_tables_with_room_for_this_code_are_used(settings: Settings, floor: Floor) -> None:
    await tell(settings, *newer(known()[-1]))
    async with open_floor(settings) as opened, opened.pool.connection() as connection:
        assert await connection.fetchval("select count(*) from users") == 0


async def test_tables_of_which_nothing_is_known_are_refused(settings: Settings) -> None:
    await tell(settings, *newer("9999")[:1], "drop table oldest_code")
    with pytest.raises(WrongSchema):
        async with open_floor(settings):
            pass


async def test_migrating_leaves_newer_tables_alone_or_says_that_they_are_too_new(settings: Settings) -> None:
    await tell(settings, *newer(known()[-1]))
    await asyncio.to_thread(operate.migrate, settings)
    await tell(settings, *newer("9998"))
    with pytest.raises(CannotStart, match="by a newer Tutti"):
        await asyncio.to_thread(operate.migrate, settings)
