"""Changing a password, and replacing a forgotten one; both end every other session."""

from uuid import UUID

from tutti import crypto
from tutti.command import Accepted, command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Invalid
from tutti.identity.audit import record
from tutti.identity.letters import (
    LetterOnItsWay,
    forget_links_of,
    use_link,
    waiting_link,
    write,
    write_notice,
)
from tutti.identity.links import LinkExpired
from tutti.identity.model import RESET_LIFE
from tutti.identity.people import Me, checked_address, new_hash, person_by_id
from tutti.identity.sessions import end_sessions
from tutti.identity.sign_in import prove_again
from tutti.record import Record
from tutti.text import _

NOUN = "auth"
sql = queries(__file__)


class _Owner(Record):
    id: UUID
    password_hash: str | None


@command("POST /auth/password/forgot", public=True)
async def forgot_password(ctx: Context, email: str) -> Accepted[LetterOnItsWay]:
    """Send a link that sets a new password. The answer is the same for an address nobody has."""
    address = checked_address(email)
    owner = await ctx.db.one(sql.login_by_address, _Owner, email=address)
    me = await person_by_id(ctx, owner.id) if owner else None
    await write(ctx, "reset_password", address, RESET_LIFE, me=me)
    await record(ctx, "password.forgot", user_id=me.id if me else None)
    return LetterOnItsWay(email=address, expires_in=int(RESET_LIFE.total_seconds()))


@command("POST /auth/password/reset", public=True)
async def reset_password(ctx: Context, token: str, password: str) -> None:
    """Set a new password by the link of a letter, and end every session."""
    async with ctx.transaction():
        waiting = await waiting_link(ctx, token)
    if waiting is None or waiting.purpose != "reset_password":
        raise LinkExpired
    hashed = await new_hash(ctx, password, waiting.address)
    async with ctx.transaction():
        used = await use_link(ctx, token, "reset_password")
        if used.user_id is None:
            raise LinkExpired
        me = await person_by_id(ctx, used.user_id)
        await _set(ctx, me, hashed)
        await ctx.db.run(sql.address_is_proven, id=me.id, email=used.address, now=ctx.now)
        # Whoever guessed at this account is not the one who just proved to own its address.
        await ctx.db.run(sql.forget_failures, scope="account", key=crypto.digest(used.address.lower()))
        await end_sessions(ctx, me.id, "password_changed")


@command("POST /auth/password/change")
async def change_password(ctx: Context, current_password: str, new_password: str) -> None:
    """Change my password. This session goes on, all others end."""
    session_id = ctx.signed_in.id
    if ctx.me.role == "guest":
        raise Invalid.because(_("Guests have no password."))
    await prove_again(ctx, current_password)
    hashed = await new_hash(ctx, new_password, ctx.me.email, "/newPassword")
    async with ctx.transaction():
        me = await person_by_id(ctx, ctx.me.id)
        await _set(ctx, me, hashed)
        await ctx.db.run(sql.session_is_proven, id=session_id, now=ctx.now)
        await end_sessions(ctx, me.id, "password_changed", keep=session_id)


async def _set(ctx: Context, me: Me, hashed: str) -> None:
    await ctx.db.run(sql.set_password, id=me.id, password_hash=hashed, now=ctx.now)
    await ctx.db.run(sql.forget_devices, user_id=me.id)
    await forget_links_of(ctx, me.id, "reset_password")
    await record(ctx, "password.change", user_id=me.id)
    await write_notice(ctx, "password_changed", me)
