"""What a command's transaction keeps, whatever happens to its line."""

from tests.conftest import ContextOf
from tutti.database import Query
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
