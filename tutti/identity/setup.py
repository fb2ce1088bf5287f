"""The first administrator: whoever can read this server's terminal is its owner."""

from typing import Final

from tutti import crypto
from tutti.command import Created, command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Conflict, Forbidden, Gone
from tutti.identity.audit import record
from tutti.identity.passwords import length_objection
from tutti.identity.people import Me, checked_address, checked_name, insert_person, new_hash
from tutti.identity.sign_in import BrowserSession, browser_signed_in, program_signed_in
from tutti.identity.tokens import SignedIn
from tutti.text import _

NOUN = "setup"
LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without letters and digits that look alike on a terminal."""
GROUPS: Final = 4
sql = queries(__file__)


class WrongSetupCode(Forbidden):
    """Not the code that was printed last."""

    sentence = _("This is not the code. It was printed in the terminal when Tutti started.")


class AlreadySetUp(Gone):
    """There is an administrator; the code is used up."""

    sentence = _("This Tutti has its administrator already. Please sign in.")


class AddressInUse(Conflict):
    """A member registered with this address before there was an administrator."""

    sentence = _(
        "Somebody registered with this address already. Take another one, or let the operator remove it."
    )


async def setup_code(ctx: Context) -> str | None:
    """A fresh one-time code for the first administrator; None once there is one. Older codes stop working."""
    if await ctx.db.value(sql.has_administrator):
        await ctx.db.run(sql.drop_setup_code)
        return None
    code = _written([LETTERS[byte % len(LETTERS)] for byte in _even(ctx, GROUPS * 4)])
    await ctx.db.run(sql.put_setup_code, code_hash=crypto.digest(_bare(code)), now=ctx.now)
    return code


async def needs_setup(ctx: Context) -> bool:
    """Whether the first administrator is still to be made."""
    return not await ctx.db.value(sql.has_administrator)


@command("POST /setup", public=True)
async def administrator(ctx: Context, code: str, email: str, password: str, name: str) -> Created[SignedIn]:
    """Become the first administrator with the code from the terminal, and be signed in."""
    hashed = await _checked(ctx, code, email, password, name)
    async with ctx.transaction():
        return await program_signed_in(ctx, await _made(ctx, code, email, name, hashed))


async def set_up_in_browser(ctx: Context, code: str, email: str, password: str, name: str) -> BrowserSession:
    """The same for the page. Raises Invalid, WrongSetupCode, AlreadySetUp."""
    hashed = await _checked(ctx, code, email, password, name)
    async with ctx.transaction():
        return await browser_signed_in(ctx, await _made(ctx, code, email, name, hashed))


async def _checked(ctx: Context, code: str, email: str, password: str, name: str) -> str:
    """The password's hash, once the code is right: strangers make nobody hash anything."""
    async with ctx.transaction():
        wrong = await _wrong_code(ctx, code)
        if wrong is not None:
            await record(ctx, "setup", user_id=None, result="refused")
    if isinstance(wrong, WrongSetupCode):
        too_short = length_objection(password, ctx.settings.password_min_length)
        raise _beside_the_code({"/password": too_short} if too_short else {})
    if wrong is not None:
        raise wrong
    checked_name(name)
    return await new_hash(ctx, password, checked_address(email))


async def _made(ctx: Context, code: str, email: str, name: str, hashed: str) -> Me:
    """The administrator, in the transaction that uses the code up."""
    wrong = await _wrong_code(ctx, code)
    if wrong is not None:
        raise wrong
    await ctx.db.run(sql.drop_setup_code)
    me = await insert_person(
        ctx,
        name=checked_name(name),
        email=checked_address(email),
        password_hash=hashed,
        role="admin",
        is_confirmed=False,
    )
    if me is None:
        raise AddressInUse
    await record(ctx, "setup", user_id=me.id)
    return me


async def _wrong_code(ctx: Context, code: str) -> WrongSetupCode | AlreadySetUp | None:
    stored = await ctx.db.value(sql.lock_setup_code)
    if await ctx.db.value(sql.has_administrator):
        return AlreadySetUp()
    if stored is None or not crypto.same(stored, crypto.digest(_bare(code))):
        return WrongSetupCode()
    return None


def _beside_the_code(also: dict[str, str]) -> WrongSetupCode:
    """The wrong code marked as such, with what can be said of other fields without hashing anything."""
    wrong = {"/code": WrongSetupCode.sentence} | also
    return WrongSetupCode(errors=[{"pointer": at, "detail": detail} for at, detail in wrong.items()])


def _bare(code: str) -> str:
    """The code as it is hashed: dashes, spaces and case are only for reading and typing."""
    return "".join(letter for letter in code.upper() if letter in LETTERS)


def _written(letters: list[str]) -> str:
    return "-".join("".join(letters[start : start + 4]) for start in range(0, len(letters), 4))


def _even(ctx: Context, count: int) -> list[int]:
    """Random bytes below the largest multiple of the alphabet, so that every letter is as likely."""
    limit = 256 - 256 % len(LETTERS)
    found: list[int] = []
    while len(found) < count:
        found += [byte for byte in ctx.random_bytes(count) if byte < limit]
    return found[:count]
