"""The sockets of one topic, their entries for the ring laid behind one another."""

from collections.abc import Collection, Iterator, Set

from server.socket import Socket


class Listeners:
    """A fan-out that everybody can take at once need not touch a single socket, only these bytes."""

    __slots__ = ("_entries", "_laid", "_others")

    def __init__(self) -> None:
        self._entries: dict[Socket, bytes] = {}
        self._others: set[Socket] = set()
        self._laid: bytes | None = b""

    def __len__(self) -> int:
        return len(self._entries) + len(self._others)

    def __contains__(self, socket: object) -> bool:
        return socket in self._entries or socket in self._others

    def __iter__(self) -> Iterator[Socket]:
        yield from self._entries
        yield from self._others

    def add(self, socket: Socket) -> None:
        if socket.entry:
            self._entries[socket] = socket.entry
            self._laid = None
        else:
            self._others.add(socket)

    def discard(self, socket: Socket) -> None:
        if self._entries.pop(socket, None) is not None:
            self._laid = None
        self._others.discard(socket)

    def at_once(self, busy: Set[Socket]) -> tuple[Collection[Socket], bytes]:
        """Those with an entry that are not busy, and their entries in the same order."""
        if self._entries.keys().isdisjoint(busy):
            if self._laid is None:
                self._laid = b"".join(self._entries.values())
            return self._entries.keys(), self._laid
        idle = {each: entry for each, entry in self._entries.items() if each not in busy}
        return idle.keys(), b"".join(idle.values())
