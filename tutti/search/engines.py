"""Which engine answers: Elasticsearch where there is one and it is well, else PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

import structlog

from tutti.context import Context
from tutti.search.copies import copy_of
from tutti.search.elastic import CopyMissing, ElasticAway, Resting
from tutti.search.jobs import rebuild
from tutti.search.model import Hit, Wanted
from tutti.search.postgres import Postgres

T = TypeVar("T")

log = structlog.get_logger()


class Engine(Protocol):
    """What both engines can do. Neither answers anything outside `wanted.audiences`."""

    @property
    def name(self) -> str: ...

    async def find(self, ctx: Context, wanted: Wanted) -> list[Hit]:
        """A page of hits, the best first."""
        ...

    async def suggest(self, ctx: Context, wanted: Wanted) -> list[Hit]:
        """Candidates in any order; `nearness.suggested` picks."""
        ...


class Answer(NamedTuple, Generic[T]):
    """What an engine said, and which one. `degraded`: not the one that should have."""

    value: T
    backend: str
    degraded: bool


async def ask(ctx: Context, question: Callable[[Engine], Awaitable[T]]) -> Answer[T]:
    """Put a question to the engine that is well. Problems of the question itself pass through."""
    there = copy_of(ctx)
    if there is None:
        engine = Postgres()
        return Answer(await question(engine), engine.name, degraded=False)
    try:
        await there.check(ctx)
        value = await there.elastic.guarded(lambda: question(there.elastic))
        return Answer(value, there.elastic.name, degraded=False)
    except Resting:
        pass
    except ElasticAway as error:
        log.warning("searching without Elasticsearch", error=str(error), request_id=ctx.request_id)
        if isinstance(error, CopyMissing):
            ctx.enqueue(rebuild, unique_key="search.rebuild")
    engine = Postgres()
    return Answer(await question(engine), engine.name, degraded=True)
