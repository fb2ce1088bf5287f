"""Whether this code may run on the tables it finds: what lets old and new run side by side (F26).

Tables change in three steps: a version adds what the new code needs; the new code is started, process by
process; a later version takes away what nobody uses any more, and says so in `oldest_code`. In between, code
that does not know the newest version goes on, and starts again after a crash. It refuses only where what it
needs may be gone, or is not there yet.
"""

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy as Pooled

from tutti.database import queries
from tutti.part import CannotStart
from tutti.pool import Pool

MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations" / "versions"
EXIT_CODE: Final = 78
"""EX_CONFIG of sysexits.h: starting it again helps nobody before something was changed."""
sql = queries(__file__, "schema_version.sql")


class WrongSchema(CannotStart):
    """The tables are not those that this code can work with."""


class Found(NamedTuple):
    """What a database says about its tables."""

    version: str | None
    """None where nothing was ever migrated."""
    oldest_code: str | None
    """Only asked for where the version is one that we do not know."""

    @property
    def is_newer(self) -> bool:
        """Migrated by code that is newer than this."""
        return self.version is not None and self.version not in known()

    def refusal(self) -> str | None:
        """Why this code must not run on it, as a sentence for the operator; None when it may."""
        newest = known()[-1]
        if not self.is_newer:
            return None if self.version == newest else _not_yet(self.version, newest)
        if self.oldest_code not in known():
            return (
                f"The database was migrated to version {self.version} by a newer Tutti, and this one, which "
                f"knows {newest}, can no longer use it: start the newer one."
            )
        return None


@cache
def known() -> tuple[str, ...]:
    """Every version that this code brings along, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in MIGRATIONS.glob("[0-9]*_*.py")))


async def look(connection: "asyncpg.Connection[asyncpg.Record] | Pooled[asyncpg.Record]") -> Found:
    """Ask a database for its version."""
    try:
        version = await connection.fetchval(sql.version.text)
    except asyncpg.UndefinedTableError:
        version = None
    found = Found(version, None)
    if not found.is_newer:
        return found
    try:
        return Found(version, await connection.fetchval(sql.oldest_code.text))
    except asyncpg.UndefinedTableError:  # the tables of some other program
        return found


async def check(pool: Pool) -> None:
    """Raises WrongSchema where this code must not run, Unavailable while nobody can tell."""
    async with pool.connection() as connection:
        refusal = (await look(connection)).refusal()
    if refusal:
        raise WrongSchema(refusal)


def _not_yet(version: str | None, newest: str) -> str:
    state = f"is at version {version}" if version else "has no tables yet"
    return f"The database {state}, and this Tutti needs {newest}: run `python -m tutti migrate` first."
