"""A wall clock that is wrong: with this folder on PYTHONPATH a process sees it CLOCK_AHEAD_MS ahead.

Monotonic clocks stay as they are, as on a machine whose wall clock nobody sets.
"""

import ctypes
import gc
import os
import time
from datetime import UTC, datetime, timedelta, tzinfo

AHEAD_S = float(os.environ["CLOCK_AHEAD_MS"]) / 1000
true_time, true_time_ns, true_now = time.time, time.time_ns, datetime.now


def skewed_time() -> float:
    return true_time() + AHEAD_S


def skewed_time_ns() -> int:
    return true_time_ns() + round(AHEAD_S * 1e9)


def skewed_now(_cls: type[datetime], tz: tzinfo | None = None) -> datetime:
    return true_now(tz) + timedelta(seconds=AHEAD_S)


def skewed_utcnow(_cls: type[datetime]) -> datetime:
    return skewed_now(datetime, UTC).replace(tzinfo=None)


time.time, time.time_ns = skewed_time, skewed_time_ns
# The class is written in C, and a subclass would not be the type that drivers return: its own methods change.
methods = gc.get_referents(datetime.__dict__)[0]
methods["now"], methods["utcnow"] = classmethod(skewed_now), classmethod(skewed_utcnow)
ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))
