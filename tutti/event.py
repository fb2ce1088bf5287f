"""What everyone hears: topics, the closed list of events, and the bytes that travel.

An event is kept until its transaction commits, encoded once, and published after the commit. The version
inside it is the truth's own: a lost message costs delay, never truth.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from tutti.record import Record, encode

R = TypeVar("R", bound=Record)


class Event(NamedTuple):
    """How an event behaves on its way to a socket."""

    newest_wins: bool
    """A newer one replaces an older one that still waits for a slow reader."""
    lasting: bool
    """It carries its topic's version, so that a listener can tell that he missed one."""


EVENTS: Final = {
    "player.state": Event(newest_wins=True, lasting=True),
    "queue.state": Event(newest_wins=True, lasting=False),
    "queue.changed": Event(newest_wins=False, lasting=True),
    "devices.changed": Event(newest_wins=True, lasting=True),
    "guests.changed": Event(newest_wins=True, lasting=True),
    "library.changed": Event(newest_wins=False, lasting=True),
    "upload.progress": Event(newest_wins=True, lasting=False),
    "session.changed": Event(newest_wins=True, lasting=True),
    "session.ended": Event(newest_wins=False, lasting=False),
    "device.taken": Event(newest_wins=False, lasting=False),
    "topic.changed": Event(newest_wins=True, lasting=False),
    "server.degraded": Event(newest_wins=True, lasting=False),
}
_PLAYER: Final = "player:"


def body(name: str) -> Callable[[type[R]], type[R]]:
    """Tag the Record that travels as the body of an event, so that the socket's document can show it."""
    if name not in EVENTS:
        raise ValueError(f"There is no event called {name}.")

    def tag(record: type[R]) -> type[R]:
        record.__tutti_event__ = name  # type: ignore[attr-defined]  # a tag, read by collect_bodies
        return record

    return tag


def collect_bodies(*modules: ModuleType) -> dict[str, type[Record]]:
    """The body of each event, by the event's name; raises ValueError when two claim one."""
    found: dict[str, type[Record]] = {}
    for record in (value for module in modules for value in vars(module).values()):
        name = vars(record).get("__tutti_event__") if isinstance(record, type) else None
        if name is not None and found.setdefault(name, record) is not record:
            raise ValueError(f"Two Records are tagged as {name}.")
    return found


def player(player_id: UUID) -> str:
    """All that concerns one player: its state, queue, devices and guests."""
    return f"{_PLAYER}{player_id}"


def player_of(topic: str) -> UUID | None:
    """Whose topic this is, if it is a player's."""
    kind, _, name = topic.partition(_PLAYER)
    return UUID(name) if name and not kind else None


def person(person_id: UUID) -> str:
    """What only one person hears, on all his devices."""
    return f"person:{person_id}"


def session(session_id: UUID) -> str:
    """What only one signed-in session hears; its end is announced here."""
    return f"session:{session_id}"


def audience(name: str) -> str:
    """Everybody who may hear a thing: "public", "members", "user:<id>"."""
    return f"audience:{name}"


class News(NamedTuple):
    """One announcement, waiting for its commit."""

    topic: str
    event: str
    body: Record | dict[str, Any]
    version: int | None
    key: str

    @property
    def needs_version(self) -> bool:
        return self.version is None and EVENTS[self.event].lasting


class Heard(NamedTuple):
    """One announcement as it arrives from Redis: what the hub needs to know, and the text frame's bytes."""

    topic: str
    event: str
    version: int
    key: str
    text: bytes


def notification(method: str, params: Record | dict[str, Any]) -> bytes:
    """A JSON-RPC 2.0 notification."""
    return encode({"jsonrpc": "2.0", "method": method, "params": params})


def packed(news: News, version: int) -> bytes:
    """The message for Redis: one line for the hub, then the JSON that every socket gets unchanged."""
    body = news.body if isinstance(news.body, dict) else _members(news.body)
    params = {"topic": news.topic, "version": version, **body} if version else {"topic": news.topic, **body}
    return f"{news.event} {version} {news.key}\n".encode() + notification(news.event, params)


def together(messages: Sequence[bytes]) -> bytes:
    """Messages of one commit and topic as one: what carries one version arrives, or is lost, as a whole."""
    return messages[0] if len(messages) == 1 else b"%d\n" % len(messages) + b"\n".join(messages)


def unpacked(topic: str, message: bytes) -> list[Heard]:
    """The inverse of `packed` and `together`; raises ValueError."""
    head, _, rest = message.partition(b"\n")
    lines = rest.split(b"\n") if head.isdigit() else [head, rest]
    return [_heard(topic, *pair) for pair in zip(lines[::2], lines[1::2], strict=True)]


def _heard(topic: str, head: bytes, text: bytes) -> Heard:
    event, version, key = head.decode().split(" ", 2)
    return Heard(topic, event, int(version), key, text)


def versions_needed(news: Sequence[News]) -> list[str]:
    """The topics whose version this commit must raise; sorted, so that two commits lock them in one order."""
    return sorted({item.topic for item in news if item.needs_version})


def _members(record: Record) -> dict[str, Any]:
    return {
        encoded: getattr(record, name)
        for name, encoded in zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)
    }
