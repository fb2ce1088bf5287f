"""This process's sockets by topic, and the one Redis subscription that feeds them.

An event is one frame for everybody: it is built once and the same bytes go to every transport. Redis may
lose a message; so the hub knows which version it last delivered of each topic, compares it with
PostgreSQL's every two seconds, and tells the listeners of a topic that fell behind.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from uuid import UUID

import structlog

from server.census import Census
from server.fan_out import FanOut
from server.frames import text_frame
from server.listeners import Listeners
from server.socket import SIGNED_OUT, SILENT, Socket
from server.subscription import Subscription
from tutti import event
from tutti.event import EVENTS, Heard
from tutti.record import Record
from tutti.settings import Settings
from tutti.wire import Part

PING_AFTER_S = 25
DEAD_AFTER_S = 75
log = structlog.get_logger()


class Hub:
    """Topics → sockets of this process."""

    def __init__(self, settings: Settings) -> None:
        self._subscription = Subscription(settings, self._deliver_safely)
        self._fan_out = FanOut()
        self._listeners: dict[str, Listeners] = {}
        self._watchers: dict[UUID, set[asyncio.Event]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.census = Census()
        self._everybody = Listeners()
        self.sockets: set[Socket] = set()
        self._empty = asyncio.Event()
        self.delivered: dict[str, int] = {}
        """The newest version of each listened topic that went out from here."""
        self.heard: list[Callable[[Heard], None]] = []
        """Called with every event that arrives: who keeps a timer on the player's state, for example."""
        self.on_reconnect = self._subscription.on_reconnect
        self.degraded: list[Part] = []
        """The parts that are away, as everybody here was told; who comes later is told too."""
        self.deliveries = 0

    @property
    def is_connected(self) -> bool:
        """Whether Redis is heard, as far as we know."""
        return self._subscription.is_connected

    async def start(self) -> None:
        """Begin to hear Redis and to look after the sockets."""
        self._fan_out.start()
        self._tasks = [
            asyncio.create_task(self._subscription.run(), name="hub: hear"),
            asyncio.create_task(self._look_after(), name="hub: look after"),
            asyncio.create_task(self._fan_out.sweep(), name="hub: sweep"),
        ]

    async def stop(self) -> None:
        """Stop hearing; the sockets are closed by who owns them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fan_out.stop()

    def add(self, socket: Socket) -> None:
        self._fan_out.welcome(socket, lambda: self.hush(socket))
        self._everybody.add(socket)
        self.sockets.add(socket)
        self.census.note(socket)

    def hush(self, socket: Socket) -> None:
        """No more news for a socket that is closing or lost; what it listened to is kept until `remove`."""
        self._everybody.discard(socket)
        for topic in socket.topics:
            if listeners := self._listeners.get(topic):
                listeners.discard(socket)

    async def remove(self, socket: Socket) -> None:
        """Forget a socket and every topic that only it listened to."""
        self.sockets.discard(socket)
        self.census.forget(socket)
        if not self.sockets:
            self._empty.set()
        self.hush(socket)
        self._fan_out.forget(socket)
        for topic in list(socket.topics):
            await self.unlisten(socket, topic)

    async def emptied(self, within_s: float) -> None:
        """Wait until the last socket has gone, for so long at most."""
        self._empty.clear()
        if self.sockets:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), within_s)

    async def listen(self, socket: Socket, topic: str) -> None:
        """Add a listener; returns once Redis has confirmed, or after 2 s without Redis (versions heal)."""
        if socket not in self._everybody:
            return  # it has gone meanwhile
        socket.topics.add(topic)
        self._listeners.setdefault(topic, Listeners()).add(socket)
        await self._subscription.add(topic)

    async def unlisten(self, socket: Socket, topic: str) -> None:
        socket.topics.discard(topic)
        if listeners := self._listeners.get(topic):
            listeners.discard(socket)
        await self._forget_if_unheard(topic)

    async def watch_session(self, session_id: UUID) -> asyncio.Event:
        """Set when the session ends, for running streams; give it back by `unwatch_session`."""
        ended = asyncio.Event()
        self._watchers.setdefault(session_id, set()).add(ended)
        await self._subscription.add(event.session(session_id))
        return ended

    async def unwatch_session(self, session_id: UUID, ended: asyncio.Event) -> None:
        watchers = self._watchers.get(session_id, set())
        watchers.discard(ended)
        if not watchers:
            self._watchers.pop(session_id, None)
            await self._forget_if_unheard(event.session(session_id))

    def topics(self) -> list[str]:
        """Every topic somebody here listens to."""
        return list(self._listeners)

    def is_heard(self, topic: str) -> bool:
        """Whether somebody here listens to it."""
        return bool(self._listeners.get(topic))

    def sessions(self) -> set[UUID]:
        """Every session with a socket or a stream here."""
        return {each.session_id for each in self.sockets if each.session_id} | set(self._watchers)

    def deliver(self, heard: Heard) -> None:
        """Write one event to every listener of its topic; never waits."""
        if heard.event == "session.ended":
            self.end_session(UUID(heard.topic.partition(":")[2]), heard.text)
            return
        if heard.version > self.delivered.get(heard.topic, 0):
            self.delivered[heard.topic] = heard.version
        listeners = self._listeners.get(heard.topic)
        if listeners:
            key = (heard.topic, heard.event, heard.key) if EVENTS[heard.event].newest_wins else None
            self._write(listeners, text_frame(heard.text), key, heard.version)
        for tell in self.heard:
            tell(heard)

    def broadcast(self, name: str, params: Record) -> None:
        """Tell every socket of this process."""
        self._write(self._everybody, text_frame(event.notification(name, params)), (name,))

    def say(self, topic: str, name: str, params: Record) -> None:
        """Tell this process's listeners of one topic."""
        if listeners := self._listeners.get(topic):
            self._write(listeners, text_frame(event.notification(name, params)), (topic, name))

    def end_session(self, session_id: UUID, last_words: bytes = b"") -> None:
        """Close the sockets and streams of a session here, with 4500: do not come back (R12)."""
        for socket in [each for each in self.sockets if each.session_id == session_id]:
            if last_words:
                socket.send_text(last_words)
            socket.close(SIGNED_OUT)
        for ended in self._watchers.get(session_id, ()):
            ended.set()

    def _write(
        self, listeners: Listeners, frame: bytes, key: tuple[str, ...] | None, version: int = 0
    ) -> None:
        self.deliveries += len(listeners)
        self._fan_out.write(listeners, frame, key, version)

    def keep_up(self, socket: Socket) -> None:
        """A frame of this socket had to wait: write it as soon as its transport takes more."""
        self._fan_out.keep_up(socket)

    async def _look_after(self) -> None:
        """Ping the quiet, close the dead; one round a second for all sockets."""
        while True:
            await asyncio.sleep(1)
            now = monotonic()
            for socket in list(self.sockets):
                if now - socket.last_heard > DEAD_AFTER_S:
                    socket.close(SILENT)
                elif now - max(socket.last_heard, socket.last_sent) > PING_AFTER_S:
                    socket.last_sent = now
                    socket.ping()

    async def _forget_if_unheard(self, topic: str) -> None:
        if self.is_heard(topic) or self._is_watched(topic):
            return
        self._listeners.pop(topic, None)
        self.delivered.pop(topic, None)
        await self._subscription.discard(topic)

    def _is_watched(self, topic: str) -> bool:
        kind, _, name = topic.partition(":")
        return kind == "session" and UUID(name) in self._watchers

    def _deliver_safely(self, topic: str, data: bytes) -> None:
        try:
            for heard in event.unpacked(topic, data):
                self.deliver(heard)
        except (ValueError, KeyError) as error:
            log.warning("a message on redis cannot be read", topic=topic, error=repr(error))
