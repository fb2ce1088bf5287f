"""Dramatiq on Redis, set up on purpose: it carries ids from the relay to a worker, and nothing else.

Attempts, retries, time limits and failures are kept in the rows of `jobs`, so none of Dramatiq's own
middleware for them is used.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tutti.settings import Settings

WORKER_TIMEOUT_MS: Final = 50
"""How often an idle worker looks: its default of a second adds a third of one to every upload."""
MAINTENANCE_CHANCE: Final = 100_000
"""Of a million commands, this many also look for dead workers: about twice a second per queue.

With Dramatiq's default of 1,000 the messages of a killed worker lay for more than seven minutes in a trial.
"""
HEARTBEAT_TIMEOUT_MS: Final = 10_000
"""A worker that has not looked for so long is dead. Wrongly so does no harm: the row's lease decides."""


def open_broker(settings: Settings, middleware: Sequence[dramatiq.Middleware] = ()) -> RedisBroker:
    """The broker of this process; its keys stand below the settings' namespace."""
    return RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it untyped
        url=settings.redis_url,
        middleware=list(middleware),
        namespace=f"{settings.redis_namespace}:jobs",
        maintenance_chance=MAINTENANCE_CHANCE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
    )


def declare(broker: RedisBroker, queues: Iterable[str]) -> None:
    """Make the queues known to this process."""
    for queue in sorted(set(queues)):
        broker.declare_queue(queue)
