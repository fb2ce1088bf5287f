"""From rows to the broker: what is due is sent at once, what got lost is sent again.

PostgreSQL wakes it (LISTEN); a look every second is the net below. Of all relays that run, one leads. It
sends first and marks afterwards: dying in between means sending twice, and the claim lets one through (F29).
"""

import asyncio
import sys
from collections.abc import Sequence
from time import monotonic
from typing import Final
from uuid import UUID

import asyncpg
import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker

from tutti.context import Context, Floor
from tutti.database import queries
from tutti.floor import open_floor
from tutti.job import Job
from tutti.log import set_up_log
from tutti.record import Record
from tutti.settings import read_settings
from tutti.slices import JOBS
from workers.broker import declare, open_broker
from workers.leading import TROUBLE, Lead, leading, run, stopped_by_signal

LOOK_EVERY_S: Final = 1.0
AFTER_TROUBLE_S: Final = 1.0
MOST_IN_FLIGHT: Final = 64
"""Per queue. The rest waits in PostgreSQL, where the urgent overtake; so a lost Redis loses little work."""
LOST_AFTER_S: Final = 5
log = structlog.get_logger()
sql = queries(__file__)


class Due(Record):
    """A job to send."""

    id: UUID
    name: str
    queue: str


class Relay:
    """Moves ids from `jobs` to the broker."""

    def __init__(self, floor: Floor, broker: RedisBroker, jobs: dict[str, Job]) -> None:
        self.floor = floor
        self.broker = broker
        self.jobs = jobs
        declare(broker, (job.queue for job in jobs.values()))

    async def send_due(self) -> int:
        """Send what is due, as far as each queue has room; how many that were."""
        ctx = Context(self.floor)
        names, queues_of_names = list(self.jobs), [job.queue for job in self.jobs.values()]
        async with ctx.transaction():
            due = await ctx.db.all(sql.due, Due, names=names, queues=queues_of_names, most=MOST_IN_FLIGHT)
        if due:
            await asyncio.to_thread(self._send, due)
            async with ctx.transaction():
                await ctx.db.run(sql.mark_sent, ids=[each.id for each in due])
        return len(due)

    async def sweep(self) -> None:
        """Take back what a silent worker holds; send again what the broker should have handed out by now."""
        ctx = Context(self.floor)
        async with ctx.transaction():
            silent = await ctx.db.all(sql.silent, UUID)
        for job_id in silent:
            await self._take_back(job_id)
        for queue in {job.queue for job in self.jobs.values()}:
            await self._look_for_lost(queue)

    async def next_due_in(self) -> float | None:
        """Seconds until a waiting job's time comes."""
        ctx = Context(self.floor)
        async with ctx.transaction():
            seconds: float | None = await ctx.db.value(sql.next_due_in)
        return seconds

    def _send(self, due: Sequence[Due]) -> None:
        for each in due:
            message: dramatiq.Message[None] = dramatiq.Message(
                queue_name=each.queue, actor_name=each.name, args=(str(each.id),), kwargs={}, options={}
            )
            self.broker.enqueue(message)

    async def _take_back(self, job_id: UUID) -> None:
        ctx = Context(self.floor)
        try:
            async with ctx.transaction():
                await ctx.db.run(sql.take_back, id=job_id)
        except asyncpg.UniqueViolationError:
            async with ctx.transaction():
                await ctx.db.run(sql.supersede, id=job_id)

    async def _look_for_lost(self, queue: str) -> None:
        """Redis may have lost its last second, or everything: then it holds fewer than the rows say (F6)."""
        ctx = Context(self.floor)
        names = [job.name for job in self.jobs.values() if job.queue == queue]
        async with ctx.transaction():
            old = await ctx.db.all(sql.sent_long_ago, UUID, names=names, patience_s=LOST_AFTER_S)
        if not old or await asyncio.to_thread(self._held, queue) >= len(old):
            return
        async with ctx.transaction():
            await ctx.db.run(sql.resend, ids=old)
        log.warning("the broker lost jobs; they are sent again", queue=queue, count=len(old))

    def _held(self, queue: str) -> int:
        """Messages that the broker holds for a queue, those in the hands of workers too."""
        return int(self.broker.do_qsize(queue))


async def relay(floor: Floor, broker: RedisBroker, jobs: dict[str, Job], stopping: asyncio.Event) -> None:
    """Lead and send until it is time to stop; trouble with either side is waited out."""
    moving = Relay(floor, broker, jobs)
    while not stopping.is_set():
        try:
            async with leading(floor.settings, "relay", stopping, channel="jobs") as lead:
                while lead.goes_on:
                    await _round(moving, lead)
        except (*TROUBLE, redis.RedisError) as trouble:
            log.warning("relay waits", trouble=repr(trouble))
            await asyncio.sleep(AFTER_TROUBLE_S)


async def _round(moving: Relay, lead: Lead) -> None:
    """Sweep, then send whenever woken, until it is time to look around again."""
    await moving.sweep()
    look_again = monotonic() + LOOK_EVERY_S
    while lead.goes_on and (left := look_again - monotonic()) > 0:
        while await moving.send_due():
            pass
        soon = await moving.next_due_in()
        await lead.rest(left if soon is None else min(left, max(soon, 0.001)))


async def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    settings = read_settings()
    set_up_log(settings)
    async with open_floor(settings) as floor:
        await relay(floor, open_broker(settings), JOBS, stopped_by_signal())


if __name__ == "__main__":
    sys.exit(run(main))
