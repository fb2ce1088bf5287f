"""One socket's conversation: who speaks, in which context his commands run, and how he is answered."""

import asyncio
from collections.abc import Hashable
from typing import Any, Final

from aiohttp import web

from server.crowds import CROWDS
from server.http import steering_rate
from server.hub import Hub
from server.keys import BUCKETS, FLOOR, HUB, LOCAL_BUCKETS, OPENING_SHARE, SETTINGS
from server.limits import LocalBuckets, Rate, frames_rate
from server.middleware import address_block
from server.places import PLACES
from server.socket import Socket
from server.song_end import SONG_ENDS
from tutti.command import Command
from tutti.context import Context, Person, SessionRef
from tutti.record import encode
from tutti.share import Share
from web.keys import CTX

COMMANDS: Final = web.AppKey("commands", dict[str, Command])


class Connection:
    """One signed-in or signing-in socket and the context in which its commands run."""

    def __init__(self, request: web.Request, response: web.WebSocketResponse) -> None:
        app = request.app
        settings = app[SETTINGS]
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        self.hub: Hub = app[HUB]
        self.commands = app[COMMANDS]
        self.floor = app[FLOOR]
        self.song_ends = app[SONG_ENDS]
        self.buckets: LocalBuckets = app[LOCAL_BUCKETS]
        self.shared_buckets = app[BUCKETS]
        self.places = app[PLACES]
        self.response = response
        self.socket = Socket(
            transport,
            messages_allowed=settings.socket_queue_messages,
            bytes_allowed=settings.socket_queue_bytes,
        )
        first = request[CTX]
        self.id = first.new_id()
        is_timed = self.floor.clock.round_trip_s is not None
        self.opened_at = first.now if is_timed else None
        """In the common time; None until this server knows it."""
        self.request_id, self.ip_address, self.user_agent = (
            first.request_id,
            first.ip_address,
            first.user_agent,
        )
        self.person: Person | None = first.person
        self.session: SessionRef | None = first.session
        self.socket.person_id = first.person.id if first.person else None
        self.socket.address = address_block(first.ip_address)
        self.sockets_per_person = settings.sockets_per_person
        self.rate: Rate = steering_rate(settings)
        self.frames: Rate = frames_rate(settings)
        self.share: Share | None = app[OPENING_SHARE]
        """What it may use of the database, and with whom: opening, with all who open a socket."""
        self._crowds = app[CROWDS]
        self.serial = 0
        self.warned_at = 0.0
        self.answering = asyncio.Lock()
        """Held while a command runs: what was carried out is answered before a restart closes the socket."""
        self.goodbye: asyncio.Future[None] | None = None
        """Set once somebody has asked for this socket to be closed."""

    async def listen(self, topic: str) -> None:
        await self.hub.listen(self.socket, topic)

    async def unlisten(self, topic: str) -> None:
        await self.hub.unlisten(self.socket, topic)

    def come_in(self) -> None:
        """Who asks for something has come in: from now on he waits with those who steer the same player."""
        self.share = self._crowds.share_of(self.person, self.session)

    def may_come(self) -> bool:
        """Count one frame of the session, whatever it is."""
        speaker = self.session.id if self.session else id(self)
        return self.buckets.take(f"frames:{speaker}", self.frames).allowed

    def refuse(self, code: int) -> None:
        """Close, and read nothing more: what a flood sends meanwhile stays in the kernel."""
        self.socket.close(code)
        self.socket.transport.pause_reading()

    def context(self) -> Context:
        """A fresh context for one command."""
        self.serial += 1
        return Context(
            self.floor,
            person=self.person,
            session=self.session,
            request_id=f"{self.request_id}.{self.serial}",
            ip_address=self.ip_address,
            user_agent=self.user_agent,
            listener=self,
            share=self.share,
        )

    def send(self, message: dict[str, Any], key: Hashable = None) -> None:
        """Queue one message for this socket alone."""
        if not self.socket.send_text(encode({"jsonrpc": "2.0", **message}), key):
            self.hub.keep_up(self.socket)
