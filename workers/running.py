"""One job from its row to its end: claim, lease, fence, and what becomes of a failure.

Whatever Redis or a process does, these rows are the truth. A job may start twice; only the worker that holds
the fence can commit, so it ends once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, get_type_hints
from uuid import UUID

import asyncpg
import msgspec
import structlog

from tutti.context import Context, Floor
from tutti.database import queries
from tutti.errors import Problem, Unavailable
from tutti.job import Job
from tutti.record import Record

LONGEST_WAIT_S: Final = 600
LONGEST_ERROR: Final = 2000
log = structlog.get_logger()
sql = queries(__file__)


class Claim(Record):
    """A job that is ours until its lease ends or somebody takes it over."""

    id: UUID
    name: str
    arguments: dict[str, Any]
    attempts: int
    fence: int
    request_id: str


class FencedOut(Exception):
    """Another worker has the job by now: nothing of this one may be committed (F19)."""


class JobContext(Context):
    """A context whose every commit checks that the job is still ours."""

    def __init__(self, floor: Floor, claim: Claim) -> None:
        super().__init__(floor, request_id=claim.request_id)
        self.claim = claim
        self._is_last = False

    async def finish(self) -> None:
        """Commit what is open, together with the word that the job is done."""
        self._is_last = True
        await self.connection()
        await self.commit()

    async def _before_commit(self) -> dict[str, int]:
        versions = await super()._before_commit()
        fence = {"id": self.claim.id, "fence": self.claim.fence}
        if self._is_last:
            is_ours = await self.db.run(sql.done, **fence) == 1
        else:
            is_ours = await self.db.value(sql.hold_fence, **fence) is not None
        if not is_ours:
            raise FencedOut
        return versions


class Runner:
    """Runs jobs on one event loop."""

    def __init__(self, floor: Floor, jobs: dict[str, Job], *, lease_s: float = 60) -> None:
        self.floor = floor
        self.jobs = jobs
        self.lease_s = lease_s
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run(self, job_id: UUID) -> None:
        """Do the job with this id, unless it is done, not due, or somebody else's."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we are in a coroutine
        self._running.add(task)
        try:
            claim = None if self._stopping else await self._claim(job_id)
            if claim is not None:
                await self._carry_out(claim)
        finally:
            self._running.discard(task)

    def stop(self) -> None:
        """Cancel what runs; each job is handed back for another worker."""
        self._stopping = True
        for task in self._running:
            task.cancel()

    async def _claim(self, job_id: UUID) -> Claim | None:
        ctx = Context(self.floor)
        async with ctx.transaction():
            return await ctx.db.one(sql.claim, Claim, id=job_id, lease_s=self.lease_s)

    async def _carry_out(self, claim: Claim) -> None:
        job = self.jobs.get(claim.name)
        if job is None:
            await self._give_up(claim, None, "This worker knows no such job.")
            return
        if claim.attempts > job.max_attempts:
            await self._give_up(claim, job, "Every attempt ended with the worker's own end.")
            return
        ctx = JobContext(self.floor, claim)
        try:
            async with asyncio.timeout(job.timeout_s), self._lease_renewed(claim):
                await job.function(ctx, **converted(job, claim.arguments))
                await ctx.finish()
        except FencedOut:
            await ctx.roll_back()
            log.warning("job was taken over", job=claim.name, id=str(claim.id), fence=claim.fence)
        except asyncio.CancelledError:
            await ctx.roll_back()
            await self._hand_back(claim)
            if not self._stopping:
                raise
        except Exception as error:  # noqa: BLE001  # every failure is written down and tried again
            await ctx.roll_back()
            await self._failed(claim, job, error)

    @asynccontextmanager
    async def _lease_renewed(self, claim: Claim) -> AsyncIterator[None]:
        """Renew the lease every third of it. A worker that learns that it was overtaken stops at once."""
        overtaken = asyncio.Event()
        working = asyncio.current_task()
        assert working is not None  # noqa: S101  # we are in a coroutine
        renewing = asyncio.create_task(self._renew(claim, working, overtaken))
        try:
            yield
        except asyncio.CancelledError:
            if overtaken.is_set():
                working.uncancel()
                raise FencedOut from None
            raise
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _renew(self, claim: Claim, working: "asyncio.Task[None]", overtaken: asyncio.Event) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 3)
            ctx = Context(self.floor)
            try:
                async with ctx.transaction():
                    held = await ctx.db.value(sql.renew, id=claim.id, fence=claim.fence, lease_s=self.lease_s)
            except Unavailable:
                continue  # the fence decides, when PostgreSQL is back
            if held is None:
                overtaken.set()
                working.cancel()
                return

    async def _failed(self, claim: Claim, job: Job, error: Exception) -> None:
        """Try again later, or never: a Problem that is not passing, or the last attempt."""
        log.warning("job failed", job=claim.name, id=str(claim.id), attempt=claim.attempts, exc_info=error)
        if claim.attempts >= job.max_attempts:
            await self._give_up(claim, job, described(error))
            return
        asked = error.retry_after if isinstance(error, Problem) and error.retry_after else 0
        await self._back(
            claim, sql.try_again, error=described(error), wait_s=max(asked, wait_s(claim.attempts))
        )

    async def _hand_back(self, claim: Claim) -> None:
        await self._back(claim, sql.hand_back)

    async def _back(self, claim: Claim, query: Any, **parameters: Any) -> None:
        """To the queue again; when the same waits there already (unique_key), this row has no more to do."""
        ctx = Context(self.floor)
        try:
            async with ctx.transaction():
                await ctx.db.run(query, id=claim.id, fence=claim.fence, **parameters)
                await ctx.db.run(sql.wake_relay)
        except asyncpg.UniqueViolationError:
            async with ctx.transaction():
                await ctx.db.run(sql.done, id=claim.id, fence=claim.fence)
        except Unavailable:
            log.warning("job waits for its lease to end", job=claim.name, id=str(claim.id))

    async def _give_up(self, claim: Claim, job: Job | None, reason: str) -> None:
        ctx = Context(self.floor, request_id=claim.request_id)
        async with ctx.transaction():
            is_ours = await ctx.db.value(sql.give_up, id=claim.id, fence=claim.fence, error=reason)
            if is_ours and job is not None and job.gave_up is not None:
                await job.gave_up(ctx, **converted(job, claim.arguments))
        log.error("job was given up", job=claim.name, id=str(claim.id), reason=reason)


def converted(job: Job, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the function's signature types them: a UUID was text in the row."""
    hints = get_type_hints(job.function)
    return {name: msgspec.convert(value, hints[name], strict=False) for name, value in arguments.items()}


def wait_s(attempts: int) -> int:
    """How long to wait after so many attempts: 2 s, 8 s, 32 s … 10 minutes."""
    return int(min(LONGEST_WAIT_S, 2 * 4 ** min(attempts - 1, 9)))


def described(error: BaseException) -> str:
    """An error in one line, for the list of failed jobs."""
    text = error.sentence if isinstance(error, Problem) else str(error)
    return f"{type(error).__name__}: {text}"[:LONGEST_ERROR]
