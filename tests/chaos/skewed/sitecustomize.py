"""Python imports this at the start of a server on PYTHONPATH: its wall clock is then SKEW_S seconds off."""

import os
import time
from datetime import datetime, timedelta, tzinfo
from typing import Self

import jwt.api_jwt

import tutti.clock

SKEW_S = float(os.environ["SKEW_S"])
_time = time.time


class WrongTime(datetime):
    """A datetime whose now() is a wrong clock's; a stored or received one is what it is."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        wrong: Self = datetime.now(tz) + timedelta(seconds=SKEW_S)  # type: ignore[assignment]  # a plain one
        return wrong


time.time = lambda: _time() + SKEW_S
tutti.clock.datetime = WrongTime  # type: ignore[attr-defined]  # in the place of the name it imported
jwt.api_jwt.datetime = WrongTime  # type: ignore[attr-defined]  # the same
