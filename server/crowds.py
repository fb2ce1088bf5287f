"""Who steers one player waits with the others who do: for its row, with few connections in their hands.

Otherwise one person's devices could hold every connection of a server while they wait for one another.
"""

from typing import Final

from aiohttp import web

from tutti.context import Person, SessionRef
from tutti.pool import Pool
from tutti.share import Share, Shares

AT_ONE_PLAYER: Final = 2
"""So many connections: one that works, and one that is ready when the row is free."""


class Crowds:
    """The crowds at this server."""

    def __init__(self, pool: Pool) -> None:
        self._shares = Shares(pool, AT_ONE_PLAYER)

    def share_of(self, person: Person | None, session: SessionRef | None) -> Share | None:
        """What all at the same player may use together; None for a stranger, who steers none."""
        if person is None or session is None:
            return None
        return self._shares.of(session.player_id or person.id)


CROWDS: Final = web.AppKey("crowds", Crowds)
