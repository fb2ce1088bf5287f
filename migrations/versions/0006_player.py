"""Players with their queues, the changes that undo can take back, what was heard, and the devices."""

from migrations.sql import run_sql_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql_beside(__file__)
