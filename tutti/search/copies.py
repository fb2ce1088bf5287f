"""This process's way to Elasticsearch, and how far it is behind."""

from time import monotonic
from typing import Final

from tutti.context import Context
from tutti.database import queries
from tutti.search.elastic import Elastic, ElasticAway

sql = queries(__file__)

BEHIND_S: Final = 30
"""A copy that lacks changes older than this is not asked: it takes no writes, whatever it answers (F10)."""
LOOK_EVERY_S: Final = 5


class Lag:
    """How far the copy is behind, looked up now and then."""

    def __init__(self) -> None:
        self._looked_at = -float(LOOK_EVERY_S)
        self._seconds = 0.0

    async def seconds(self, ctx: Context) -> float:
        """Age of the oldest change the copy lacks, at most 5 s old itself."""
        if monotonic() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = monotonic()
            # On a connection of its own: no transaction stays open while Elasticsearch works.
            async with ctx.floor.pool.connection() as connection:
                self._seconds = float(await connection.fetchval(sql.oldest_change.text) or 0)
        return self._seconds


class Copy:
    """This process's way to Elasticsearch."""

    def __init__(self, elastic: Elastic) -> None:
        self.elastic = elastic
        self.lag = Lag()

    async def check(self, ctx: Context) -> None:
        """Raises ElasticAway when the copy is too far behind to be asked."""
        if (behind := await self.lag.seconds(ctx)) > BEHIND_S:
            raise ElasticAway(f"It is {behind:.0f} s behind.")

    async def aclose(self) -> None:
        """Called when the floor closes."""
        await self.elastic.aclose()


def copy_of(ctx: Context) -> Copy | None:
    """Elasticsearch as this process knows it; None when there is none."""
    url = ctx.settings.elasticsearch_url
    if not url:
        return None
    kept = ctx.floor.kept
    if "search" not in kept:
        kept["search"] = Copy(Elastic(url, ctx.settings.elasticsearch_index))
    found: Copy = kept["search"]
    return found


async def health(ctx: Context) -> str | None:
    """How Elasticsearch is, for `/readyz`: "ok", "behind" or "away"; None when there is none."""
    there = copy_of(ctx)
    if there is None:
        return None
    if not await there.elastic.healthy():
        return "away"
    return "behind" if await there.lag.seconds(ctx) > BEHIND_S else "ok"
