"""One frame to many sockets: all at once where the kernel can, else one by one; later where a reader lags."""

import asyncio
from collections.abc import Callable, Hashable, Iterable

from server.ring import LARGEST_FRAME, Ring, open_ring, plain_descriptor
from server.socket import TOO_SLOW, Socket

SWEEP_S = 0.025
WORTH_A_RING = 8
"""Below so many sockets one write each is cheaper than one system call for all."""

Way = tuple[bytes, Callable[[], int], Callable[[], bool]]
"""How a frame gets to a socket past its transport: the entry in the ring, and what must be false for that:
how many bytes its transport holds, and whether it is closing."""
Listeners = dict[Socket, Way]


class FanOut:
    """Writes to sockets and never waits for one."""

    def __init__(self) -> None:
        self._ring: Ring | None = None
        """Not on every system; then each transport writes for itself."""
        self._lagging: set[Socket] = set()
        self._somebody_lags = asyncio.Event()

    def start(self) -> None:
        self._ring = open_ring()

    def stop(self) -> None:
        """From now on every transport writes for itself."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def way_to(self, socket: Socket) -> Way:
        """To be kept with a listener, so that a fan-out need not look at the socket itself."""
        transport = socket.transport
        descriptor = plain_descriptor(transport)
        if self._ring is None or descriptor is None:
            return b"", _always, transport.is_closing
        return self._ring.entry(descriptor), transport.get_write_buffer_size, transport.is_closing

    def write(
        self, listeners: Listeners, frame: bytes, key: tuple[str, ...] | None, version: int = 0
    ) -> None:
        """Every listener gets the frame now, or when it reads again: then only the newest of its key."""
        if self._ring is None or len(listeners) < WORTH_A_RING or len(frame) > LARGEST_FRAME:
            self._write_one_by_one(listeners, frame, key, version)
            return
        idle = (
            {each: listeners[each] for each in listeners.keys() - self._lagging}
            if self._lagging
            else listeners
        )
        entries = [entry for entry, held, is_closing in idle.values() if not held() and not is_closing()]
        if len(entries) < len(listeners):
            idle = {each: way for each, way in idle.items() if not way[1]() and not way[2]()}
            self._write_one_by_one(listeners.keys() - idle.keys(), frame, key, version)
        unfinished = self._ring.send(entries, frame)
        if unfinished:
            self._finish(list(idle), unfinished, frame, key, version)

    def keep_up(self, socket: Socket) -> None:
        """A frame of this socket had to wait: write it as soon as its transport takes more."""
        self._lagging.add(socket)
        self._somebody_lags.set()

    def forget(self, socket: Socket) -> None:
        """Nothing more will be written to it."""
        self._lagging.discard(socket)
        socket.drop_backlog()

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


def _always() -> int:
    """Of a socket whose transport alone may write: there is always something in the way."""
    return 1
