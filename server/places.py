"""Places: of all sockets of one session, the newest speaks for its device; the older ones are closed.

Somebody whose network changed opens his second socket before the first is known to be dead, perhaps on
another server. So a socket takes the place as soon as its client has said a word on it, be it a pong: a
socket that nobody reads any more takes nothing. Who has the place stands in the session's row; the others
hear `device.taken` through Redis, or are found by the next poll (`healing.py`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from aiohttp import web

from server.hub import Hub
from server.socket import Socket
from tutti import identity, player
from tutti.command import perform
from tutti.context import Context, SessionRef
from tutti.errors import Problem
from tutti.event import Heard

TAKEN_OVER: Final = 4505


class Speaker(Protocol):
    """A connection, as far as its place is concerned."""

    id: UUID
    socket: Socket
    session: SessionRef | None
    opened_at: datetime | None

    def context(self) -> Context: ...


class PlaceTaken(Exception):
    """Another socket speaks for the device, so it has not gone: nothing of leaving may be committed."""


class Places:
    """Which sockets of this process speak for their session's device, by the id of each."""

    def __init__(self, hub: Hub) -> None:
        self._held: dict[UUID, Speaker] = {}
        self._looking: set[asyncio.Task[None]] = set()
        hub.heard.append(self._hear)

    async def take(self, speaker: Speaker) -> None:
        """Speak for the session's device, if it has one, unless a newer socket does: then this one is closed.

        Without PostgreSQL nothing changes; the next word tries again.
        """
        if speaker.id in self._held or speaker.session is None or speaker.session.device_id is None:
            return
        with suppress(Problem):
            if await perform(
                speaker.context(), identity.take_place, socket_id=speaker.id, opened_at=speaker.opened_at
            ):
                self._held[speaker.id] = speaker
            else:
                speaker.socket.close(TAKEN_OVER)

    async def leave(self, speaker: Speaker) -> None:
        """The client has gone: others see at once that its device is away, unless a newer socket is there."""
        self.forget(speaker)
        with suppress(Problem, PlaceTaken):
            await perform(speaker.context(), leave, socket_id=speaker.id)

    async def make_room(self, speaker: Speaker) -> None:
        """The client has gone, and another socket of its session will speak for the device."""
        if self._held.pop(speaker.id, None) is not None:
            with suppress(Problem):
                await perform(speaker.context(), identity.leave_place, socket_id=speaker.id)

    def forget(self, speaker: Speaker) -> None:
        """This socket is closed, whatever becomes of its place."""
        self._held.pop(speaker.id, None)

    def held(self) -> dict[UUID, UUID | None]:
        """The sockets here that speak for a device, each with its session."""
        return {socket_id: speaker.socket.session_id for socket_id, speaker in self._held.items()}

    def compare(self, held: Mapping[UUID, UUID | None], truth: Mapping[UUID, UUID | None]) -> None:
        """Close every socket that spoke for a session before we asked, when the truth names another one."""
        for socket_id, session_id in held.items():
            is_mine = session_id is None or truth.get(session_id, socket_id) == socket_id
            if not is_mine and socket_id in self._held:
                self._held[socket_id].socket.close(TAKEN_OVER)

    def _hear(self, heard: Heard) -> None:
        """The news may be older than the place of a socket here: it is a reason to look, and no more."""
        if heard.event != "device.taken":
            return
        speakers = [
            each for each in self._held.values() if f"session:{each.socket.session_id}" == heard.topic
        ]
        if any(str(each.id) != heard.key for each in speakers):
            task = asyncio.create_task(self._look(speakers), name="places: look")
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _look(self, speakers: Sequence[Speaker]) -> None:
        """Close those of one session that speak for it no more. Without PostgreSQL the next poll does it."""
        held = {each.id: each.socket.session_id for each in speakers}
        ids = [session_id for session_id in {*held.values()} if session_id is not None]
        with suppress(Problem):
            truth = await perform(speakers[0].context(), identity.still_live, session_ids=ids)
            self.compare(held, truth)


async def leave(ctx: Context, socket_id: UUID) -> None:
    """The device goes away together with its last socket, or not at all."""
    await player.leave_device(ctx)
    if not await identity.leave_place(ctx, socket_id):
        raise PlaceTaken


PLACES: Final = web.AppKey("places", Places)
