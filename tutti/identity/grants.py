"""Rights on things: rows (subject, resource, right). Identity knows no player, song or venue by type."""

from uuid import UUID

from tutti.context import Context
from tutti.database import queries
from tutti.identity.model import user_subject

sql = queries(__file__)


async def allowed(ctx: Context, resource: str, right: str) -> bool:
    """Whether who asks has this right on "player:<id>" or the like. Raises SignInNeeded."""
    return bool(
        await ctx.db.value(sql.is_granted, subject=user_subject(ctx.me.id), resource=resource, right=right)
    )


async def rights_on(ctx: Context, resource: str) -> frozenset[str]:
    """Every right who asks has on it. Raises SignInNeeded."""
    return frozenset(await ctx.db.all(sql.rights_on, str, subject=user_subject(ctx.me.id), resource=resource))


async def grant(ctx: Context, subject: str, resource: str, right: str) -> None:
    """Give a right; giving it twice changes nothing. The caller has checked who may give it."""
    granted_by: UUID | None = ctx.person.id if ctx.person else None
    await ctx.db.run(
        sql.add_grant, subject=subject, resource=resource, right=right, granted_by=granted_by, now=ctx.now
    )


async def ungrant(ctx: Context, subject: str, resource: str, right: str) -> None:
    """Take a right away; taking what nobody has changes nothing."""
    await ctx.db.run(sql.drop_grant, subject=subject, resource=resource, right=right)
