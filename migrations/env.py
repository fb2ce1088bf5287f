"""Alembic's entry: brings the database at DATABASE_URL to the newest version."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

LOCK = 0x7574_7469  # "tutti" shortened: one migration at a time, whatever starts it


def migrate(connection: Connection) -> None:
    """Run what is missing in one transaction, one starter at a time."""
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def main() -> None:
    """Open one connection and migrate over it."""
    given = context.config.get_main_option("database_url") or os.environ["DATABASE_URL"]
    url = make_url(given).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(main())
