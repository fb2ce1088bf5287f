"""How many sockets are open here by person, address and session, known without counting them each time."""

from collections import Counter
from collections.abc import Hashable
from uuid import UUID

from server.socket import Socket


class Census:
    """Ten thousand sockets that go at once ask ten thousand times who is left."""

    def __init__(self) -> None:
        self._keys: dict[Socket, tuple[Hashable, ...]] = {}
        self._counts: Counter[Hashable] = Counter()

    def note(self, socket: Socket) -> None:
        """Count a socket, or count it anew: it has signed in since."""
        self.forget(socket)
        whose = ("address", socket.address) if socket.person_id is None else ("person", socket.person_id)
        keys = whose, ("session", socket.session_id)
        self._keys[socket] = keys
        self._counts.update(keys)

    def forget(self, socket: Socket) -> None:
        for key in self._keys.pop(socket, ()):
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]

    def of_person(self, person_id: UUID) -> int:
        """Those that are still being greeted among them."""
        return self._counts["person", person_id]

    def of_session(self, session_id: UUID) -> int:
        return self._counts["session", session_id]

    def strangers_from(self, address: str) -> int:
        """Without sign-in."""
        return self._counts["address", address]
