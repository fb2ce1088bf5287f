"""Sessions: one row per sign-in, read by key on every request, so that ending it is the end of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from tutti import crypto, es256, event
from tutti.command import command
from tutti.context import Context, Person, SessionRef
from tutti.database import queries
from tutti.errors import NotFound
from tutti.identity.audit import record
from tutti.identity.model import (
    ACTIVITY_STEP,
    GUEST_LIFE,
    TICKET_LIFE,
    DeviceInfo,
    Kind,
    Role,
    device_info,
)
from tutti.identity.news import Because, SessionEnded, SessionsChanged
from tutti.identity.people import audiences_of
from tutti.identity.tokens import AUDIENCE, KIND, TokenPair, first_pair, issuer, sealed_refresh_key
from tutti.record import Record

NOUN = "session"
LONGEST_COOKIE = 100
sql = queries(__file__)


class Identified(NamedTuple):
    """Who asks, and through which session."""

    person: Person
    session: SessionRef


class Session(Record):
    """A sign-in, as its owner sees it in the list."""

    id: UUID
    device_info: DeviceInfo
    ip_address: str | None
    user_agent: str | None
    last_activity: datetime
    created_at: datetime
    kind: Kind
    current: bool = False


class Sessions(Record):
    """All of them: nobody has so many that pages are needed."""

    items: tuple[Session, ...]
    next_cursor: str | None = None


class SocketTicket(Record):
    """Opens one socket. `expires_in` is in seconds."""

    ticket: str
    expires_in: int


class _Found(Record):
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


# ── beginning ────────────────────────────────────────────────────────────────────────────────────────────


async def begin_browser(
    ctx: Context, user_id: UUID, *, kind: Kind = "browser", player_id: UUID | None = None
) -> tuple[UUID, str]:
    """A session for a cookie: (its id, the token that only the browser keeps)."""
    session_id, token = ctx.new_id(), crypto.base64url(ctx.random_bytes(32))
    await _add(ctx, session_id, user_id, kind, player_id, token_hash=crypto.digest(token))
    return session_id, token


async def begin_program(
    ctx: Context, user_id: UUID, *, kind: Kind = "program", player_id: UUID | None = None
) -> tuple[UUID, TokenPair]:
    """A session for a program: (its id, its first tokens)."""
    session_id, key = ctx.new_id(), ctx.random_bytes(32)
    await _add(
        ctx, session_id, user_id, kind, player_id, refresh_key=sealed_refresh_key(ctx, session_id, key)
    )
    return session_id, await first_pair(ctx, user_id, session_id, key)


async def _add(
    ctx: Context,
    session_id: UUID,
    user_id: UUID,
    kind: Kind,
    player_id: UUID | None,
    *,
    token_hash: bytes | None = None,
    refresh_key: bytes | None = None,
) -> None:
    idle, absolute = _lives(ctx, kind)
    await ctx.db.run(
        sql.add_session,
        id=session_id,
        user_id=user_id,
        kind=kind,
        token_hash=token_hash,
        refresh_key=refresh_key,
        player_id=player_id,
        device_info=device_info(ctx.user_agent),
        ip_address=ctx.ip_address,
        user_agent=ctx.user_agent,
        now=ctx.now,
        expires_at=ctx.now + min(idle, absolute),
        absolute_expires_at=ctx.now + absolute,
    )
    ctx.announce(event.person(user_id), "session.changed", SessionsChanged())


def _lives(ctx: Context, kind: Kind) -> tuple[timedelta, timedelta]:
    if kind == "guest":
        return GUEST_LIFE, GUEST_LIFE
    return timedelta(days=ctx.settings.session_idle_days), timedelta(days=ctx.settings.session_days)


# ── recognising ──────────────────────────────────────────────────────────────────────────────────────────


async def session_of_cookie(ctx: Context, token: str) -> Identified | None:
    """Whose cookie this is; None when it is nobody's any more."""
    if not 0 < len(token) <= LONGEST_COOKIE:
        return None
    found = await ctx.db.one(
        sql.session_of_cookie, _Found, token_hash=crypto.digest(token), now=ctx.now, step=ACTIVITY_STEP
    )
    return await _recognised(ctx, found) if found else None


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
        _Found,
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
    return await _recognised(ctx, found, until)


def _is_genuine(ctx: Context, found: _Found, jwt: str) -> bool:
    try:
        claims = es256.read_token(
            found.public_key, jwt, KIND, issuer=issuer(ctx), audience=AUDIENCE, now=ctx.now
        )
    except crypto.BadToken:
        return False
    return bool(claims["sub"] == str(found.user_id) and claims["sid"] == str(found.id))


async def redeem_ticket(ctx: Context, ticket: str) -> Identified | None:
    """Who a socket ticket lets in; it works once and for 30 seconds."""
    if not 0 < len(ticket) <= LONGEST_COOKIE:
        return None
    found = await ctx.db.one(sql.session_of_ticket, _Found, token_hash=crypto.digest(ticket), now=ctx.now)
    return await _recognised(ctx, found) if found else None


async def still_live(ctx: Context, session_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these sessions still count. Those with an open socket are thereby in use and live on."""
    idle = timedelta(days=ctx.settings.session_idle_days)
    found = await ctx.db.all(
        sql.still_live, UUID, ids=[*session_ids], now=ctx.now, idle=idle, step=ACTIVITY_STEP
    )
    return frozenset(found)


async def bind_device(ctx: Context, device_id: UUID) -> None:
    """From now on my session speaks for this device."""
    await ctx.db.run(sql.bind_device, id=ctx.signed_in.id, device_id=device_id)


async def _recognised(ctx: Context, found: _Found, until: datetime | None = None) -> Identified:
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


async def _touch(ctx: Context, found: _Found) -> None:
    """At most once a minute, so that reading does not write."""
    seen = {"id": found.id, "now": ctx.now, "ip_address": ctx.ip_address}
    if found.kind == "guest":
        await ctx.db.run(sql.touch_guest_session, **seen)
    else:
        await ctx.db.run(sql.touch_session, **seen, idle=timedelta(days=ctx.settings.session_idle_days))


# ── ending ───────────────────────────────────────────────────────────────────────────────────────────────


async def end_sessions(
    ctx: Context,
    user_id: UUID,
    because: Because,
    *,
    only: UUID | None = None,
    keep: UUID | None = None,
) -> int:
    """End one, all but one, or all of a person's sessions; their sockets close on every server."""
    ended = await ctx.db.all(
        sql.end_sessions, UUID, user_id=user_id, now=ctx.now, because=because, only=only, keep=keep
    )
    for session_id in ended:
        last_words = SessionEnded(session_id=session_id, reason=because)
        ctx.announce(event.session(session_id), "session.ended", last_words)
        await record(ctx, "session.end", user_id=user_id, target=str(session_id), because=because)
    if ended:
        ctx.announce(event.person(user_id), "session.changed", SessionsChanged())
    return len(ended)


@command("GET /auth/sessions")
async def list(ctx: Context) -> Sessions:  # noqa: A001  # the command is session.list
    """Where I am signed in, the most recently used first."""
    rows = await ctx.db.all(sql.sessions_of_person, Session, user_id=ctx.me.id, now=ctx.now)
    mine = ctx.signed_in.id
    return Sessions(items=tuple(_marked(row) if row.id == mine else row for row in rows))


def _marked(row: Session) -> Session:
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    return Session(**fields | {"current": True})


@command("DELETE /auth/sessions/{sessionId}")
async def end(ctx: Context, session_id: UUID) -> None:
    """End one of my sign-ins; its sockets close within a second."""
    if not await end_sessions(ctx, ctx.me.id, "ended", only=session_id):
        raise NotFound


@command("DELETE /auth/sessions")
async def end_others(ctx: Context) -> None:
    """End all my sign-ins but this one."""
    await end_sessions(ctx, ctx.me.id, "ended", keep=ctx.signed_in.id)


@command("POST /auth/socket-ticket")
async def ticket(ctx: Context) -> SocketTicket:
    """A single-use key to one socket, for 30 seconds, for pages that cannot send a header."""
    session_id, key = ctx.signed_in.id, crypto.base64url(ctx.random_bytes(32))
    expires_at = ctx.now + TICKET_LIFE
    await ctx.db.run(
        sql.add_ticket, token_hash=crypto.digest(key), session_id=session_id, expires_at=expires_at
    )
    return SocketTicket(ticket=key, expires_in=int(TICKET_LIFE.total_seconds()))
