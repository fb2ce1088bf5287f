"""From rows to the broker, and again what got lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from tests.workers.conftest import Rows, made
from tutti.context import Context, Floor
from tutti.settings import Settings
from workers import relay as relays
from workers.broker import open_broker
from workers.relay import MOST_IN_FLIGHT, Relay, relay
from workers.running import Runner


async def work(ctx: Context) -> None:
    """Nothing."""


JOBS = made(work, "tests.work") | made(work, "tests.other", queue="other")


@pytest.fixture
def broker(settings: Settings) -> Iterator[RedisBroker]:
    opened = open_broker(settings)
    yield opened
    opened.close()
    opened.client.close()


@pytest.fixture
def moving(floor: Floor, broker: RedisBroker) -> Relay:
    return Relay(floor, broker, JOBS)


def handed_out(broker: RedisBroker, queue: str = "default") -> list[Message[None]]:
    """Take every message of a queue, as a worker would."""
    consumer = broker.consume(queue, prefetch=1000, timeout=1)
    taken: list[Message[None]] = []
    while (message := next(consumer)) is not None:
        taken.append(message._message)
        consumer.ack(message)
    return taken


@asynccontextmanager
async def running(floor: Floor, broker: RedisBroker) -> AsyncIterator[None]:
    """A relay at work."""
    stopping = asyncio.Event()
    task = asyncio.create_task(relay(floor, broker, JOBS, stopping))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(task, 5)


async def until_sent(rows: Rows, name: str, count: int, within_s: float = 5) -> float:
    """Seconds until so many rows of a name are marked as sent."""
    began = monotonic()
    while sum(row["state"] == "sent" for row in await rows.all(name)) < count:
        assert monotonic() - began < within_s
        await asyncio.sleep(0.01)
    return monotonic() - began


async def test_the_broker_carries_nothing_but_ids(rows: Rows, moving: Relay, broker: RedisBroker) -> None:
    job_id = await rows.add("tests.work", secret="not for Redis")
    assert await moving.send_due() == 1
    (message,) = handed_out(broker)
    assert (message.actor_name, message.args, message.kwargs) == ("tests.work", (str(job_id),), {})
    assert (await rows.one(job_id))["state"] == "sent"
    assert await moving.send_due() == 0


async def test_each_job_goes_to_its_own_queue(rows: Rows, moving: Relay, broker: RedisBroker) -> None:
    await rows.add("tests.work")
    await rows.add("tests.other")
    await moving.send_due()
    assert len(handed_out(broker)) == len(handed_out(broker, "other")) == 1


async def test_what_is_not_due_waits(rows: Rows, moving: Relay) -> None:
    await rows.add("tests.work")
    await rows.change("run_at = now() + interval '30 seconds'")
    assert await moving.send_due() == 0
    soon = await moving.next_due_in()
    assert soon is not None
    assert 25 < soon < 31


async def test_the_urgent_overtake_and_the_rest_waits_in_postgresql(
    rows: Rows, moving: Relay, broker: RedisBroker
) -> None:
    for _ in range(MOST_IN_FLIGHT + 5):
        await rows.add("tests.work")
    urgent = await rows.add("tests.work")
    await rows.change("priority = 1 where id = $1", urgent)
    await rows.add("tests.other")
    assert await moving.send_due() == MOST_IN_FLIGHT + 1
    first, *_ = handed_out(broker)
    assert first.args == (str(urgent),)
    assert await moving.send_due() == 0
    await rows.change("state = 'done' where state = 'sent'")
    assert await moving.send_due() == 6


async def test_a_relay_is_woken_by_the_commit(rows: Rows, floor: Floor, broker: RedisBroker) -> None:
    async with running(floor, broker):
        await rows.add("tests.work")
        await until_sent(rows, "tests.work", 1)
        times = []
        for count in range(2, 12):
            await rows.add("tests.work")
            times.append(await until_sent(rows, "tests.work", count))
    assert sorted(times)[5] < 0.2


async def test_a_relay_sends_what_becomes_due(rows: Rows, floor: Floor, broker: RedisBroker) -> None:
    async with running(floor, broker):
        await rows.add("tests.work")
        await until_sent(rows, "tests.work", 1)
        await rows.change("state = 'queued', run_at = now() + interval '1500 milliseconds'")
        took = await until_sent(rows, "tests.work", 1)
    assert 1.0 < took < 5.0


async def test_of_two_relays_one_leads_and_the_other_takes_over(
    rows: Rows, floor: Floor, broker: RedisBroker
) -> None:
    stopping = asyncio.Event()
    first = asyncio.create_task(relay(floor, broker, JOBS, stopping))
    await rows.add("tests.work")
    await until_sent(rows, "tests.work", 1)
    async with running(floor, broker):
        await rows.add("tests.work")
        await until_sent(rows, "tests.work", 2)
        stopping.set()
        await first
        await rows.add("tests.work")
        await until_sent(rows, "tests.work", 3)
    assert len(handed_out(broker)) == 3


async def test_a_relay_outlives_its_connection(rows: Rows, floor: Floor, broker: RedisBroker) -> None:
    async with running(floor, broker):
        await rows.add("tests.work")
        await until_sent(rows, "tests.work", 1)
        async with floor.pool.connection() as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'tutti relay' and datname = current_database()"
            )
        await rows.add("tests.work")
        await until_sent(rows, "tests.work", 2)


async def test_a_relay_waits_for_redis_without_losing_a_job(
    rows: Rows, floor: Floor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = open_broker(settings)
    enqueue = broker.enqueue
    is_away = True

    def sometimes(message: Message[None]) -> Message[None]:
        if is_away:
            raise redis.ConnectionError
        return enqueue(message)

    monkeypatch.setattr(broker, "enqueue", sometimes)
    monkeypatch.setattr(relays, "AFTER_TROUBLE_S", 0.1)
    async with running(floor, broker):
        job_id = await rows.add("tests.work")
        await asyncio.sleep(0.3)
        assert (await rows.one(job_id))["state"] == "queued"
        is_away = False
        await until_sent(rows, "tests.work", 1)
    assert len(handed_out(broker)) == 1


async def test_killed_between_sending_and_marking_a_job_is_sent_twice_and_done_once(
    rows: Rows, floor: Floor, moving: Relay, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = moving._send

    def send_and_die(due: object) -> None:
        send(due)  # type: ignore[arg-type]  # passed through
        raise InterruptedError

    job_id = await rows.add("tests.work")
    with monkeypatch.context() as patch:
        patch.setattr(moving, "_send", send_and_die)
        with pytest.raises(InterruptedError):
            await moving.send_due()
    await moving.send_due()
    messages = handed_out(broker)
    assert len(messages) == 2
    runner = Runner(floor, JOBS)
    for _message in messages:
        await runner.run(job_id)
    row = await rows.one(job_id)
    assert (row["state"], row["attempts"]) == ("done", 1)


async def test_what_redis_lost_is_sent_again(
    rows: Rows, moving: Relay, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {await rows.add("tests.work") for _ in range(5)}
    await moving.send_due()
    for key in broker.client.keys(f"{broker.namespace}:*"):
        broker.client.delete(key)
    await moving.sweep()
    assert await moving.send_due() == 0  # too early to tell
    monkeypatch.setattr(relays, "LOST_AFTER_S", 0)
    await moving.sweep()
    assert await moving.send_due() == 5
    assert {message.args[0] for message in handed_out(broker)} == {str(job_id) for job_id in ids}


async def test_what_the_broker_still_holds_is_not_sent_again(
    rows: Rows, moving: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rows.add("tests.work")
    await moving.send_due()
    monkeypatch.setattr(relays, "LOST_AFTER_S", 0)
    await moving.sweep()
    assert await moving.send_due() == 0


async def test_the_job_of_a_silent_worker_goes_to_another(rows: Rows, moving: Relay) -> None:
    job_id = await rows.add("tests.work")
    await rows.change("state = 'running', fence = 1, lease_until = now() + interval '1 minute'")
    await moving.sweep()
    assert (await rows.one(job_id))["state"] == "running"
    await rows.change("lease_until = now() - interval '1 second'")
    await moving.sweep()
    assert (await rows.one(job_id))["state"] == "queued"


async def test_the_job_of_a_silent_worker_steps_aside_for_one_that_waits(rows: Rows, moving: Relay) -> None:
    first = await rows.add("tests.work", unique_key="the same")
    await rows.change("state = 'running', lease_until = now() - interval '1 second'")
    second = await rows.add("tests.work", unique_key="the same")
    await moving.sweep()
    assert (await rows.one(first))["state"] == "done"
    assert (await rows.one(second))["state"] == "queued"
