import pytest
import redis.asyncio as redis

from server.limits import Buckets, LocalBuckets, Rate
from tutti.errors import TooMany


async def test_a_burst_is_allowed_and_then_no_more(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    buckets = Buckets(client, "test-limits-a")
    rate = Rate("writes", 5, 60)
    verdicts = [await buckets.take("clara", rate) for _ in range(6)]
    await client.aclose()
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False]
    assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0]
    assert 11_000 <= verdicts[-1].wait_ms <= 12_000


async def test_two_instances_share_one_bucket(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    one, other = Buckets(client, "test-limits-b"), Buckets(client, "test-limits-b")
    rate = Rate("writes", 2, 60)
    allowed = [(await each.take("clara", rate)).allowed for each in (one, other, one)]
    await client.aclose()
    assert allowed == [True, True, False]


async def test_an_excess_says_when_to_come_back(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    buckets = Buckets(client, "test-limits-c")
    headers = await buckets.spend("clara", Rate("writes", 1, 30))
    assert headers == {"RateLimit": '"writes";r=0;t=30', "RateLimit-Policy": '"writes";q=1;w=30'}
    with pytest.raises(TooMany) as caught:
        await buckets.spend("clara", Rate("writes", 1, 30))
    await client.aclose()
    assert caught.value.retry_after == 30


async def test_without_redis_each_process_counts_for_itself() -> None:
    client = redis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=1)
    buckets = Buckets(client, "test")
    rate = Rate("writes", 2, 60)
    allowed = [(await buckets.take("clara", rate)).allowed for _ in range(3)]
    await client.aclose()
    assert allowed == [True, True, False]


def test_a_local_bucket_fills_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("server.limits.monotonic", lambda: now)
    buckets, rate = LocalBuckets(), Rate("commands", 2, 1)
    assert [buckets.take("a", rate).allowed for _ in range(3)] == [True, True, False]
    now += 0.5
    assert [buckets.take("a", rate).allowed for _ in range(2)] == [True, False]
