"""Whether the event loop still turns: a process that hangs is taken out of service, then ended (F24)."""

import asyncio
import os
import sys
from threading import Event, Thread
from time import monotonic
from typing import Self

TICK_S = 0.25
LAGS_ABOVE_S = 1
REMEMBERED_S = 5
HANGS_AFTER_S = 30
EXIT_CODE = 75


class LoopLag:
    """How late the loop comes to what was due; `lags` takes a server out of the balancer's list."""

    def __init__(self) -> None:
        self.turned_at = monotonic()
        self._lagged_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def lags(self) -> bool:
        """More than a second late within the last five."""
        return self._lagged_at is not None and monotonic() - self._lagged_at < REMEMBERED_S

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._tick(), name="loop lag")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            self.turned_at = monotonic()
            await asyncio.sleep(TICK_S)
            now = monotonic()
            if now - self.turned_at - TICK_S > LAGS_ABOVE_S:
                self._lagged_at = now


class Watchdog(Thread):
    """Ends this process when its loop has not turned for 30 s: whoever runs it starts it again.

    Only seconds in which this thread itself was running count: a machine that slept is no loop that hangs.
    """

    def __init__(self, lag: LoopLag, *, hangs_after_s: float = HANGS_AFTER_S) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._lag = lag
        self._hangs_after_s = hangs_after_s
        self._stopping = Event()

    def run(self) -> None:
        hung_s, last = 0.0, self._lag.turned_at
        while not self._stopping.wait(TICK_S):
            turned = self._lag.turned_at
            hung_s = hung_s + TICK_S if turned == last else 0.0
            last = turned
            if hung_s > self._hangs_after_s:
                sys.stderr.write(f"The event loop has not turned for {hung_s:.0f} s; this process ends.\n")
                sys.stderr.flush()
                os._exit(EXIT_CODE)

    def stop(self) -> None:
        self._stopping.set()
