"""The clock: enqueues each periodic job when its time has come. Of all clocks that run, one leads."""

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Final

import structlog

from tutti.context import Context, Floor
from tutti.database import queries
from tutti.floor import open_floor
from tutti.job import Job
from tutti.log import set_up_log
from tutti.settings import read_settings
from tutti.slices import JOBS
from workers.leading import TROUBLE, leading, run, stopped_by_signal

LOOK_EVERY_S: Final = 10
AFTER_TROUBLE_S: Final = 1.0
log = structlog.get_logger()
sql = queries(__file__)


def is_due(every_s: int, last: datetime | None, now: datetime) -> bool:
    """Whether a periodic job that was last enqueued then (None: never) is due again."""
    return last is None or now - last >= timedelta(seconds=every_s)


async def enqueue_due(floor: Floor, jobs: dict[str, Job]) -> list[str]:
    """Enqueue the periodic jobs whose time has come; their names. One that still waits is not doubled."""
    names: list[str] = []
    for job in jobs.values():
        if job.every_s is None:
            continue
        ctx = Context(floor)
        async with ctx.transaction():
            last = await ctx.db.value(sql.last_enqueued, name=job.name)
            if is_due(job.every_s, last, ctx.now):
                ctx.enqueue(job.name, unique_key=job.name)
                names.append(job.name)
    return names


async def forget_old(floor: Floor) -> None:
    """Finished rows are kept for a while only."""
    ctx = Context(floor)
    async with ctx.transaction():
        await ctx.db.run(sql.forget_old)


async def schedule(floor: Floor, jobs: dict[str, Job], stopping: asyncio.Event) -> None:
    """Lead and look until it is time to stop."""
    while not stopping.is_set():
        try:
            async with leading(floor.settings, "clock", stopping) as lead:
                while lead.goes_on:
                    await enqueue_due(floor, jobs)
                    await forget_old(floor)
                    await lead.rest(LOOK_EVERY_S)
        except TROUBLE as trouble:
            log.warning("clock waits", trouble=repr(trouble))
            await asyncio.sleep(AFTER_TROUBLE_S)


async def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    settings = read_settings()
    set_up_log(settings)
    async with open_floor(settings) as floor:
        await schedule(floor, JOBS, stopped_by_signal())


if __name__ == "__main__":
    sys.exit(run(main))
