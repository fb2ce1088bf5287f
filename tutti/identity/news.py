"""What identity tells a person's devices about his sessions."""

from typing import Literal
from uuid import UUID

from tutti import event
from tutti.record import Record

Because = Literal["signed_out", "ended", "password_changed", "put_out", "token_reused"]


@event.body("session.changed")
class SessionsChanged(Record):
    """The list of my sessions is another one now; `session.list` tells it."""


@event.body("session.ended")
class SessionEnded(Record):
    """The last words on a socket: it closes with 4500, and its session will not come back."""

    session_id: UUID
    reason: Because
