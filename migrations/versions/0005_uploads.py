"""Files on their way in: one row per upload, one per chunk."""

from migrations.sql import run_sql_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql_beside(__file__)
