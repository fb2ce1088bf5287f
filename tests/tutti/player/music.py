"""What a device plays, in true words, on a machine that takes its time."""

from datetime import datetime, timedelta
from typing import Any

from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.player.model.state import MILLISECOND

SILENCE_MS = 10_000
SONG_MS = 215_000
NEAR_MS = 100


class Music:
    """What a device really plays: its words about it are true, however long this machine takes over them."""

    def __init__(self, phone: Remote, state: player.State) -> None:
        self.phone = phone
        self.version = state.version
        """Of the state that the device knows."""
        self.began = state.anchored_at - state.position_ms * MILLISECOND
        """When its first song would have begun, had it played all along."""
        self.spoke_at: tuple[float, float] = (0, 0)
        """Between these two positions its last word was heard."""

    def position_ms(self, at: datetime) -> float:
        """In whichever song that is."""
        return (at - self.began) / MILLISECOND % SONG_MS

    async def pass_time(self, seconds: float) -> None:
        await self.phone.pass_time(seconds)
        self.began -= timedelta(seconds=seconds)

    async def report(self, **members: Any) -> None:
        """It plays, and was there when it looked."""
        looked_at = await self._now()
        said = int(self.position_ms(looked_at))
        await self.phone.report("playing", said, measured_at=looked_at, **members)
        self.spoke_at = (self.position_ms(looked_at), self.position_ms(await self._now()))

    def stops_at(self, position_ms: float) -> bool:
        """So long after its last word as an output may be silent."""
        earliest, latest = self.spoke_at
        return earliest - NEAR_MS < position_ms - SILENCE_MS < latest + NEAR_MS

    def is_at(self, state: player.State) -> bool:
        """This state says of the music what is true."""
        assert state.is_playing
        told = state.position_ms + (state.updated_at - state.anchored_at) / MILLISECOND
        return abs(told - self.position_ms(state.updated_at)) < NEAR_MS

    async def _now(self) -> datetime:
        """By the clock that players go by."""
        async with self.phone.floor.pool.connection() as connection:
            now: datetime = await connection.fetchval("select clock_timestamp()")
        return now
