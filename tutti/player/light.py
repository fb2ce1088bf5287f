"""The light way: players read and written without a lock, those of many people in one statement.

What one server is asked at the same moment it asks PostgreSQL together. A write checks that nobody wrote
since, and never waits for a row that somebody holds: who was overtaken, or found the row held, takes a full
turn.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from tutti.batch import Batch
from tutti.context import Context, Floor
from tutti.database import queries
from tutti.player.model.state import Player
from tutti.pool import DatabaseAway

KEPT = "player.light"
sql = queries(__file__)


class Wanted(NamedTuple):
    """Whose player, and for which command, if that is to be carried out once."""

    person_id: UUID
    player_id: UUID | None
    command_id: UUID | None


class Glimpse(Player):
    """A player as it was read, and for which of those who asked."""

    place: int


class Light:
    """This process's reads and writes, each gathered."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.reads = Batch(self._read)
        self.writes = Batch(self._write)

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def _read(self, wanted: list[Wanted]) -> list[Player | None]:
        ctx = Context(self._floor)
        columns = {
            "person_ids": [each.person_id for each in wanted],
            "player_ids": [each.player_id for each in wanted],
            "command_ids": [each.command_id for each in wanted],
        }
        try:
            found = await ctx.lone.all(sql.own_players_unlocked, Glimpse, **columns)
        except DatabaseAway as away:
            if not away.was_cut:
                raise
            # The line had died while nobody used it, and only a question was asked on it.
            found = []
        except (asyncpg.PostgresError, msgspec.ValidationError):
            # One row cannot be read (newer code wrote it?). Whose, and why, shows when each asks alone.
            found = []
        finally:
            await ctx.roll_back()
        by_place: dict[int, Player] = {each.place: each for each in found}
        return [by_place.get(place) for place in range(1, len(wanted) + 1)]

    async def _write(self, players: list[Player]) -> list[bool]:
        ctx = Context(self._floor)
        try:
            written = set(await ctx.lone.all(sql.save_courses, int, **_columns(players)))
        except asyncpg.PostgresError:
            # One of them cannot be written as it is. Which, and why, shows when each goes alone.
            written = set()
        finally:
            await ctx.roll_back()
        return [place in written for place in range(1, len(players) + 1)]


async def read(ctx: Context, wanted: Wanted) -> Player | None:
    """A person's own player without a lock; None when the full way has to be gone."""
    return await ways(ctx).reads.ask(wanted)


async def write_course(ctx: Context, player: Player) -> bool:
    """Save where the music stands and how loud it is; False when somebody wrote since, or holds the row."""
    return await ways(ctx).writes.ask(player)


async def write_course_within(ctx: Context, player: Player) -> bool:
    """The same as a part of the command's transaction, which may hold the row."""
    return bool(await ctx.db.all(sql.save_courses, int, **_columns([player])))


def _columns(players: Sequence[Player]) -> dict[str, list[object]]:
    return {name: [getattr(each, name) for each in players] for name in sql.save_courses.parameters}


def ways(ctx: Context) -> Light:
    """This process's."""
    kept = ctx.floor.kept
    if KEPT not in kept:
        kept[KEPT] = Light(ctx.floor)
    light: Light = kept[KEPT]
    return light
