"""When a song ends nobody asks for anything, so each server settles the players of its own sockets."""

import asyncio
from typing import NamedTuple
from uuid import UUID

import msgspec
import structlog
from aiohttp import web

from server.hub import Hub
from tutti import event, player
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.errors import Unavailable
from tutti.event import Heard

MARGIN_S = 0.005
RETRY_S = 2
REPORTS_WITHIN_S = 6
"""An output that plays reports every 5 s."""
log = structlog.get_logger()


class Timer(NamedTuple):
    """When a player's time is up, as the state of this version says."""

    handle: asyncio.TimerHandle
    version: int


class SongEnds:
    """One timer per player that somebody here listens to; the state that arrives sets it anew."""

    def __init__(self, floor: Floor, hub: Hub) -> None:
        self._floor = floor
        self._hub = hub
        self._timers: dict[UUID, Timer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.missed: set[UUID] = set()
        """Players whose time was up while the database was away."""
        hub.heard.append(self._hear)

    def watch(self, state: player.State) -> None:
        """Set the player's timer to the instant at which this state changes by itself.

        A state that was read before a newer one was heard, and comes after it, changes nothing.
        """
        known = self._timers.get(state.player_id)
        if known is not None and known.version > state.version:
            return
        self._forget(state.player_id)
        due = player.due_at(state)
        if due is not None:
            wait = max(0.0, (due - self._floor.clock.now()).total_seconds()) + MARGIN_S
            self.due_in(state.player_id, wait, state.version)

    def is_watching(self, player_id: UUID) -> bool:
        """Whether something is due."""
        return player_id in self._timers

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.handle.cancel()
        self._timers.clear()

    def _hear(self, heard: Heard) -> None:
        if heard.event != "player.state":
            return
        try:
            self.watch(player.state_in(heard.text))
        except msgspec.DecodeError as error:
            log.warning("a player's state cannot be read", error=repr(error))

    def _forget(self, player_id: UUID) -> None:
        if timer := self._timers.pop(player_id, None):
            timer.handle.cancel()

    def due_in(self, player_id: UUID, seconds: float, version: int = 0) -> None:
        """Settle the player after so long, unless another state comes first, or something is due before that.

        While a player was settled in vain a state may have come and set a timer: of the two the sooner stays,
        so that the player is settled once.
        """
        loop = asyncio.get_running_loop()
        known = self._timers.get(player_id)
        if known is not None:
            if known.handle.when() <= loop.time() + seconds:
                return
            known.handle.cancel()
            version = max(version, known.version)
        self._timers[player_id] = Timer(loop.call_later(seconds, self._begin, player_id), version)

    def _begin(self, player_id: UUID) -> None:
        self._timers.pop(player_id, None)
        task = asyncio.create_task(self._settle(player_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, player_id: UUID) -> None:
        if not self._hub.is_heard(event.player(player_id)):
            self.missed.discard(player_id)
            return
        try:
            if player_id in self.missed:
                await self._let_outputs_speak(player_id)
                return
            state = await perform(Context(self._floor), player.settle, player_id=player_id)
        except Exception as error:  # noqa: BLE001  # whatever it was, this player's time must go on
            log.debug("a player could not be settled", error=repr(error))
            if isinstance(error, Unavailable):
                self.missed.add(player_id)
            self.due_in(player_id, RETRY_S)
            return
        if state is not None:
            self.watch(state)

    async def _let_outputs_speak(self, player_id: UUID) -> None:
        """After an outage the outputs report before their silence is judged: the music went on without us."""
        await perform(Context(self._floor), player.versions, topics=[event.player(player_id)])
        self.missed.discard(player_id)
        self.due_in(player_id, REPORTS_WITHIN_S)


SONG_ENDS = web.AppKey("song_ends", SongEnds)
