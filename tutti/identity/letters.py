"""Everything that goes by letter: registering, confirming an address, forgotten passwords, warnings.

Whoever asks gets the same answer at the same speed, whether or not the address is known (R9); the letter
tells the truth, and only to whom the address belongs.
"""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from tutti import crypto
from tutti.command import Accepted, command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Forbidden
from tutti.identity.audit import record
from tutti.identity.jobs import send_letter
from tutti.identity.links import LinkExpired, Purpose, WaitingLink, link_token
from tutti.identity.model import CONFIRM_LIFE, LETTER_AGAIN, NOTICE_LIFE
from tutti.identity.people import Me, checked_address, checked_name, insert_person, new_hash, person_by_id
from tutti.record import Record
from tutti.text import _

NOUN = "auth"
RECENTLY = timedelta(minutes=10)
sql = queries(__file__)


class RegistrationClosed(Forbidden):
    """REGISTRATION=closed: only an administrator adds people."""

    sentence = _("This server does not take registrations. Ask whoever runs it to add you.")


class ProofNeeded(Forbidden):
    """What was asked for could cost the account, and the last proof is older than ten minutes."""

    sentence = _("Please sign in again before you change this.")


class GuestsHaveNoAddress(Forbidden):
    """A guest comes by invitation; an address of his own would only block the account he may want later."""

    sentence = _("Guests have no address. Register to have an account of your own.")


class LetterOnItsWay(Record):
    """The answer to everything that sends a letter; it says nothing of whether the address is known."""

    email: str
    expires_in: int
    """Seconds until the link in the letter is worthless."""


class Confirmed(Record):
    """An address that is confirmed now."""

    email: str


@command("POST /auth/register", public=True)
async def register(ctx: Context, email: str, password: str, name: str) -> Accepted[LetterOnItsWay]:
    """Ask for an account. It exists once the letter's link is used; asking again sends another letter."""
    if ctx.settings.registration == "closed":
        raise RegistrationClosed
    address, tidied = checked_address(email), checked_name(name)
    hashed = await new_hash(ctx, password, address)
    async with ctx.transaction():
        taken = await ctx.db.value(sql.address_is_taken, email=address)
        purpose: Purpose = "already_registered" if taken else "register"
        # Older letters stay good: each carries the name and password it was asked with, and all of them went
        # to the one who owns the address. Were the older ones void, a stranger could void the owner's.
        await write(ctx, purpose, address, CONFIRM_LIFE, name=tidied, password_hash=None if taken else hashed)
        await record(ctx, "register", user_id=None, target=None)
    return _on_its_way(address, CONFIRM_LIFE)


@command("POST /auth/verify-email")
async def verify_email(ctx: Context, email: str | None = None) -> Accepted[LetterOnItsWay]:
    """Send a link to my address, or to the one I want from now on; using the link makes it mine."""
    if ctx.me.role == "guest":
        raise GuestsHaveNoAddress
    me = await person_by_id(ctx, ctx.me.id)
    address = checked_address(email if email is not None else me.email or "")
    if address.lower() == (me.email or "").lower():
        await write(ctx, "confirm_email", address, CONFIRM_LIFE, me=me)
        return _on_its_way(address, CONFIRM_LIFE)
    if ctx.now - ctx.signed_in.authenticated_at > RECENTLY:
        raise ProofNeeded
    # Somebody else's address: its owner learns of the try, and who asked sees no difference.
    taken = await ctx.db.value(sql.address_is_taken, email=address)
    await write(
        ctx,
        "already_registered" if taken else "confirm_email",
        address,
        CONFIRM_LIFE,
        me=None if taken else me,
    )
    await record(ctx, "email.change", user_id=me.id)
    return _on_its_way(address, CONFIRM_LIFE)


@command("POST /auth/confirm-email", public=True)
async def confirm_email(ctx: Context, token: str) -> Confirmed:
    """Use the link of a letter: the account begins, or the address is mine. Works once."""
    used = await use_link(ctx, token, "register", "confirm_email")
    if used.purpose == "register":
        await _begin_account(ctx, used)
    elif used.user_id is None or not await ctx.db.run(
        sql.confirm_address, id=used.user_id, email=used.address, now=ctx.now
    ):
        raise LinkExpired
    else:
        await record(ctx, "email.confirm", user_id=used.user_id)
    return Confirmed(email=used.address)


async def _begin_account(ctx: Context, used: WaitingLink) -> None:
    me = await insert_person(
        ctx,
        name=used.name or used.address,
        email=used.address,
        password_hash=used.password_hash,
        role="member",
        language=used.language,
    )
    if me is None:
        raise LinkExpired
    await ctx.db.run(sql.forget_waiting_passwords, address=used.address, now=ctx.now)
    await record(ctx, "person.add", user_id=me.id, role="member")


async def waiting_link(ctx: Context, token: str) -> WaitingLink | None:
    """What a link leads to, without using it: pages show a button first, because mail scanners open links."""
    return await ctx.db.one(sql.waiting_link, WaitingLink, token_hash=crypto.digest(token), now=ctx.now)


async def use_link(ctx: Context, token: str, *purposes: Purpose) -> WaitingLink:
    """Use a link up. Raises LinkExpired."""
    used = await ctx.db.one(
        sql.use_link, WaitingLink, token_hash=crypto.digest(token), now=ctx.now, purposes=purposes
    )
    if used is None:
        raise LinkExpired
    return used


async def write(
    ctx: Context,
    purpose: Purpose,
    address: str,
    life: timedelta,
    *,
    me: Me | None = None,
    name: str | None = None,
    password_hash: str | None = None,
) -> None:
    """Put a letter on its way, unless the same one went to this address within the last minute."""
    same = ("register", "already_registered") if purpose in ("register", "already_registered") else (purpose,)
    if await ctx.db.value(
        sql.letter_was_just_written, address=address, purposes=same, now=ctx.now, again=LETTER_AGAIN
    ):
        return
    letter_id = ctx.new_id()
    if me is not None:
        await ctx.db.run(sql.void_letters, user_id=me.id, purpose=purpose, now=ctx.now)
    await ctx.db.run(
        sql.add_letter,
        id=letter_id,
        purpose=purpose,
        address=address,
        user_id=me.id if me else None,
        name=me.name if me else name,
        password_hash=password_hash,
        language=me.language if me else None,
        token_hash=crypto.digest(link_token(ctx, letter_id, purpose)),
        now=ctx.now,
        expires_at=ctx.now + life,
    )
    ctx.enqueue(send_letter, letter_id=letter_id)


async def write_notice(ctx: Context, purpose: Literal["password_changed", "token_reused"], me: Me) -> None:
    """Tell somebody what happened to his account, as far as he has an address."""
    if me.email:
        await write(ctx, purpose, me.email, NOTICE_LIFE, me=me)


async def forget_links_of(ctx: Context, user_id: UUID, purpose: Purpose) -> None:
    """Make the links of earlier letters worthless."""
    await ctx.db.run(sql.void_letters, user_id=user_id, purpose=purpose, now=ctx.now)


def _on_its_way(address: str, life: timedelta) -> LetterOnItsWay:
    return LetterOnItsWay(email=address, expires_in=int(life.total_seconds()))
