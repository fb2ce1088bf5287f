"""The record of what happened to accounts (R43), written in the transaction of the change itself."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.record import Record

NOUN = "me"
sql = queries(__file__)
Limit = Annotated[int, Meta(ge=1, le=200)]


class SecurityEvent(Record):
    """Something that happened to an account."""

    id: UUID
    at: datetime
    session_id: UUID | None
    action: str
    target: str | None
    result: str
    ip_address: str | None
    user_agent: str | None


class SecurityEvents(Record):
    """One page of them, newest first."""

    items: tuple[SecurityEvent, ...]
    next_cursor: str | None


async def record(
    ctx: Context,
    action: str,
    *,
    user_id: UUID | None,
    result: Literal["ok", "refused"] = "ok",
    session_id: UUID | None = None,
    target: str | None = None,
    **details: Any,
) -> None:
    """Write down what happens to `user_id`'s account (None: to an address nobody has)."""
    await ctx.db.run(
        sql.add_event,
        id=ctx.new_id(),
        now=ctx.now,
        user_id=user_id,
        actor_id=ctx.person.id if ctx.person else None,
        session_id=session_id or (ctx.session.id if ctx.session else None),
        action=action,
        target=target,
        result=result,
        ip_address=ctx.ip_address,
        user_agent=ctx.user_agent,
        details=details,
    )


@command("GET /me/events")
async def events(ctx: Context, cursor: UUID | None = None, limit: Limit = 50) -> SecurityEvents:
    """What happened to my account: sign-ins, refusals, changed passwords, ended sessions."""
    found = await ctx.db.all(
        sql.events_of_person, SecurityEvent, user_id=ctx.me.id, before=cursor, limit=limit + 1
    )
    more = str(found[limit - 1].id) if len(found) > limit else None
    return SecurityEvents(items=tuple(found[:limit]), next_cursor=more)
