"""Access tokens (ES256, 10 minutes) and the refresh tokens that renew them, with rotation (R3, R11)."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tutti import crypto, es256, event
from tutti.command import command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import SignInNeeded
from tutti.identity.audit import record
from tutti.identity.keys import signing_key
from tutti.identity.letters import write_notice
from tutti.identity.model import ACCESS_LIFE, LOST_ANSWER_GRACE, Generation, Turn, turn
from tutti.identity.news import SessionEnded, SessionsChanged
from tutti.identity.people import Me, person_by_id
from tutti.record import Record
from tutti.text import _

NOUN = "auth"
KIND: Final = "at+jwt"
AUDIENCE: Final = "tutti"
PREFIX: Final = "tutti_rt_"
sql = queries(__file__)


class RefreshRefused(SignInNeeded):
    """The refresh token is unknown, over, or its session has ended."""

    sentence = _("This sign-in is over; please sign in again.")


class RefreshReused(SignInNeeded):
    """A refresh token came back when its successor was in use. Returned: the session's end must commit."""

    sentence = _("This sign-in was ended, because one of its tokens was used twice. Please sign in again.")


class TokenPair(Record):
    """What a program needs to stay signed in. `expires_in` is in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str


class SignedIn(Record):
    """A fresh sign-in of a program. `expires_in` is in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    user: Me


class _Renewing(Record):
    id: UUID
    user_id: UUID
    refresh_key: bytes
    kind: str
    ended_at: datetime | None
    expires_at: datetime


def sealed_refresh_key(ctx: Context, session_id: UUID, key: bytes) -> bytes:
    """The session's key as its row holds it."""
    return crypto.encrypt(crypto.server_secret(ctx.settings), key, f"sessions {session_id}")


async def first_pair(ctx: Context, user_id: UUID, session_id: UUID, key: bytes) -> TokenPair:
    """The tokens of a session that has just begun."""
    return await _next_pair(ctx, user_id, session_id, key, 1)


@command("POST /auth/refresh", public=True)
async def refresh(ctx: Context, refresh_token: str) -> TokenPair | RefreshReused:
    """Renew a pair. Two at the same time get the same successor; a reused token ends the session."""
    session_id, generation = _named(refresh_token)
    session = await ctx.db.one(sql.renewing_session, _Renewing, id=session_id)
    if session is None:
        raise RefreshRefused
    key = _opened(ctx, session)
    if not crypto.same(_written(session_id, generation, key), refresh_token):
        raise RefreshRefused
    if session.ended_at is not None or session.expires_at <= ctx.now:
        raise RefreshRefused
    await person_by_id(ctx, session.user_id)
    return await _renewed(ctx, session, key, generation, refresh_token)


async def _renewed(
    ctx: Context, session: _Renewing, key: bytes, generation: int, token: str
) -> TokenPair | RefreshReused:
    rows = await ctx.db.all(sql.generations, Generation, session_id=session.id, generation=generation)
    shown = next((row for row in rows if row.generation == generation), None)
    successor = next((row for row in rows if row.generation == generation + 1), None)
    match turn(shown, successor, ctx.now):
        case Turn.REUSED:
            return await _end_by_reuse(ctx, session)
        case Turn.EXPIRED:
            raise RefreshRefused
        case Turn.REPEAT:
            return await _pair(ctx, session.user_id, session.id, key, generation + 1)
        case Turn.ROTATE:
            return await _rotated(ctx, session, key, generation, token)


async def _rotated(ctx: Context, session: _Renewing, key: bytes, generation: int, token: str) -> TokenPair:
    stored = {"session_id": session.id, "generation": generation}
    if not await ctx.db.value(sql.token_row_matches, **stored, token_hash=crypto.digest(token)):
        raise RefreshRefused
    await ctx.db.run(sql.replace_generation, **stored, now=ctx.now)
    await ctx.db.run(sql.drop_generations, session_id=session.id, now=ctx.now, grace=LOST_ANSWER_GRACE)
    await ctx.db.run(
        sql.touch_session,
        id=session.id,
        now=ctx.now,
        ip_address=ctx.ip_address,
        idle=timedelta(days=ctx.settings.session_idle_days),
    )
    return await _next_pair(ctx, session.user_id, session.id, key, generation + 1)


async def _end_by_reuse(ctx: Context, session: _Renewing) -> RefreshReused:
    """Nobody can tell the thief from his victim, so both are put out, and the victim is told."""
    await ctx.db.all(
        sql.end_sessions,
        UUID,
        user_id=session.user_id,
        now=ctx.now,
        because="token_reused",
        only=session.id,
        keep=None,
    )
    last_words = SessionEnded(session_id=session.id, reason="token_reused")
    ctx.announce(event.session(session.id), "session.ended", last_words)
    ctx.announce(event.person(session.user_id), "session.changed", SessionsChanged())
    await record(ctx, "token.reuse", user_id=session.user_id, session_id=session.id, result="refused")
    await write_notice(ctx, "token_reused", await person_by_id(ctx, session.user_id))
    return RefreshReused()


async def _next_pair(ctx: Context, user_id: UUID, session_id: UUID, key: bytes, generation: int) -> TokenPair:
    await ctx.db.run(
        sql.add_generation,
        id=ctx.new_id(),
        user_id=user_id,
        session_id=session_id,
        generation=generation,
        token_hash=crypto.digest(_written(session_id, generation, key)),
        expires_at=ctx.now + timedelta(days=ctx.settings.session_idle_days),
        now=ctx.now,
    )
    return await _pair(ctx, user_id, session_id, key, generation)


async def _pair(ctx: Context, user_id: UUID, session_id: UUID, key: bytes, generation: int) -> TokenPair:
    kid, private_key = await signing_key(ctx)
    claims: dict[str, Any] = {
        "iss": issuer(ctx),
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "jti": str(ctx.new_id()),
        "rgen": generation,
    }
    access = es256.write_token(private_key, kid, KIND, claims, now=ctx.now, life=ACCESS_LIFE)
    return TokenPair(
        access_token=access,
        expires_in=int(ACCESS_LIFE.total_seconds()),
        refresh_token=_written(session_id, generation, key),
    )


def issuer(ctx: Context) -> str:
    """Who issues our tokens: the public address, or our name where each server knows only its own address."""
    return ctx.settings.public_url.rstrip("/") or "tutti"


def _written(session_id: UUID, generation: int, key: bytes) -> str:
    """Session, generation and a MAC of both: the same successor can be made again without being stored."""
    named = session_id.bytes + generation.to_bytes(8, "big")
    return PREFIX + crypto.base64url(named + crypto.mac(key, named))


def _named(token: str) -> tuple[UUID, int]:
    """The session and generation a token claims to be of; the MAC is checked when the key is known."""
    try:
        raw = crypto.from_base64url(token.removeprefix(PREFIX))
    except crypto.BadToken:
        raise RefreshRefused from None
    generation = int.from_bytes(raw[16:24], "big")
    if not token.startswith(PREFIX) or len(raw) != 16 + 8 + 32 or not 1 <= generation < 2**62:
        raise RefreshRefused
    return UUID(bytes=raw[:16]), generation


def _opened(ctx: Context, session: _Renewing) -> bytes:
    try:
        return crypto.decrypt(
            crypto.server_secret(ctx.settings), session.refresh_key, f"sessions {session.id}"
        )
    except crypto.BadToken:
        raise RefreshRefused from None
