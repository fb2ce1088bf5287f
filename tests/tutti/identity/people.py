"""Short ways for the tests of identity: accounts with a password, and a look from a second connection."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from tutti import identity
from tutti.clock import Clock
from tutti.command import perform
from tutti.context import Context, Floor, Person

PASSWORD = "seven otters sing at dawn"
OTHER_PASSWORD = "a lighthouse made of bread"


class SetClock(Clock):
    """Set by PostgreSQL's clock once; then the test moves it on, and not the machine that takes its time.

    Each reading is a millisecond after the last, so that what happened later has a later date and id.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._now = clock.now()

    def now(self) -> datetime:
        self.pass_by(milliseconds=1)
        return self._now

    def now_ms(self) -> float:
        return self.now().timestamp() * 1000

    def pass_by(self, **time: float) -> None:
        """Let time pass."""
        self._now += timedelta(**time)


async def account(ctx: Context, *, email: str = "clara@example.org", name: str = "Clara") -> Person:
    """Somebody who signs in with PASSWORD."""
    return await perform(ctx, identity.add_user, email=email, name=name, password=PASSWORD)


async def as_program(ctx: Context, email: str = "clara@example.org") -> identity.SignedIn:
    """A fresh sign-in."""
    return await perform(ctx, identity.login, email=email, password=PASSWORD)


async def renew(ctx: Context, refresh_token: str) -> identity.TokenPair:
    """The next pair; raises what `perform` raises."""
    pair = await perform(ctx, identity.refresh, refresh_token=refresh_token)
    assert isinstance(pair, identity.TokenPair)
    return pair


async def signed_in(context_of: Callable[[], Context], access_token: str) -> Context:
    """A context of this token's person and session."""
    found = await perform(context_of(), identity.session_of_access_token, jwt=access_token)
    assert found is not None
    ctx = context_of()
    ctx.person, ctx.session = found
    return ctx


async def seen(floor: Floor, statement: str, *arguments: Any) -> Any:
    """One value, read over a connection of its own: only what is committed is seen."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(floor.settings.database_url)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()


@asynccontextmanager
async def refusal(*kinds: type[Exception]) -> AsyncIterator[list[Exception]]:
    """Expect one of these refusals; the list holds it afterwards."""
    caught: list[Exception] = []
    try:
        yield caught
    except kinds as error:
        caught.append(error)
    assert caught, f"expected one of {[kind.__name__ for kind in kinds]}"
