"""What is done later: a job is a row in `jobs`, written in the commit that made it true.

Redis carries only the row's id. `workers/` claims the row, counts the attempt before it starts, and checks
the fence in every commit, so that a worker that slept through its lease can do no harm.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from inspect import isfunction
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Awaitable[None]])


class Job(NamedTuple):
    """A job's function and how it is run."""

    name: str
    function: Callable[..., Awaitable[None]]
    queue: str
    max_attempts: int
    timeout_s: int
    every_s: int | None = None
    """The clock enqueues it this often."""
    gave_up: Callable[..., Awaitable[None]] | None = None
    """Called with the job's arguments in the commit that marks it failed for good (F20)."""


class Enqueued(NamedTuple):
    """One row of `jobs`, waiting for its commit."""

    name: str
    arguments: dict[str, Any]
    priority: int
    run_at: datetime | None
    unique_key: str | None


def job(
    *,
    queue: str = "default",
    max_attempts: int = 5,
    timeout_s: int = 600,
    every_s: int | None = None,
    gave_up: Callable[..., Awaitable[None]] | None = None,
) -> Callable[[F], F]:
    """Tag a function as a job. It takes a context and ids, reads fresh, and may run twice.

    With `every_s` the clock enqueues it periodically (it takes no ids then). `gave_up(ctx, **ids)` hears when
    the last attempt has failed, also when it killed its worker.
    """

    def tag(function: F) -> F:
        function.__tutti_job__ = Job(  # type: ignore[attr-defined]  # a tag, read back by job_of
            job_name(function), function, queue, max_attempts, timeout_s, every_s, gave_up
        )
        return function

    return tag


def job_name(function: Callable[..., Any]) -> str:
    """<slice>.<function>: "uploads.ingest"."""
    return f"{function.__module__.split('.')[1]}.{function.__name__}"


def job_of(function: Callable[..., Any]) -> Job:
    """The tag back from the function; raises TypeError when it is no job."""
    found = getattr(function, "__tutti_job__", None)
    if not isinstance(found, Job):
        raise TypeError(f"{function.__qualname__} is not a @job.")
    return found


def collect_jobs(slices: Iterable[ModuleType]) -> dict[str, Job]:
    """Every job on the faces of these slices, by name."""
    functions = [value for face in slices for value in vars(face).values() if isfunction(value)]
    jobs = [job_of(function) for function in functions if hasattr(function, "__tutti_job__")]
    return {found.name: found for found in jobs}
