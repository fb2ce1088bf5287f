"""Sessions: one row per sign-in, read by key on every request, so that ending it is the end of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tutti import crypto, event
from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import NotFound
from tutti.identity.audit import record
from tutti.identity.model import ACTIVITY_STEP, GUEST_LIFE, DeviceInfo, Kind, device_info
from tutti.identity.news import Because, SessionEnded, SessionsChanged
from tutti.identity.tokens import TokenPair, first_pair, sealed_refresh_key
from tutti.record import Record

NOUN = "session"
sql = queries(__file__)


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


class Live(Record):
    """A session that counts, and the socket that has its place."""

    id: UUID
    socket_id: UUID | None


class Sessions(Record):
    """All of them: nobody has so many that pages are needed."""

    items: tuple[Session, ...]
    next_cursor: str | None = None


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


async def still_live(ctx: Context, session_ids: Sequence[UUID]) -> dict[UUID, UUID | None]:
    """Which of these sessions still count, each with the socket that speaks for its device.

    Those with an open socket are thereby in use and live on.
    """
    idle = timedelta(days=ctx.settings.session_idle_days)
    found = await ctx.db.all(
        sql.still_live, Live, ids=[*session_ids], now=ctx.now, idle=idle, step=ACTIVITY_STEP
    )
    return {each.id: each.socket_id for each in found}


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
