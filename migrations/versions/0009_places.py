"""Which socket speaks for a session's device: of two that are open, the newer one."""

from migrations.sql import run_sql_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql_beside(__file__)
