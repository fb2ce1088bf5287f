"""One of many leads: an advisory lock that lasts as long as its connection, and a bell on the same."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from tutti.errors import Unavailable
from tutti.schema_version import EXIT_CODE, WrongSchema
from tutti.settings import BadSetting, Settings

TRY_EVERY_S: Final = 1.0
CONNECT_TIMEOUT_S: Final = 3
TROUBLE: Final = (Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What PostgreSQL's absence looks like; it passes."""


class Lead:
    """Being the one. Ends when it is time to stop, or when the connection with its lock is gone."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._is_lost = False
        self._bell = asyncio.Event()

    @property
    def goes_on(self) -> bool:
        """Whether to do another round."""
        return not self._is_lost and not self._stopping.is_set()

    async def rest(self, seconds: float) -> None:
        """Wait for the bell, for so long at most."""
        stopped = asyncio.ensure_future(self._stopping.wait())
        rung = asyncio.ensure_future(self._bell.wait())
        try:
            await asyncio.wait((stopped, rung), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            rung.cancel()
        self._bell.clear()

    def ring(self, *_notification: Any) -> None:
        """Somebody has work."""
        self._bell.set()

    def lose(self, *_connection: Any) -> None:
        """The connection ended, and the lock with it."""
        self._is_lost = True
        self._bell.set()


@asynccontextmanager
async def leading(
    settings: Settings, role: str, stopping: asyncio.Event, *, channel: str | None = None
) -> AsyncIterator[Lead]:
    """Wait until nobody else leads in this role, then lead. Raises one of TROUBLE when PostgreSQL is away."""
    connection = await asyncpg.connect(
        settings.database_url,
        timeout=CONNECT_TIMEOUT_S,
        server_settings={"application_name": f"tutti {role}"},
    )
    lead = Lead(stopping)
    try:
        connection.add_termination_listener(lead.lose)
        while lead.goes_on and not await _taken(connection, role):
            await lead.rest(TRY_EVERY_S)
        if channel is not None and lead.goes_on:
            await connection.add_listener(channel, lead.ring)
        yield lead
    finally:
        with suppress(*TROUBLE):
            await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _taken(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> bool:
    taken: bool = await connection.fetchval(
        "select pg_try_advisory_lock(hashtextextended($1, 0))", f"tutti {role}"
    )
    return taken


def stopped_by_signal() -> asyncio.Event:
    """An event that SIGTERM and Ctrl-C set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    return stopping


def run(main: Callable[[], Awaitable[None]]) -> int:
    """Run a process's main; answers its exit code. Settings or tables it cannot use are one sentence."""

    async def awaited() -> None:
        await main()

    try:
        asyncio.run(awaited())
    except BadSetting as bad:
        sys.stderr.write(f"{bad}\n")
        return 2
    except WrongSchema as wrong:
        sys.stderr.write(f"{wrong}\n")
        return EXIT_CODE
    return 0
