"""Places: which device a session speaks for."""

from uuid import UUID

from tutti.context import Context
from tutti.database import queries

sql = queries(__file__)


async def bind_device(ctx: Context, device_id: UUID) -> None:
    """From now on my session speaks for this device."""
    await ctx.db.run(sql.bind_device, id=ctx.signed_in.id, device_id=device_id)
