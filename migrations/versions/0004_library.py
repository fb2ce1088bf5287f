"""Songs, albums, artists, the files behind them, and what each person makes of a song."""

from migrations.sql import run_sql_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql_beside(__file__)
