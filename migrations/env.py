"""Alembic's entry: brings the database at DATABASE_URL to the newest version.

Tutti may be running on it meanwhile. Who waits for a table makes everybody who comes later wait behind him,
so no lock is waited for longer than two seconds: then all is rolled back and tried again soon after (F26).
"""

import asyncio
import os
import sys
from random import uniform
from time import monotonic

import asyncpg
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from tutti.part import CannotStart

LOCK = 0x7574_7469  # "tutti" shortened: one migration at a time, whatever starts it
LOCK_TIMEOUT = "2s"
PATIENCE_S = 120
PAUSE_S = 0.3, 1.0
OVERTAKEN = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


def migrate(connection: Connection) -> None:
    """Run what is missing in one transaction, one starter at a time."""
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def try_once(engine: AsyncEngine) -> bool:
    """Migrate; answers False, with nothing changed, when somebody else held what was needed."""
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    except (*OVERTAKEN, DBAPIError) as error:
        cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
        if not isinstance(cause, OVERTAKEN):
            raise
        return False
    return True


async def try_patiently(engine: AsyncEngine) -> None:
    """Migrate, again and again for so long; then raise CannotStart."""
    patience_s = float(context.config.get_main_option("patience_s") or PATIENCE_S)
    deadline, has_said = monotonic() + patience_s, False
    while not await try_once(engine):
        if monotonic() > deadline:
            raise CannotStart(
                f"The database was not migrated, and nothing in it was changed: for {patience_s:.0f} s "
                "others held tables that it changes. Look for long transactions (pg_stat_activity)."
            )
        if not has_said:
            sys.stderr.write("The migration waits for tables that others use; Tutti goes on meanwhile.\n")
            has_said = True
        await asyncio.sleep(uniform(*PAUSE_S))  # noqa: S311  # spreads tries, guards nothing


async def main() -> None:
    """Open what is needed and migrate."""
    given = context.config.get_main_option("database_url") or os.environ["DATABASE_URL"]
    url = make_url(given).set(drivername="postgresql+asyncpg")
    limits = {"server_settings": {"lock_timeout": LOCK_TIMEOUT, "application_name": "tutti migrate"}}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=limits)
    try:
        await try_patiently(engine)
    finally:
        await engine.dispose()


asyncio.run(main())
