"""What identity tells a person's devices about his sessions."""

from typing import Literal
from uuid import UUID

from tutti import event
from tutti.record import Record

Because = Literal["signed_out", "ended", "password_changed", "put_out", "token_reused"]


@event.body("session.changed")
class SessionsChanged(Record):
    """The list of my sessions is another one now; `session.list` tells it."""


@event.body("device.taken")
class DeviceTaken(Record):
    """Another socket speaks for my device now: the newest. Every older one closes with 4505 after this.

    The socket that has taken the place hears it too, and stays.
    """

    device_id: UUID


@event.body("session.ended")
class SessionEnded(Record):
    """The last words on a socket: it closes with 4500, and its session will not come back."""

    session_id: UUID
    reason: Because
