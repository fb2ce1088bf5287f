"""Which outputs are there and since when they are heard, which commands were carried out, former orders."""

from migrations.sql import run_sql_beside

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql_beside(__file__)
