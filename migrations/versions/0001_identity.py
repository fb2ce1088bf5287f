"""People, their sessions and tokens, what they may do, and the record of what happened to their accounts."""

from migrations.sql import run_sql_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql_beside(__file__)
