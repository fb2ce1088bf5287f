"""Run a version's .sql as it stands: Alembic over asyncpg refuses two statements in one execute."""

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only


def run_sql_beside(python_file: str) -> None:
    """Carry out the .sql of the same name, all of it, in the migration's transaction."""
    statements = Path(python_file).with_suffix(".sql").read_text("utf-8")
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("A migration needs a real connection; offline mode is not supported.")
    await_only(driver.execute(statements))
