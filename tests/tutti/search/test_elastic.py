"""What becomes of search when Elasticsearch is down, full, emptied, late or being rebuilt (F9, F10)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from statistics import median
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from tests.elasticsearch import Elasticsearch
from tests.running import changed
from tests.tutti.search.house import House
from tutti import search
from tutti.command import perform
from tutti.context import Context
from tutti.floor import open_floor
from tutti.search.copies import Lag
from tutti.search.elastic_query import Change
from tutti.settings import Settings


@pytest.fixture
async def house(settings: Settings, elasticsearch_url: str) -> AsyncIterator[House]:
    own = changed(settings, elasticsearch_url=elasticsearch_url, elasticsearch_index=f"test-{uuid4().hex}")
    async with open_floor(own) as floor:
        made = House(floor)
        await perform(made.ctx(), search.rebuild)
        yield made
        await made.clean()


async def copied(house: House) -> dict[str, str]:
    """What Elasticsearch holds: key → title."""
    assert house.elastic is not None
    client = house.elastic._client
    await client.indices.refresh(index=house.elastic.alias)
    answer = await client.search(index=house.elastic.alias, query={"match_all": {}}, size=1000)
    return {found["_id"]: found["_source"]["shown"]["title"] for found in answer["hits"]["hits"]}


async def kept(house: House) -> dict[str, str]:
    """What the table holds."""
    async with house.floor.pool.connection() as connection:
        entries = await connection.fetch("select entity_type, entity_id, title from search_index")
    return {f"{entry['entity_type']}:{entry['entity_id']}": entry["title"] for entry in entries}


async def rows(house: House, table: str) -> int:
    async with house.floor.pool.connection() as connection:
        return int(await connection.fetchval(f"select count(*) from {table}"))


async def waiting(house: House, name: str) -> int:
    async with house.floor.pool.connection() as connection:
        return int(await connection.fetchval("select count(*) from jobs where name = $1", name))


async def retries(house: House) -> int:
    async with house.floor.pool.connection() as connection:
        again = "select count(*) from jobs where unique_key = 'search.copy_changes' and run_at > now()"
        return int(await connection.fetchval(again))


async def set_read_only(house: House, value: Any) -> None:
    assert house.elastic is not None
    await house.elastic._client.indices.put_settings(
        index=f"{house.elastic.alias}-*", settings={"index.blocks.read_only_allow_delete": value}
    )


async def test_while_it_is_down_postgresql_answers_and_afterwards_nothing_is_missing(
    house: House, elasticsearch: Elasticsearch
) -> None:
    entities = [await house.put("song", f"Song {n}") for n in range(20)]
    await house.catch_up()
    os.killpg(elasticsearch.pid, signal.SIGKILL)
    try:
        for number, entity in enumerate(entities):
            if number % 3 == 0:
                await house.drop("song", entity)
            else:
                await house.put("song", f"Renamed {number}", entity_id=entity)
        took = []
        for _ in range(8):
            began = monotonic()
            answer = await house.find("renamed")
            took.append(monotonic() - began)
            assert (answer.backend, answer.degraded, len(answer.items)) == ("postgresql", True, 13)
        assert_waited_a_second_at_most(took)
        assert (await house.suggest("renam")).degraded
        await perform(house.ctx(), search.copy_changes)
        assert await rows(house, "search_changes") == 20
        assert await retries(house) == 1
    finally:
        elasticsearch.start()
    await perform(house.ctx(), search.copy_changes)
    assert await rows(house, "search_changes") == 0
    assert await copied(house) == await kept(house)
    assert len(await copied(house)) == 13


async def test_a_stalled_one_costs_a_second_and_then_nothing(
    house: House, elasticsearch: Elasticsearch
) -> None:
    await house.put("song", "Halo")
    await house.catch_up()
    os.killpg(elasticsearch.pid, signal.SIGSTOP)
    try:
        took = []
        for _ in range(7):
            began = monotonic()
            assert (await house.find("halo")).degraded
            took.append(monotonic() - began)
    finally:
        os.killpg(elasticsearch.pid, signal.SIGCONT)
    assert_waited_a_second_at_most(took[:5])
    assert max(took[5:]) < 1, "who waits for it waits so long, so these did not"


def assert_waited_a_second_at_most(took: list[float]) -> None:
    """And one may have been held up for longer, by a machine that has other things to do."""
    assert median(took) < 1.5
    assert max(took) < 5


async def answered_by_elasticsearch(house: House, words: str) -> Any:
    """The first answer that is its own: on a busy machine it may need a moment to take writes again."""
    for _ in range(60):
        await house.catch_up()
        await house.look_anew()
        answer = await house.find(words)
        if not answer.degraded:
            assert answer.backend == "elasticsearch"
            return answer
        await asyncio.sleep(0.5)
    raise AssertionError("Elasticsearch never answered again")


async def test_a_full_one_takes_no_changes_and_is_soon_no_longer_asked(house: House) -> None:
    await house.put("song", "Halo")
    await house.catch_up()
    await set_read_only(house, value=True)
    await house.put("song", "Halo again")
    await perform(house.ctx(), search.copy_changes)
    assert await rows(house, "search_changes") == 1
    async with house.floor.pool.connection() as connection:
        await connection.execute("update search_changes set changed_at = changed_at - interval '1 minute'")
    await house.look_anew()
    answer = await house.find("halo")
    assert (answer.degraded, len(answer.items)) == (True, 2)
    await set_read_only(house, value=None)
    answer = await answered_by_elasticsearch(house, "halo")
    assert len(answer.items) == 2


async def test_a_deleted_copy_is_built_again(house: House) -> None:
    await house.put("song", "Halo")
    await house.catch_up()
    await house.clean()
    assert (await house.find("halo")).degraded
    assert (await house.find("halo")).degraded
    assert await waiting(house, "search.rebuild") == 1
    await house.put("song", "Halo again")
    await perform(house.ctx(), search.copy_changes)
    assert await rows(house, "search_changes") == 1
    await perform(house.ctx(), search.rebuild)
    await house.catch_up()
    answer = await house.find("halo")
    assert (answer.degraded, len(answer.items)) == (False, 2)
    assert await rows(house, "search_changes") == 0


async def test_a_late_write_never_overwrites_a_newer_one(house: House) -> None:
    assert house.elastic is not None
    entity = await house.put("song", "Newer")
    await house.put("song", "Newest", entity_id=entity)
    await house.catch_up()
    late = Change(entity_type="song", entity_id=entity, version=1, title="Oldest", audience=["members"])
    await house.elastic.write([late])
    assert list((await copied(house)).values()) == ["Newest"]
    await house.drop("song", entity)
    await house.catch_up()
    await house.elastic.write([late])
    assert await copied(house) == {}


async def test_rebuilding_is_seen_by_nobody_and_misses_nothing(house: House) -> None:
    for number in range(30):
        await house.put("song", f"Song {number}")
    await house.catch_up()
    answers: list[Any] = []
    done = asyncio.Event()

    async def ask() -> None:
        while not done.is_set():
            answers.append(await house.find("song", limit=200))

    async def change() -> None:
        for number in range(30, 60):
            entity = await house.put("song", f"Song {number}")
            if number % 2:
                await house.drop("song", entity)
            await perform(house.ctx(), search.copy_changes)

    asking = asyncio.create_task(ask())
    await asyncio.gather(change(), perform(house.ctx(), search.rebuild))
    done.set()
    await asking
    await house.catch_up()
    assert all(len(answer.items) >= 30 for answer in answers)
    # A machine that is too busy to answer within a second makes PostgreSQL answer; that is rare, and no gap.
    assert sum(answer.degraded for answer in answers) <= len(answers) // 4
    assert await copied(house) == await kept(house)
    assert house.elastic is not None
    if await waiting(house, "search.rebuild"):  # too slow on a busy machine, it comes until it is done
        async with asyncio.timeout(60):
            while len(await house.elastic.indices()) > 1:
                await perform(house.ctx(), search.rebuild)
    assert len(await house.elastic.indices()) == 1


async def test_rebuilding_without_elasticsearch_tries_again_later(house: House) -> None:
    assert house.elastic is not None
    away = changed(house.floor.settings, elasticsearch_url="http://127.0.0.1:9")
    async with open_floor(away) as floor:
        await perform(Context(floor), search.rebuild)
    assert await waiting(house, "search.rebuild") == 1


async def test_a_cursor_does_not_cross_engines(house: House) -> None:
    for number in range(4):
        await house.put("song", f"Song {number}")
    await house.catch_up()
    cursor = (await house.find("song", limit=2)).next_cursor
    house.floor.kept["search"].lag = FarBehind()
    with pytest.raises(search.CursorOutdated):
        await house.find("song", limit=2, cursor=cursor)


class FarBehind(Lag):
    """A copy nobody should ask."""

    async def seconds(self, ctx: Context) -> float:
        return 1e6


async def test_health_is_asked_of_the_cluster(house: House) -> None:
    assert house.elastic is not None
    assert await house.elastic.healthy()
    assert await search.health(house.ctx()) == "ok"
    house.floor.kept["search"].lag = FarBehind()
    assert await search.health(house.ctx()) == "behind"
    away = changed(house.floor.settings, elasticsearch_url="http://127.0.0.1:9")
    async with open_floor(away) as floor:
        assert await search.health(Context(floor)) == "away"


async def test_without_a_url_nothing_is_noted(settings: Settings) -> None:
    async with open_floor(settings) as floor:
        house = House(floor)
        await house.put("song", "Halo")
        await perform(house.ctx(), search.copy_changes)
        await perform(house.ctx(), search.rebuild)
        assert await rows(house, "search_changes") == 0
        assert await rows(house, "jobs") == 0
