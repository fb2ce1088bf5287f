"""The other engine: Elasticsearch, a copy of `search_index` behind an alias.

The alias names the index that is read. Writes go to every index of this copy, so that one that is being built
misses nothing, and building anew needs no downtime.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Final, TypeVar

import elasticsearch
from elastic_transport import ObjectApiResponse

from tutti.context import Context
from tutti.search import elastic_query
from tutti.search.breaker import Breaker
from tutti.search.elastic_query import Change
from tutti.search.model import Hit, Wanted

T = TypeVar("T")

ANSWER_S: Final = 1.0
"""For one question; what takes longer is asked of PostgreSQL instead."""
WRITE_S: Final = 30.0


class ElasticAway(Exception):
    """Elasticsearch does not answer, or answers with an error."""


class Resting(ElasticAway):
    """It failed too often and is left alone for a while."""


class CopyMissing(ElasticAway):
    """The alias names nothing: the copy was never built, or was deleted."""


class Elastic:
    """One process's connection to Elasticsearch, with its breaker."""

    name = "elasticsearch"

    def __init__(self, url: str, alias: str) -> None:
        self.alias = alias
        self.breaker = Breaker()
        self._client = elasticsearch.AsyncElasticsearch(url, request_timeout=ANSWER_S, max_retries=0)

    async def find(self, ctx: Context, wanted: Wanted) -> list[Hit]:
        """A page of hits, the best first; raises ElasticAway."""
        return await self._hits(elastic_query.page(wanted))

    async def suggest(self, ctx: Context, wanted: Wanted) -> list[Hit]:
        """Candidates, likely ones first; raises ElasticAway."""
        return await self._hits(elastic_query.candidates(wanted))

    async def write(self, changes: Sequence[Change]) -> None:
        """Bring entries into every index of this copy; raises ElasticAway, CopyMissing when there is none."""
        indices = await self.indices()
        if not indices:
            raise CopyMissing(self.alias)
        for index in indices:
            await self.fill(index, changes)

    async def fill(self, index: str, changes: Sequence[Change]) -> None:
        """Bring entries into one index. Being older than what is there is success."""
        lines = elastic_query.operations(changes, index)
        client = self._client.options(request_timeout=WRITE_S)
        answer = await _answered(client.bulk(operations=lines, require_alias=False))
        refused = [item for item in _results(answer["items"]) if not _is_fine(item)]
        if refused:
            raise ElasticAway(refused[0].get("error") or refused[0]["status"])

    async def indices(self) -> list[str]:
        """The indices of this copy: the one that is read and those being built."""
        client = self._client.options(request_timeout=WRITE_S)
        answer = await _answered(client.indices.get(index=f"{self.alias}-*", allow_no_indices=True))
        return sorted(answer.body)

    async def create(self, index: str) -> None:
        """Make an empty index that nobody reads yet."""
        client = self._client.options(request_timeout=WRITE_S)
        made = client.indices.create(
            index=index, settings=elastic_query.SETTINGS, mappings=elastic_query.MAPPINGS
        )
        await _answered(made)

    async def show(self, index: str) -> None:
        """Let the alias name this index alone, in one step; then delete the others.

        They are deleted only when no question that was put to them can still be running.
        """
        client = self._client.options(request_timeout=WRITE_S)
        await _answered(client.indices.refresh(index=index))
        elsewhere = {"index": f"{self.alias}-*", "alias": self.alias, "must_exist": False}
        here = {"index": index, "alias": self.alias}
        await _answered(client.indices.update_aliases(actions=[{"remove": elsewhere}, {"add": here}]))
        others = [each for each in await self.indices() if each != index]
        if others:
            await asyncio.sleep(ANSWER_S)
            await _answered(client.indices.delete(index=others, ignore_unavailable=True))

    async def refresh(self) -> None:
        """Make what was written findable now; otherwise it takes a second."""
        await _answered(self._client.indices.refresh(index=self.alias))

    async def healthy(self) -> bool:
        """Whether it answers and can be read, for `/readyz`. Its root page is not asked: it may be closed."""
        try:
            answer = await _answered(self._client.cluster.health(timeout="500ms"))
        except ElasticAway:
            return False
        return answer["status"] in ("green", "yellow")

    async def aclose(self) -> None:
        """Let go of its connections."""
        await self._client.close()

    async def _hits(self, body: dict[str, Any]) -> list[Hit]:
        answer = await _answered(self._client.search(index=self.alias, timeout="900ms", **body))
        if answer["timed_out"]:
            raise ElasticAway("It ran out of time.")
        return [elastic_query.hit(found) for found in answer["hits"]["hits"]]

    async def guarded(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask with the breaker before it and the clock beside it; raises ElasticAway."""
        if not self.breaker.allows(monotonic()):
            raise Resting("It is being left alone for a while.")
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await question()
        except (ElasticAway, TimeoutError) as error:
            self.breaker.failed(monotonic())
            raise (
                error if isinstance(error, ElasticAway) else ElasticAway("It did not answer in time.")
            ) from error
        self.breaker.succeeded()
        return answer


async def _answered(request: Awaitable[ObjectApiResponse[Any]]) -> ObjectApiResponse[Any]:
    try:
        return await request
    except elasticsearch.NotFoundError as error:
        raise CopyMissing(error.message) from error
    except (elasticsearch.ApiError, elasticsearch.TransportError) as error:
        raise ElasticAway(str(error)) from error


def _results(items: Iterable[dict[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [result for item in items for result in item.values()]


def _is_fine(result: dict[str, Any]) -> bool:
    """Done; or deleted before (404); or a newer version was there (409)."""
    missing_index = "index_not_found" in str(result.get("error", ""))
    return (
        result["status"] < 300 or result["status"] == 409 or (result["status"] == 404 and not missing_index)
    )
