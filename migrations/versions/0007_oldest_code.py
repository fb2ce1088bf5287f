"""The oldest code that may run on these tables: what lets old and new stand side by side."""

from migrations.sql import run_sql_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_beside(__file__)
