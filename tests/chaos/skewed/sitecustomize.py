"""Python imports this at the start of a server on PYTHONPATH: its wall clock is then SKEW_S seconds off.

At SIGUSR1 it jumps by JUMP_S, and at the next one back.
"""

import os
import signal
import time
from datetime import datetime, timedelta, tzinfo
from types import FrameType
from typing import Self

import jwt.api_jwt

import tutti.clock

SKEW_S = float(os.environ["SKEW_S"])
JUMP_S = float(os.environ.get("JUMP_S", "0"))
_time = time.time
_skew_s = SKEW_S


class WrongTime(datetime):
    """A datetime whose now() is a wrong clock's; a stored or received one is what it is."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        wrong: Self = datetime.now(tz) + timedelta(seconds=_skew_s)  # type: ignore[assignment]  # a plain one
        return wrong

    @classmethod
    def fromtimestamp(cls, timestamp: float, tz: tzinfo | None = None) -> Self:
        """A plain one: what is computed is not wrong, and only a plain one can be encoded."""
        plain: Self = datetime.fromtimestamp(timestamp, tz)  # type: ignore[assignment]  # a plain one
        return plain


def jump(_sign: int, _frame: FrameType | None) -> None:
    global _skew_s  # noqa: PLW0603  # a clock is one for the whole process
    _skew_s = SKEW_S + JUMP_S if _skew_s == SKEW_S else SKEW_S


signal.signal(signal.SIGUSR1, jump)
time.time = lambda: _time() + _skew_s
tutti.clock.datetime = WrongTime  # type: ignore[attr-defined]  # in the place of the name it imported
jwt.api_jwt.datetime = WrongTime  # type: ignore[attr-defined]  # the same
