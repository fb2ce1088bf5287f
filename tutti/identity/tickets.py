"""Tickets: a single-use key to one socket, for pages that cannot send a header."""

from tutti import crypto
from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.identity.model import TICKET_LIFE
from tutti.identity.recognition import LONGEST_KEY, Found, Identified, recognised
from tutti.record import Record

NOUN = "session"
sql = queries(__file__)


class SocketTicket(Record):
    """Opens one socket. `expires_in` is in seconds."""

    ticket: str
    expires_in: int


@command("POST /auth/socket-ticket")
async def ticket(ctx: Context) -> SocketTicket:
    """A single-use key to one socket, for 30 seconds, for pages that cannot send a header."""
    session_id, key = ctx.signed_in.id, crypto.base64url(ctx.random_bytes(32))
    expires_at = ctx.now + TICKET_LIFE
    await ctx.db.run(
        sql.add_ticket, token_hash=crypto.digest(key), session_id=session_id, expires_at=expires_at
    )
    return SocketTicket(ticket=key, expires_in=int(TICKET_LIFE.total_seconds()))


async def redeem_ticket(ctx: Context, ticket: str) -> Identified | None:
    """Who a socket ticket lets in; it works once and for 30 seconds."""
    if not 0 < len(ticket) <= LONGEST_KEY:
        return None
    found = await ctx.db.one(sql.session_of_ticket, Found, token_hash=crypto.digest(ticket), now=ctx.now)
    return await recognised(ctx, found) if found else None
