"""What a server needs to keep its sockets true: the opening, versions, and settling when time is up."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from tutti import event
from tutti.context import Context
from tutti.database import queries
from tutti.player.devices import listed
from tutti.player.model.state import PlayerState, state_of
from tutti.player.queue import page
from tutti.player.rights import player_of
from tutti.player.turn import locked_by_server, shown
from tutti.record import Record

sql = queries(__file__)


class PlayerVersion(Record):
    """How far a player has come."""

    id: UUID
    version: int


class _Announced(PlayerState, forbid_unknown_fields=False):
    """A state with the members that its event adds."""


class _News(msgspec.Struct):
    params: _Announced


_decoder = msgspec.json.Decoder(_News)


async def opening(ctx: Context) -> list[tuple[str, Record]]:
    """What a socket gets first: listen, then read, so that nothing falls between (state, queue, devices)."""
    async with ctx.transaction():
        player_id = await player_of(ctx, None)
    await ctx.listen(event.player(player_id))
    async with ctx.transaction():
        player = (await shown(ctx, player_id)).player
        return [
            ("player.state", state_of(player)),
            ("queue.state", await page(ctx, player)),
            ("devices.changed", await listed(ctx, player_id)),
        ]


async def versions(ctx: Context, topics: Sequence[str]) -> dict[str, int]:
    """The true version of each player's topic; unknown players are left out."""
    ids = [player_id for player_id in map(event.player_of, topics) if player_id]
    rows = await ctx.db.all(sql.versions, PlayerVersion, player_ids=ids)
    return {event.player(row.id): row.version for row in rows}


async def settle(ctx: Context, player_id: UUID) -> PlayerState | None:
    """Save and tell what time has changed; answers the state, None when there is no such player."""
    turn = await locked_by_server(ctx, player_id)
    return None if turn is None else await turn.end()


def state_in(message: bytes) -> PlayerState:
    """The state in the text of a `player.state` event; raises msgspec.DecodeError."""
    return _decoder.decode(message).params
