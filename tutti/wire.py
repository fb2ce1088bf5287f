"""What the server itself says and takes on a socket, beside the commands and the events of the slices."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from tutti import event
from tutti.record import Record

Part = Literal["database", "redis"]


class SocketUser(Record):
    """Who is signed in on this socket."""

    id: UUID
    name: str
    role: Literal["admin", "member", "guest"]


class Hello(Record):
    """The first message on every signed-in socket."""

    protocol: int
    """Raised when something changes that an older client cannot pass over."""
    session_id: UUID
    device_id: UUID | None
    """The device this session has registered; null before its first `device.register`."""
    player_id: UUID | None
    """The player a guest has joined; null for everybody else, whose own player follows in `player.state`."""
    server_time: datetime
    heartbeat_ms: int
    """After this long without a message the server sends a ping frame; it closes after three of silence."""
    user: SocketUser


class Authenticate(Record):
    """The first frame of a socket that was opened without cookie or bearer token, within 10 seconds."""

    ticket: str
    """From `POST /api/v1/auth/socket-ticket`; it counts once, for 30 seconds."""


class Authenticated(Record):
    """Nothing more to say: `session.hello` follows."""


class Ping(Record):
    """Ask what time it is. Four stamps give the offset and the round trip, as in NTP."""

    t0: float
    """The client's own clock when it sent this, in any unit it likes; it comes back unchanged."""


class Pong(Record):
    """The answer; the fourth stamp is the client's clock when this arrives."""

    t0: float
    t1: float
    """The common clock when the ping arrived: milliseconds since 1970, UTC."""
    t2: float
    """The common clock when this was sent."""


@event.body("topic.changed")
class TopicChanged(Record):
    """News of this topic were lost on the way: ask for its state anew."""

    topic: str
    version: int
    """The topic's version now."""


@event.body("server.degraded")
class ServerDegraded(Record):
    """Parts of the server that are away; an empty list when all is well again."""

    parts: list[Part]
