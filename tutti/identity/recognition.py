"""Whose cookie, access token or session this is: one read by key, at every request and message."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from tutti import crypto, es256
from tutti.context import Context, Person, SessionRef
from tutti.database import queries
from tutti.identity.model import ACTIVITY_STEP, Kind, Role
from tutti.identity.people import audiences_of
from tutti.identity.tokens import AUDIENCE, KIND, issuer
from tutti.record import Record

LONGEST_KEY = 100
"""A cookie or ticket that is longer is not looked up."""
sql = queries(__file__)


class Identified(NamedTuple):
    """Who asks, and through which session."""

    person: Person
    session: SessionRef


class Found(Record):
    """A session that counts, and whose it is."""

    id: UUID
    kind: Kind
    player_id: UUID | None
    device_id: UUID | None
    authenticated_at: datetime
    user_id: UUID
    name: str
    email: str | None
    role: Role
    host_id: UUID | None
    is_stale: bool
    public_key: bytes = b""
    is_unconfirmed: bool = False


async def session_of_cookie(ctx: Context, token: str) -> Identified | None:
    """Whose cookie this is; None when it is nobody's any more."""
    if not 0 < len(token) <= LONGEST_KEY:
        return None
    found = await ctx.db.one(
        sql.session_of_cookie, Found, token_hash=crypto.digest(token), now=ctx.now, step=ACTIVITY_STEP
    )
    return await recognised(ctx, found) if found else None


async def session_still_open(ctx: Context, session: SessionRef) -> Identified | None:
    """The same session as it is now, for a line that stays open; None when it has ended."""
    found = await ctx.db.one(sql.session_by_id, Found, id=session.id, now=ctx.now, step=ACTIVITY_STEP)
    return await recognised(ctx, found, session.credential_until) if found else None


async def session_of_access_token(ctx: Context, jwt: str) -> Identified | None:
    """Whose access token this is, after every check of R11; None when it fails one or its session is over."""
    try:
        kid, claims = es256.unchecked_claims(jwt)
        session_id, generation = UUID(str(claims.get("sid"))), claims.get("rgen")
    except (crypto.BadToken, ValueError):
        return None
    if not isinstance(generation, int) or not 1 <= generation < 2**62:
        return None
    found = await ctx.db.one(
        sql.session_of_access_token,
        Found,
        session_id=session_id,
        kid=kid,
        generation=generation,
        now=ctx.now,
        step=ACTIVITY_STEP,
    )
    if found is None or not _is_genuine(ctx, found, jwt):
        return None
    until = datetime.fromtimestamp(claims["exp"], UTC)
    if found.is_unconfirmed:
        # From now on an older refresh token cannot claim that this pair's answer was lost (R3 b).
        await ctx.db.run(sql.confirm_generation, session_id=session_id, generation=generation, now=ctx.now)
    return await recognised(ctx, found, until)


def _is_genuine(ctx: Context, found: Found, jwt: str) -> bool:
    try:
        claims = es256.read_token(
            found.public_key, jwt, KIND, issuer=issuer(ctx), audience=AUDIENCE, now=ctx.now
        )
    except crypto.BadToken:
        return False
    return bool(claims["sub"] == str(found.user_id) and claims["sid"] == str(found.id))


async def recognised(ctx: Context, found: Found, until: datetime | None = None) -> Identified:
    """Who that is. It is in use."""
    if found.is_stale:
        await _touch(ctx, found)
    person = Person(
        id=found.user_id,
        name=found.name,
        email=found.email,
        role=found.role,
        audiences=audiences_of(found.user_id, found.role, found.host_id),
    )
    session = SessionRef(
        id=found.id,
        kind=found.kind,
        player_id=found.player_id,
        device_id=found.device_id,
        authenticated_at=found.authenticated_at,
        credential_until=until,
    )
    return Identified(person, session)


async def _touch(ctx: Context, found: Found) -> None:
    """At most once a minute, so that reading does not write."""
    seen = {"id": found.id, "now": ctx.now, "ip_address": ctx.ip_address}
    if found.kind == "guest":
        await ctx.db.run(sql.touch_guest_session, **seen)
    else:
        await ctx.db.run(sql.touch_session, **seen, idle=timedelta(days=ctx.settings.session_idle_days))
