"""Signing in: the password is proven, tries are counted beforehand, and every refusal sounds the same."""

from typing import NamedTuple
from uuid import UUID

import msgspec

from tutti import crypto
from tutti.command import command
from tutti.context import Context, Person
from tutti.database import queries
from tutti.errors import Forbidden, SignInNeeded
from tutti.identity.audit import record
from tutti.identity.model import FORGOTTEN_AFTER, NETWORK_FAILURES, Failures, Scope, network_of
from tutti.identity.people import Me, as_person, person_by_id
from tutti.identity.sessions import begin_browser, begin_program, end_sessions
from tutti.identity.tokens import SignedIn
from tutti.record import Record
from tutti.text import _

NOUN = "auth"
sql = queries(__file__)


class WrongCredentials(SignInNeeded):
    """Unknown address, wrong password, too many tries, disabled account: always this (R8, R9)."""

    sentence = _(
        "The e-mail address or the password is not right. "
        "After several tries in a row, wait a minute before the next."
    )


class WrongPassword(Forbidden):
    """Somebody who is signed in did not prove himself again; his session goes on."""

    sentence = _(
        "This is not your password now. After several tries in a row, wait a minute before the next."
    )


class BrowserSession(NamedTuple):
    """What the login page hands to the browser as cookies, and whose they are."""

    token: str
    device_token: str
    """Kept for long: by it this browser is known, and no stranger's failures lock it out."""
    person: Person


class _Login(Record):
    id: UUID
    password_hash: str | None


class Try(NamedTuple):
    """A sign-in that has been counted as a failure and may still turn out well."""

    login: _Login | None
    counted: dict[Scope, bytes]
    is_blocked: bool


@command("POST /auth/login", public=True)
async def login(ctx: Context, email: str, password: str, code: str | None = None) -> SignedIn:
    """Sign a program in. Never sets a cookie; `code` is for accounts with a second factor."""
    user_id = await prove(ctx, email, password)
    async with ctx.transaction():
        return await program_signed_in(ctx, await person_by_id(ctx, user_id))


@command("POST /auth/logout")
async def logout(ctx: Context) -> None:
    """End this session: its tokens, its cookie, its sockets, its streams."""
    await end_sessions(ctx, ctx.me.id, "signed_out", only=ctx.signed_in.id)


async def sign_in_browser(
    ctx: Context, email: str, password: str, device_token: str | None = None
) -> BrowserSession:
    """Sign a browser in, for the login page. Raises WrongCredentials."""
    user_id = await prove(ctx, email, password, device_token=device_token)
    async with ctx.transaction():
        return await browser_signed_in(ctx, await person_by_id(ctx, user_id), device_token)


async def program_signed_in(ctx: Context, me: Me) -> SignedIn:
    """Begin a program's session."""
    session_id, pair = await begin_program(ctx, me.id)
    await record(ctx, "sign_in", user_id=me.id, session_id=session_id, by="password")
    return SignedIn(**msgspec.structs.asdict(pair), user=me)


async def browser_signed_in(ctx: Context, me: Me, device_token: str | None = None) -> BrowserSession:
    """Begin a browser's session and remember the browser."""
    session_id, token = await begin_browser(ctx, me.id)
    await record(ctx, "sign_in", user_id=me.id, session_id=session_id, by="password")
    known = device_token if device_token and await _knows(ctx, device_token, me.id) else None
    kept = known or crypto.base64url(ctx.random_bytes(32))
    await ctx.db.run(sql.know_device, token_hash=crypto.digest(kept), user_id=me.id, now=ctx.now)
    return BrowserSession(token, kept, as_person(me))


async def open_program_session(ctx: Context, user_id: UUID) -> SignedIn:
    """Sign somebody in on the caller's word: for what has proven him in another way. Raises SignInNeeded."""
    return await program_signed_in(ctx, await person_by_id(ctx, user_id))


async def open_browser_session(ctx: Context, user_id: UUID) -> BrowserSession:
    """The same for a browser."""
    return await browser_signed_in(ctx, await person_by_id(ctx, user_id))


async def prove(ctx: Context, email: str, password: str, *, device_token: str | None = None) -> UUID:
    """The id of the person whose address and password these are. Raises WrongCredentials."""
    async with ctx.transaction():
        login = await ctx.db.one(sql.login_by_address, _Login, email=email.strip())
        known = bool(login and device_token and await _knows(ctx, device_token, login.id))
        attempt = await _count(ctx, login, email.strip().lower(), device_token if known else None)
    return await _settle(ctx, attempt, password)


async def prove_again(ctx: Context, password: str) -> None:
    """Somebody who is signed in proves that it is still he. Raises WrongPassword."""
    async with ctx.transaction():
        login = await ctx.db.one(sql.login_by_id, _Login, id=ctx.me.id)
        attempt = await _count(ctx, login, f"again {ctx.me.id}", None)
    try:
        await _settle(ctx, attempt, password)
    except WrongCredentials:
        raise WrongPassword from None


async def _count(ctx: Context, login: _Login | None, account: str, device_token: str | None) -> Try:
    """Count the try as a failure before it is looked at, so that parallel tries find each other counted."""
    counted = _keys(account, network_of(ctx.ip_address), device_token)
    rows = [(scope, await _failures(ctx, scope, key)) for scope, key in counted.items()]
    if any(row.blocks(ctx.now) for _scope, row in rows):
        await record(ctx, "sign_in", user_id=login.id if login else None, result="refused", because="delayed")
        return Try(login, counted, is_blocked=True)
    for scope, row in rows:
        after = row.after_one_more(ctx.now)
        await ctx.db.run(
            sql.put_failures,
            scope=scope,
            key=counted[scope],
            failures=after.failures,
            since=after.since,
            blocked_until=after.blocked_until,
            now=ctx.now,
        )
    return Try(login, counted, is_blocked=False)


async def _settle(ctx: Context, attempt: Try, password: str) -> UUID:
    if attempt.is_blocked:
        raise WrongCredentials
    stored = attempt.login.password_hash if attempt.login else None
    matches = await crypto.password_matches(stored, password)
    better = (
        await crypto.hash_password(password) if matches and stored and crypto.needs_rehash(stored) else None
    )
    async with ctx.transaction():
        if attempt.login is None or not matches:
            user_id = attempt.login.id if attempt.login else None
            await record(ctx, "sign_in", user_id=user_id, result="refused", because="credentials")
        else:
            await _take_back(ctx, attempt.counted)
            if better:
                await ctx.db.run(
                    sql.keep_better_hash, id=attempt.login.id, password_hash=better, former=stored
                )
    if attempt.login is None or not matches:
        raise WrongCredentials
    return attempt.login.id


async def _take_back(ctx: Context, counted: dict[Scope, bytes]) -> None:
    """A success ends the row of failures, but for the network's: its next guess may be at another account."""
    for scope, key in counted.items():
        if scope == "network":
            await ctx.db.run(sql.take_back_failure, scope=scope, key=key, limit=NETWORK_FAILURES)
        else:
            await ctx.db.run(sql.forget_failures, scope=scope, key=key)


async def _failures(ctx: Context, scope: Scope, key: bytes) -> Failures:
    found = await ctx.db.one(
        sql.failures, Failures, scope=scope, key=key, now=ctx.now, forgotten=FORGOTTEN_AFTER
    )
    if found is None:
        raise RuntimeError("an upsert always answers a row")
    return found


def _keys(account: str, network: str, device_token: str | None) -> dict[Scope, bytes]:
    """What this try has in common with others, always in the same order, so that locks never cross.

    A known device is counted by itself: whoever fails elsewhere cannot lock its owner out.
    """
    if device_token:
        return {"device": crypto.digest(f"{device_token} {account}")}
    return {
        "account": crypto.digest(account),
        "network": crypto.digest(network),
        "pair": crypto.digest(f"{network} {account}"),
    }


async def _knows(ctx: Context, device_token: str, user_id: UUID) -> bool:
    return bool(await ctx.db.value(sql.knows_device, token_hash=crypto.digest(device_token), user_id=user_id))
