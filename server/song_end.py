"""When a song ends nobody asks for anything, so each server settles the players of its own sockets."""

import asyncio
from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from aiohttp import web

from server.hub import Hub
from tutti import event, player
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.event import Heard

MARGIN_S = 0.005
RETRY_S = 2
REPORTS_WITHIN_S = 6
"""An output that plays reports every 5 s."""
log = structlog.get_logger()


class SongEnds:
    """One timer per player that somebody here listens to; the state that arrives sets it anew."""

    def __init__(self, floor: Floor, hub: Hub) -> None:
        self._floor = floor
        self._hub = hub
        self._timers: dict[UUID, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._missed: set[UUID] = set()
        """Players whose time was up while the database was away."""
        hub.heard.append(self._hear)

    def watch(self, state: player.State) -> None:
        """Set the player's timer to the instant at which this state changes by itself."""
        self._set(state.player_id, player.due_at(state))

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _hear(self, heard: Heard) -> None:
        if heard.event != "player.state":
            return
        try:
            self.watch(player.state_in(heard.text))
        except msgspec.DecodeError as error:
            log.warning("a player's state cannot be read", error=repr(error))

    def _set(self, player_id: UUID, due: datetime | None) -> None:
        if timer := self._timers.pop(player_id, None):
            timer.cancel()
        if due is not None:
            wait = max(0.0, (due - self._floor.clock.now()).total_seconds()) + MARGIN_S
            self._later(player_id, wait)

    def _later(self, player_id: UUID, seconds: float) -> None:
        self._timers[player_id] = asyncio.get_running_loop().call_later(seconds, self._begin, player_id)

    def _begin(self, player_id: UUID) -> None:
        self._timers.pop(player_id, None)
        task = asyncio.create_task(self._settle(player_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, player_id: UUID) -> None:
        if f"player:{player_id}" not in self._hub.topics():
            return
        try:
            if player_id in self._missed:
                await self._let_outputs_speak(player_id)
                return
            state = await perform(Context(self._floor), player.settle, player_id=player_id)
        except Exception as error:  # noqa: BLE001  # whatever it was, this player's time must go on
            log.debug("a player could not be settled", error=repr(error))
            self._missed.add(player_id)
            self._later(player_id, RETRY_S)
            return
        if state is not None:
            self.watch(state)

    async def _let_outputs_speak(self, player_id: UUID) -> None:
        """After an outage the outputs report before their silence is judged: the music went on without us."""
        await perform(Context(self._floor), player.versions, topics=[event.player(player_id)])
        self._missed.discard(player_id)
        self._later(player_id, REPORTS_WITHIN_S)


SONG_ENDS = web.AppKey("song_ends", SongEnds)
