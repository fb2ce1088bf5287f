"""What the server itself says and takes on a socket, beside the commands and the events of the slices."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from tutti import event
from tutti.command import Command
from tutti.record import Record
from tutti.schema import Doc, doc_of

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
    rights: tuple[Literal["see", "add", "control", "volume"], ...]
    """What this person may do at that player: see it, add to its queue, steer it (play and pause, move and
    remove songs, choose devices), set how loud it is. All four at his own; they last as the session does."""
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


CLOSE_CODES: Final = {
    1002: "A frame of the client was not masked (RFC 6455).",
    1009: "A frame was larger than 64 KiB.",
    1012: "The server restarts. Come back after a random moment of up to five seconds.",
    4001: "The access token has expired. Come back with a new one.",
    4002: "Too many messages waited for too long: this reader is too slow.",
    4003: "Too many requests, and more of them after a warning; or a flood of frames. Come back, but slower.",
    4004: "Nothing was heard of this client any more, not even pongs.",
    4500: "Signed out, or put out. This credential does not count any more.",
    4501: "Something else than JSON-RPC in text frames.",
    4502: "No sign-in within 10 seconds, or one that does not count.",
    4503: "Signed in, but without the right to see a player: a guest whose rights were taken.",
    4504: "Too many sockets are open already.",
    4505: "Another socket speaks for this device now: the newer one takes the place of the older.",
}
"""Why a socket was closed. From 4500 on a client must not come back by itself; below it may."""

ERROR_CODES: Final = {
    -32700: "The frame is no JSON, names a member twice, or is nested too deeply.",
    -32600: "JSON, but no JSON-RPC 2.0 request. Batches are not taken.",
    -32601: "There is no such method on the socket.",
    -32602: "The parameters do not fit; `data.errors` names them.",
    -32603: "An error of ours; the log holds it under `data.instance`.",
    -32000: "The command was refused; `data.code` says why.",
}
"""JSON-RPC's codes. `data` is the same problem that HTTP would answer."""


SEARCHING: Final = ("search.find", "search.suggestions")
"""Public commands that are called while somebody types: on the socket too, though strangers have none."""


def is_spoken(command: Command) -> bool:
    """Whether a command is on the socket: every one that is not public, and search by name."""
    return not command.public or command.name in SEARCHING


class Request(NamedTuple):
    """One method that a client may call."""

    name: str
    doc: Doc
    parameters: type[Record]
    returns: Any

    @property
    def says_nothing(self) -> bool:
        """The answer is an empty object: it is done."""
        return self.returns is type(None)


def doc_of_command(command: Command) -> Doc:
    """What a command's docstring says, with its parameters named as they travel."""
    doc = doc_of(command.function)
    parameters = command.parameters
    for name, encoded in zip(parameters.__struct_fields__, parameters.__struct_encode_fields__, strict=True):
        doc = Doc(*(text.replace(f"`{name}`", f"`{encoded}`") for text in doc))
    return doc


def requests(commands: Mapping[str, Command]) -> list[Request]:
    """Every method by name, the two that are no commands among them."""
    told = [
        Request(each.name, doc_of_command(each), each.parameters, each.returns)
        for each in commands.values()
        if is_spoken(each)
    ]
    others = [
        Request("clock.ping", doc_of(Ping), Ping, Pong),
        Request("session.authenticate", doc_of(Authenticate), Authenticate, Authenticated),
    ]
    return sorted([*told, *others], key=lambda each: each.name)


def spoken(bodies: Mapping[str, type[Record]]) -> dict[str, type[Record]]:
    """Everything that is said without being asked: the greeting, then the events in their order."""
    return {"session.hello": Hello, **{name: bodies[name] for name in event.EVENTS}}
