"""python -m workers: does jobs. Every @job is a Dramatiq actor; all of a process share one event loop."""

import asyncio
import signal
import sys
import threading
from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import UUID

import dramatiq
import structlog
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO

from tutti import confinement
from tutti.floor import open_floor
from tutti.job import Job
from tutti.log import set_up_log
from tutti.schema_version import EXIT_CODE, WrongSchema
from tutti.settings import BadSetting, Settings, read_settings
from tutti.slices import JOBS
from workers.broker import WORKER_TIMEOUT_MS, open_broker
from workers.running import Runner

GRACE_S: Final = 60
"""A job that runs at SIGTERM gets this long; then it is handed back (F25)."""
LIMITS: Final = {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "10min"}
"""Jobs may ask more of PostgreSQL than requests, and one waits inside a transaction while S3 copies."""
log = structlog.get_logger()


class OpenFloor(dramatiq.Middleware):
    """Opens what jobs stand on, on the loop that runs them, before the first message and until the last."""

    def __init__(self, settings: Settings, jobs: dict[str, Job]) -> None:
        self.settings = settings
        self.jobs = jobs
        self.runner: Runner | None = None
        self._stack = AsyncExitStack()

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        """Once the loop runs."""
        _on_loop(self._open())

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Before the loop stops."""
        _on_loop(self._stack.aclose())

    def hand_back(self) -> None:
        """Cancel what still runs."""
        loop = get_event_loop_thread()
        if loop is not None and self.runner is not None:
            loop.loop.call_soon_threadsafe(self.runner.stop)

    async def _open(self) -> None:
        floor = await self._stack.enter_async_context(open_floor(self.settings, limits=LIMITS))
        self.runner = Runner(floor, self.jobs, lease_s=self.settings.job_lease_s)
        await confinement.walls(self.settings)


def make_actors(broker: RedisBroker, jobs: dict[str, Job], opened: OpenFloor) -> None:
    """One actor per job; its message holds nothing but the row's id."""

    async def run(job_id: str) -> None:
        assert opened.runner is not None  # noqa: S101  # opened before the first message
        await opened.runner.run(UUID(job_id))

    for job in jobs.values():
        dramatiq.actor(actor_name=job.name, queue_name=job.queue, broker=broker)(run)


def _on_loop(work: Any) -> None:
    loop = get_event_loop_thread()
    assert loop is not None  # noqa: S101  # AsyncIO stands before us in the list of middleware
    loop.run_coroutine(work)


def work(settings: Settings, jobs: dict[str, Job], stopping: threading.Event) -> None:
    """Do jobs until it is time to stop; then finish, or hand back, what runs."""
    opened = OpenFloor(settings, jobs)
    broker = open_broker(settings, [AsyncIO(), opened])
    make_actors(broker, jobs, opened)
    worker = dramatiq.Worker(broker, worker_timeout=WORKER_TIMEOUT_MS, worker_threads=settings.worker_threads)
    worker.start()
    log.info("worker is ready", jobs=len(jobs), threads=settings.worker_threads)
    stopping.wait()
    last_call = threading.Timer(GRACE_S, opened.hand_back)
    last_call.start()
    worker.stop(timeout=(GRACE_S + 10) * 1000)
    last_call.cancel()
    broker.close()


async def check_tables(settings: Settings) -> None:
    """Before Dramatiq starts, which only logs what goes wrong in its start. Raises WrongSchema."""
    async with open_floor(settings):
        return


def main() -> int:
    """Run until SIGTERM or Ctrl-C; answers the exit code."""
    try:
        settings = read_settings()
    except BadSetting as bad:
        sys.stderr.write(f"{bad}\n")
        return 2
    set_up_log(settings)
    asyncio.set_event_loop_policy(None)
    try:
        asyncio.run(check_tables(settings))
    except WrongSchema as wrong:
        sys.stderr.write(f"{wrong}\n")
        return EXIT_CODE
    stopping = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.set())
    work(settings, JOBS, stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
