import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import ContextOf
from tutti import event
from tutti.command import CrossedTooOften, Overtaken, perform
from tutti.context import Context
from tutti.database import Query
from tutti.errors import Conflict, NotFound
from tutti.topics import topic_versions
from tutti.transaction import sql

SPOIL = Query("spoil", "insert into topics values ($1, 1)", ("topic",))


class Kept:
    """What was published, in order."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []

    def publish(self, topic: str, message: bytes) -> None:
        self.messages.append((topic, message))


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, floor: Any) -> list[tuple[str, bytes]]:
    kept = Kept()
    monkeypatch.setattr(floor.publisher, "publish", kept.publish)
    return kept.messages


async def test_a_raised_problem_rolls_back_and_tells_nobody(
    context_of: ContextOf, published: list[Any]
) -> None:
    async def fails(ctx: Context) -> None:
        await ctx.db.run(SPOIL, topic="a")
        ctx.announce("a", "library.changed", {})
        raise Conflict

    with pytest.raises(Conflict):
        await perform(context_of(), fails)
    assert await topic_versions(context_of(), ["a"]) == {}
    assert published == []


async def test_a_returned_problem_commits_first(context_of: ContextOf, published: list[Any]) -> None:
    async def refuses(ctx: Context) -> NotFound | None:
        await ctx.db.run(SPOIL, topic="a")
        ctx.announce("b", "library.changed", {"why": "x"})
        return NotFound()

    with pytest.raises(NotFound):
        await perform(context_of(), refuses)
    assert await topic_versions(context_of(), ["a", "b"]) == {"a": 1, "b": 1}
    assert [topic for topic, _ in published] == ["b"]


async def test_an_announcement_carries_the_version_of_its_commit(
    context_of: ContextOf, published: list[tuple[str, bytes]]
) -> None:
    async def tells(ctx: Context) -> None:
        ctx.announce("b", "library.changed", {"songId": "1"})

    await perform(context_of(), tells)
    await perform(context_of(), tells)
    heard = [each for topic, message in published for each in event.unpacked(topic, message)]
    assert [each.version for each in heard] == [1, 2]
    assert heard[1].text == (
        b'{"jsonrpc":"2.0","method":"library.changed","params":{"topic":"b","version":2,"songId":"1"}}'
    )


async def test_a_deadlock_runs_the_command_again_without_its_first_announcements(
    context_of: ContextOf, published: list[Any]
) -> None:
    tries = 0

    async def crosses(ctx: Context) -> str:
        nonlocal tries
        tries += 1
        await ctx.db.run(sql.wake_relay)
        ctx.announce("b", "library.changed", {})
        if tries < 3:
            raise asyncpg.DeadlockDetectedError("made for the test")
        return "done"

    assert await perform(context_of(), crosses) == "done"
    assert tries == 3
    assert len(published) == 1


async def test_three_deadlocks_are_a_conflict(context_of: ContextOf) -> None:
    async def always(ctx: Context) -> None:
        raise asyncpg.DeadlockDetectedError("made for the test")

    with pytest.raises(CrossedTooOften):
        await perform(context_of(), always)


async def test_two_short_transactions_are_two_commits(context_of: ContextOf) -> None:
    async def slow(ctx: Context) -> None:
        async with ctx.transaction():
            await ctx.db.run(SPOIL, topic="a")
        await asyncio.sleep(0)
        async with ctx.transaction():
            await ctx.db.run(SPOIL, topic="b")
            raise Conflict

    with pytest.raises(Conflict):
        await perform(context_of(), slow)
    assert await topic_versions(context_of(), ["a", "b"]) == {"a": 1}


async def test_a_lone_statement_commits_by_itself_and_a_transaction_may_follow_on_the_same_line(
    context_of: ContextOf,
) -> None:
    ctx = context_of()
    await ctx.lone.run(SPOIL, topic="a")
    line = await ctx.line()
    assert await topic_versions(context_of(), ["a"]) == {"a": 1}
    await ctx.db.run(SPOIL, topic="b")
    assert await ctx.line() is line
    await ctx.roll_back()
    assert await topic_versions(context_of(), ["a", "b"]) == {"a": 1}


async def test_who_was_overtaken_tries_again(context_of: ContextOf) -> None:
    async def overtaken_once(ctx: Context) -> int:
        await ctx.lone.value(sql.wake_relay)
        if ctx.attempt == 1:
            raise Overtaken
        return ctx.attempt

    assert await perform(context_of(), overtaken_once) == 2


async def test_implicit_and_explicit_transactions_do_not_mix(context_of: ContextOf) -> None:
    ctx = context_of()
    await ctx.db.run(sql.wake_relay)
    with pytest.raises(RuntimeError, match="already"):
        async with ctx.transaction():
            pass
    await ctx.roll_back()


async def test_ids_sort_by_the_time_they_were_made(context_of: ContextOf) -> None:
    ctx = context_of()
    first = ctx.new_id()
    await asyncio.sleep(0.002)
    second = ctx.new_id()
    assert first < second
    assert (first.version, first.variant) == (7, UUID(str(uuid4())).variant)


async def test_connections_are_given_back_whatever_happens(context_of: ContextOf, floor: Any) -> None:
    async def fails(ctx: Context) -> None:
        await ctx.db.run(sql.wake_relay)
        raise Conflict

    for _ in range(30):
        with pytest.raises(Conflict):
            await perform(context_of(), fails)
    await asyncio.gather(*(perform(context_of(), topic_versions, topics=["a"]) for _ in range(30)))
