"""What the player does later: forget what nobody comes back to."""

from datetime import timedelta
from typing import Final

from tutti.context import Context
from tutti.database import queries
from tutti.job import job

REMEMBERED: Final = timedelta(minutes=10)
"""So long a command that is sent again takes effect once (R25)."""
sql = queries(__file__)


@job(every_s=600)
async def forget_commands(ctx: Context) -> None:
    """Forget the commands that are too old to be sent again, of every player, be it in use or not."""
    async with ctx.transaction():
        await ctx.db.run(sql.forget_commands, remembered=REMEMBERED)
