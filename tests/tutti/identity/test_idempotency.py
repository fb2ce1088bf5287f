"""R40: the same request twice takes effect once."""

import asyncio
from hashlib import sha256
from typing import Any

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import SetClock, account, refusal, seen
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person

ROUTE, KEY = "guest.invite", "k-1"
HASH, OTHER_HASH = sha256(b"one").digest(), sha256(b"other").digest()


async def claim(at: At, person: Person, request_hash: bytes = HASH) -> Any:
    return await perform(
        at(person), identity.answered_before, route=ROUTE, key=KEY, request_hash=request_hash
    )


async def test_the_first_carries_it_out_and_the_second_gets_its_answer(at: At) -> None:
    person = await account(at())
    assert await claim(at, person) is None
    await perform(at(person), identity.keep_answer, route=ROUTE, key=KEY, answer={"token": "tutti"})
    assert await claim(at, person) == {"token": "tutti"}


async def test_of_many_at_the_same_time_only_one_carries_it_out(at: At) -> None:
    person = await account(at())
    results = await asyncio.gather(*(claim(at, person) for _each in range(6)), return_exceptions=True)
    assert results.count(None) == 1
    assert sum(isinstance(result, identity.KeyInUse) for result in results) == 5


async def test_another_request_under_the_same_key_is_refused(at: At) -> None:
    person = await account(at())
    await claim(at, person)
    async with refusal(identity.OtherRequest):
        await claim(at, person, OTHER_HASH)


async def test_a_failed_request_frees_its_key(at: At) -> None:
    person = await account(at())
    await claim(at, person)
    await perform(at(person), identity.forget_answer, route=ROUTE, key=KEY)
    assert await claim(at, person, OTHER_HASH) is None


async def test_a_kept_answer_is_not_forgotten_by_a_late_failure(at: At) -> None:
    person = await account(at())
    await claim(at, person)
    await perform(at(person), identity.keep_answer, route=ROUTE, key=KEY, answer=[1])
    await perform(at(person), identity.forget_answer, route=ROUTE, key=KEY)
    assert await claim(at, person) == [1]


async def test_a_server_that_died_in_between_blocks_the_key_for_a_minute(at: At, clock: SetClock) -> None:
    person = await account(at())
    await claim(at, person)
    clock.pass_by(seconds=61)
    assert await claim(at, person) is None


async def test_a_key_is_forgotten_after_a_day(at: At, clock: SetClock) -> None:
    person = await account(at())
    await claim(at, person)
    await perform(at(person), identity.keep_answer, route=ROUTE, key=KEY, answer=[1])
    clock.pass_by(hours=24, seconds=1)
    assert await claim(at, person, OTHER_HASH) is None


async def test_keys_of_two_people_are_two_keys(at: At) -> None:
    clara = await account(at())
    robert = await account(at(), email="robert@example.org", name="Robert")
    assert await claim(at, clara) is None
    assert await claim(at, robert, OTHER_HASH) is None


async def test_a_kept_answer_cannot_be_read_in_the_database(at: At, floor: Floor) -> None:
    """An answer may hold a token that is shown only once."""
    person = await account(at())
    await claim(at, person)
    await perform(at(person), identity.keep_answer, route=ROUTE, key=KEY, answer={"token": "shown once"})
    assert b"shown once" not in await seen(floor, "select answer from idempotency_keys")


async def test_an_answer_is_kept_only_if_the_change_is(at: At) -> None:
    person = await account(at())
    await claim(at, person)

    async def fails(ctx: Context) -> None:
        await identity.keep_answer(ctx, route=ROUTE, key=KEY, answer=[1])
        raise identity.KeyInUse

    async with refusal(identity.KeyInUse):
        await perform(at(person), fails)
    async with refusal(identity.KeyInUse):
        await claim(at, person)
