"""Who has an account: people, and the first administrator who proves himself by a one-time code."""

from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from tutti import crypto
from tutti.command import command
from tutti.context import Context, Person
from tutti.database import queries
from tutti.errors import Conflict, Invalid, SignInNeeded
from tutti.identity.audit import record
from tutti.identity.model import Role, tidy_address, tidy_name
from tutti.identity.passwords import check_password
from tutti.record import Record
from tutti.text import _

NOUN = "me"
sql = queries(__file__)


class AddressTaken(Conflict):
    """Only an operator or administrator ever sees this; strangers get the same answer either way (R9)."""

    sentence = _("Somebody already has this e-mail address.")


class Me(Record):
    """A person as he sees himself."""

    id: UUID
    name: str
    email: str | None
    email_confirmed_at: datetime | None
    role: Role
    host_id: UUID | None = None
    language: str | None
    created_at: datetime


def audiences_of(user_id: UUID, role: str = "member", host_id: UUID | None = None) -> tuple[str, ...]:
    """What somebody may hear of; a guest hears what his host hears."""
    return ("public", "members", f"user:{host_id if role == 'guest' and host_id else user_id}")


def as_person(me: Me) -> Person:
    """The person as commands know him."""
    audiences = audiences_of(me.id, me.role, me.host_id)
    return Person(id=me.id, name=me.name, email=me.email, role=me.role, audiences=audiences)


async def add_user(
    ctx: Context, *, email: str, name: str, password: str, role: Literal["admin", "member"] = "member"
) -> Person:
    """Add somebody whose address is taken on trust (the operator's command). Raises Invalid, AddressTaken."""
    address, tidied = checked_address(email), checked_name(name)
    hashed = await new_hash(ctx, password, address)
    async with ctx.transaction():
        me = await insert_person(ctx, email=address, name=tidied, password_hash=hashed, role=role)
        if me is None:
            raise AddressTaken
        await record(ctx, "person.add", user_id=me.id, role=role)
        return as_person(me)


async def insert_person(
    ctx: Context,
    *,
    name: str,
    email: str | None,
    password_hash: str | None,
    role: Role,
    host_id: UUID | None = None,
    is_confirmed: bool = True,
    language: str | None = None,
) -> Me | None:
    """A new row, or None when the address is taken. Everything is checked already."""
    return await ctx.db.one(
        sql.add_person,
        Me,
        id=ctx.new_id(),
        name=name,
        email=email,
        email_confirmed_at=ctx.now if email and is_confirmed else None,
        role=role,
        host_id=host_id,
        password_hash=password_hash,
        language=language,
        now=ctx.now,
    )


async def person_by_id(ctx: Context, user_id: UUID) -> Me:
    """Raises SignInNeeded when he is gone or disabled."""
    me = await ctx.db.one(sql.user_by_id, Me, id=user_id)
    if me is None:
        raise SignInNeeded
    return me


async def person_by_address(ctx: Context, email: str) -> Person | None:
    """Whoever signs in with this address; only for the operator, as strangers may not learn who is here."""
    found = await ctx.db.value(sql.login_by_address, email=email)
    return None if found is None else as_person(await person_by_id(ctx, found))


async def new_hash(ctx: Context, password: str, email: str | None, pointer: str = "/password") -> str:
    """Check a new password and hash it; nothing of the database is held meanwhile. Raises Invalid."""
    host = urlsplit(ctx.settings.url).hostname or ""
    await check_password(
        password, email=email, min_length=ctx.settings.password_min_length, host=host, pointer=pointer
    )
    return await crypto.hash_password(password)


def checked_address(email: str) -> str:
    """The address without spaces around it. Raises Invalid."""
    address = tidy_address(email)
    if address is None:
        raise Invalid.because(_("This does not look like an e-mail address."), pointer="/email")
    return address


def checked_name(name: str) -> str:
    """The name as it is shown. Raises Invalid."""
    tidied = tidy_name(name)
    if tidied is None:
        raise Invalid.because(_("A name has between 1 and 80 visible characters."), pointer="/name")
    return tidied


@command("GET /me")
async def get(ctx: Context) -> Me:
    """My own profile."""
    return await person_by_id(ctx, ctx.me.id)


@command("PATCH /me")
async def change(ctx: Context, name: str | None = None, language: str | None = None) -> Me:
    """Change my name or the language Tutti speaks with me; what is left out stays."""
    tidied = None if name is None else checked_name(name)
    if language is not None and len(language) > 20:
        raise Invalid.because(_("A language is written like de or pt-BR."), pointer="/language")
    me = await ctx.db.one(sql.change_person, Me, id=ctx.me.id, name=tidied, language=language, now=ctx.now)
    if me is None:
        raise SignInNeeded
    return me
