"""R5, R8, R9: signing in, and what happens to those who guess."""

import asyncio
from time import perf_counter

import pytest
from argon2 import PasswordHasher

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import OTHER_PASSWORD, PASSWORD, SetClock, account, as_program, refusal, seen
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor

EMAIL = "clara@example.org"


async def guess(ctx: Context, email: str = EMAIL, password: str = OTHER_PASSWORD) -> Exception:
    """One wrong try."""
    async with refusal(identity.WrongCredentials) as refused:
        await perform(ctx, identity.login, email=email, password=password)
    return refused[0]


async def test_signing_in_answers_tokens_and_the_person(at: At) -> None:
    person = await account(at())
    opened = await as_program(at())
    assert opened.user.id == person.id
    assert opened.user.email == EMAIL
    assert opened.access_token.count(".") == 2
    assert opened.refresh_token.startswith("tutti_rt_")


async def test_the_address_is_known_in_any_case_and_with_spaces_around(at: At) -> None:
    await account(at())
    assert (await as_program(at(), " CLARA@Example.org ")).user.email == EMAIL


async def test_every_refusal_looks_the_same(at: At) -> None:
    """R9: a wrong password, an unknown address, an account without password."""
    await account(at())
    ctx = at()
    me = await perform(ctx, identity.get_me) if ctx.person else None
    assert me is None
    refusals = [await guess(at()), await guess(at(), "nobody@example.org"), await guess(at(), "")]
    assert len({(type(each), str(each), str(vars(each))) for each in refusals}) == 1


async def test_a_failed_sign_in_stays_counted_and_written_down_although_it_is_refused(
    at: At, floor: Floor
) -> None:
    person = await account(at())
    await guess(at())
    assert await seen(floor, "select failures from sign_in_failures where scope = 'pair'") == 1
    written = "select result from security_events where user_id = $1 and action = 'sign_in'"
    assert await seen(floor, written, person.id) == "refused"


async def test_five_failures_make_even_the_right_password_wait(at: At, clock: SetClock) -> None:
    await account(at())
    for _try in range(5):
        await guess(at())
    await guess(at(), password=PASSWORD)
    clock.pass_by(seconds=1.1)
    assert await as_program(at()) is not None


async def test_the_wait_doubles_and_a_success_ends_it(at: At, clock: SetClock, floor: Floor) -> None:
    await account(at())
    for wait in (0, 0, 0, 0, 0, 1.1, 2.1, 4.1):
        clock.pass_by(seconds=wait)
        await guess(at())
    clock.pass_by(seconds=7)
    await guess(at(), password=PASSWORD)
    clock.pass_by(seconds=2)
    await as_program(at())
    assert await seen(floor, "select count(*) from sign_in_failures where scope in ('pair', 'account')") == 0


async def test_a_strangers_guesses_do_not_make_the_owner_wait_elsewhere(at: At) -> None:
    await account(at())
    for _try in range(7):
        await guess(at(address="198.51.100.66"))
    assert await as_program(at(address="192.0.2.1")) is not None


async def test_a_hundred_failures_from_everywhere_close_the_account_to_strangers_only(
    at: At, clock: SetClock, floor: Floor
) -> None:
    await account(at())
    home = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    for number in range(100):
        await guess(at(address=f"198.51.100.{number}"))
        clock.pass_by(seconds=61)
    await guess(at(address="203.0.113.9"), password=PASSWORD)
    known = await perform(
        at(address="203.0.113.9"),
        identity.sign_in_browser,
        email=EMAIL,
        password=PASSWORD,
        device_token=home.device_token,
    )
    assert known.device_token == home.device_token
    assert await seen(floor, "select failures from sign_in_failures where scope = 'account'") == 100


async def test_a_known_device_has_delays_of_its_own(at: At) -> None:
    """Its cookie frees nobody from guessing slowly."""
    await account(at())
    token = (await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)).device_token
    for _try in range(5):
        async with refusal(identity.WrongCredentials):
            await perform(
                at(), identity.sign_in_browser, email=EMAIL, password=OTHER_PASSWORD, device_token=token
            )
    async with refusal(identity.WrongCredentials):
        await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD, device_token=token)


async def test_a_device_known_to_one_is_a_stranger_to_another(at: At, floor: Floor) -> None:
    await account(at())
    await account(at(), email="robert@example.org", name="Robert")
    clara = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    async with refusal(identity.WrongCredentials):
        await perform(
            at(),
            identity.sign_in_browser,
            email="robert@example.org",
            password=OTHER_PASSWORD,
            device_token=clara.device_token,
        )
    assert await seen(floor, "select count(*) from sign_in_failures where scope = 'device'") == 0
    assert await seen(floor, "select failures from sign_in_failures where scope = 'account'") == 1


async def test_one_network_cannot_try_many_accounts(at: At, clock: SetClock) -> None:
    await account(at())
    for number in range(20):
        await guess(at(address="2001:db8:1:2::1"), f"person{number}@example.org")
    await guess(at(address="2001:db8:1:2:ffff::9"), password=PASSWORD)
    assert await as_program(at(address="2001:db8:1:3::1")) is not None
    clock.pass_by(minutes=15, seconds=1)
    assert await as_program(at(address="2001:db8:1:2::1")) is not None


async def test_parallel_guesses_find_each_other_counted(at: At, floor: Floor) -> None:
    """Fifty at once are not fifty free tries: after five the others are refused unseen."""
    await account(at())
    await asyncio.gather(*(guess(at()) for _try in range(30)))
    assert await seen(floor, "select failures from sign_in_failures where scope = 'pair'") <= 8


async def test_a_good_sign_in_uses_up_none_of_the_networks_tries(at: At, floor: Floor) -> None:
    await account(at())
    for _try in range(3):
        await as_program(at())
    assert await seen(floor, "select failures from sign_in_failures where scope = 'network'") == 0


async def test_an_unknown_address_takes_as_long_as_a_known_one(at: At) -> None:
    """R9: the best of several rounds, because the machine has other things to do."""
    await account(at())
    took: dict[str, list[float]] = {EMAIL: [], "nobody@example.org": []}
    for number in range(6):
        for email, times in took.items():
            ctx = at(address=f"198.51.100.{number}")
            began = perf_counter()
            await guess(ctx, email)
            times.append(perf_counter() - began)
    known, unknown = (min(times[1:]) for times in took.values())
    assert 0.5 < known / unknown < 2


async def test_an_old_hash_is_renewed_at_sign_in(at: At, floor: Floor) -> None:
    """R5."""
    await account(at())
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await seen(floor, "update users set password_hash = $1 returning id", weak)
    await as_program(at())
    assert "m=47104,t=1,p=1" in await seen(floor, "select password_hash from users")
    assert await as_program(at()) is not None


@pytest.mark.parametrize("password", ["", "x" * 5000, "\x00\x01", "seven otters sing at dawn "])
async def test_odd_passwords_are_simply_wrong(at: At, password: str) -> None:
    await account(at())
    await guess(at(), password=password)
