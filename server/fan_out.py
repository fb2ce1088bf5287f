"""One frame to many sockets: all at once where the kernel can, else one by one; later where a reader lags.

Past its transport a frame may go only while that holds nothing: a socket whose transport was written to is in
`_written` until a round finds that empty. A descriptor may be written to only while it is its connection's: a
socket gets an entry only if its connection says that it is lost before it closes the descriptor.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable
from typing import Protocol, runtime_checkable

from server.listeners import Listeners
from server.ring import LARGEST_FRAME, Ring, open_ring, plain_descriptor
from server.socket import TOO_SLOW, Socket

SWEEP_S = 0.025
WORTH_A_RING = 8
"""Below so many sockets one write each is cheaper than one system call for all."""


@runtime_checkable
class TellsItsEnd(Protocol):
    """A connection that calls `on_lost` before its descriptor is closed, and may be another's."""

    on_lost: Callable[[], None] | None


class FanOut:
    """Writes to sockets and never waits for one."""

    def __init__(self) -> None:
        self._ring: Ring | None = None
        """Not on every system; then each transport writes for itself."""
        self._written: set[Socket] = set()
        """Their transports were written to, and may hold something still."""
        self._lagging: set[Socket] = set()
        self._somebody_lags = asyncio.Event()

    def start(self) -> None:
        self._ring = open_ring()

    def stop(self) -> None:
        """From now on every transport writes for itself."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def welcome(self, socket: Socket, on_lost: Callable[[], None]) -> None:
        """Before its first frame. `on_lost` must take the socket out of all its listeners."""
        self._written.add(socket)
        socket.written = self._written
        connection, descriptor = socket.transport.get_protocol(), plain_descriptor(socket.transport)
        if self._ring is not None and descriptor is not None and isinstance(connection, TellsItsEnd):
            connection.on_lost = on_lost
            socket.entry = self._ring.entry(descriptor)

    def forget(self, socket: Socket) -> None:
        """Nothing more will be written to it."""
        self._lagging.discard(socket)
        self._written.discard(socket)
        socket.drop_backlog()

    def write(
        self, listeners: Listeners, frame: bytes, key: tuple[str, ...] | None, version: int = 0
    ) -> None:
        """Every listener gets the frame now, or when it reads again: then only the newest of its key."""
        if self._ring is None or len(listeners) < WORTH_A_RING or len(frame) > LARGEST_FRAME:
            self._write_one_by_one(listeners, frame, key, version)
            return
        sockets, entries = listeners.at_once(self._busy())
        if len(sockets) < len(listeners):
            self._write_one_by_one((each for each in listeners if each not in sockets), frame, key, version)
        unfinished = self._ring.send(entries, frame)
        if unfinished:
            self._finish(list(sockets), unfinished, frame, key, version)

    def keep_up(self, socket: Socket) -> None:
        """A frame of this socket had to wait: write it as soon as its transport takes more."""
        self._lagging.add(socket)
        self._somebody_lags.set()

    async def sweep(self) -> None:
        """The one writer for all sockets that lag: writes what waits, closes who stays too slow."""
        while True:
            await self._somebody_lags.wait()
            await asyncio.sleep(SWEEP_S)
            for socket in list(self._lagging):
                if socket.flush():
                    self._lagging.discard(socket)
                elif socket.is_too_slow():
                    self._lagging.discard(socket)
                    socket.close(TOO_SLOW)
            if not self._lagging:
                self._somebody_lags.clear()

    def _busy(self) -> set[Socket]:
        """Those with anything in the way of a frame."""
        sent = [each for each in self._written if not each.transport.get_write_buffer_size()]
        self._written.difference_update(sent)
        return self._written | self._lagging

    def _write_one_by_one(self, sockets: Iterable[Socket], frame: bytes, key: Hashable, version: int) -> None:
        for socket in sockets:
            if not socket.send(frame, key, version):
                self.keep_up(socket)

    def _finish(
        self,
        sockets: list[Socket],
        unfinished: list[tuple[int, int]],
        frame: bytes,
        key: Hashable,
        version: int,
    ) -> None:
        """What the ring could not write; one that is broken is not asked again."""
        if self._ring is not None and self._ring.is_broken:
            self.stop()
        for place, result in unfinished:
            if not sockets[place].went_out(result, frame, key, version):
                self.keep_up(sockets[place])
