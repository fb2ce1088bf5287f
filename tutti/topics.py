"""The versions of topics that have no row of their own to carry one."""

from collections.abc import Sequence

from tutti.context import Context
from tutti.database import queries
from tutti.transaction import RaisedTopic

sql = queries(__file__, "topics.sql")


async def topic_versions(ctx: Context, topics: Sequence[str]) -> dict[str, int]:
    """The present version of each of these topics; one that was never announced on is left out."""
    found = await ctx.db.all(sql.versions_of_topics, RaisedTopic, topics=list(topics))
    return {each.topic: each.version for each in found}
