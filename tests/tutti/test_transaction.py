"""What a command's transaction keeps, whatever happens to its line."""

import asyncpg

from tests.conftest import ContextOf
from tutti.command import perform
from tutti.context import Context
from tutti.database import Query
from tutti.settings import Settings
from tutti.transaction import sql

ISOLATION = Query("isolation", "select current_setting('transaction_isolation')", ())
CUT_EACH_OTHER = Query(
    "cut_each_other",
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
    (),
)


async def test_one_moment_stays_one_moment_on_the_second_line(context_of: ContextOf) -> None:
    """The line that waited in the pool had died: what was asked of the transaction holds on the next one."""
    waiting, cutting = context_of(), context_of()
    await waiting.db.run(sql.wake_relay)
    await cutting.db.run(sql.wake_relay)
    await waiting.commit()
    await cutting.db.run(CUT_EACH_OTHER)
    reading = context_of()
    reading.at_one_moment()
    assert await reading.db.value(ISOLATION) == "repeatable read"


async def test_a_table_that_changes_under_a_prepared_statement_costs_no_command(
    context_of: ContextOf, settings: Settings
) -> None:
    """A migration beside a server that runs (F26)."""

    async def reads(ctx: Context) -> None:
        await ctx.db.value(Query("all", "select * from being_migrated", ()))

    migrating = await asyncpg.connect(settings.database_url)
    await migrating.execute("create table being_migrated (one int)")
    await perform(context_of(), reads)
    await migrating.execute("alter table being_migrated add column two int")
    await migrating.close()
    await perform(context_of(), reads)
