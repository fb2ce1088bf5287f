"""The first administrator."""

import asyncio
import re

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import PASSWORD, account, as_program, refusal, seen
from tutti import identity
from tutti.command import perform
from tutti.context import Floor
from tutti.errors import Invalid, Problem

GIVEN = {"email": "johannes@example.org", "password": PASSWORD, "name": "Johannes"}


async def test_the_code_makes_the_administrator_and_signs_him_in(at: At) -> None:
    code = await perform(at(), identity.setup_code)
    assert code is not None
    assert re.fullmatch(r"([A-Z2-9]{4}-){3}[A-Z2-9]{4}", code)
    assert await perform(at(), identity.needs_setup)
    opened = await perform(at(), identity.administrator, code=code, **GIVEN)
    assert opened.user.role == "admin"
    assert not await perform(at(), identity.needs_setup)
    assert (await as_program(at(), GIVEN["email"])).user.role == "admin"


async def test_the_code_may_be_typed_in_small_letters_without_dashes(at: At) -> None:
    code = await perform(at(), identity.setup_code)
    assert code is not None
    typed = " " + code.replace("-", " ").lower()
    assert (await perform(at(), identity.set_up_in_browser, code=typed, **GIVEN)).person.role == "admin"


async def test_a_wrong_code_is_refused_and_written_down(at: At, floor: Floor) -> None:
    await perform(at(), identity.setup_code)
    for code in ("", "AAAA-AAAA-AAAA-AAAA"):
        async with refusal(identity.WrongSetupCode):
            await perform(at(), identity.administrator, code=code, **GIVEN)
    assert await seen(floor, "select count(*) from users") == 0
    assert (
        await seen(
            floor, "select count(*) from security_events where action = 'setup' and result = 'refused'"
        )
        == 2
    )


async def test_a_newer_code_replaces_the_older(at: At) -> None:
    old = await perform(at(), identity.setup_code)
    new = await perform(at(), identity.setup_code)
    assert old is not None
    assert new is not None
    async with refusal(identity.WrongSetupCode):
        await perform(at(), identity.administrator, code=old, **GIVEN)
    assert await perform(at(), identity.administrator, code=new, **GIVEN) is not None


async def test_only_one_of_many_at_the_same_time_becomes_administrator(at: At, floor: Floor) -> None:
    code = await perform(at(), identity.setup_code)
    tries = [
        perform(at(), identity.administrator, code=code, **GIVEN | {"email": f"person{number}@example.org"})
        for number in range(5)
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, identity.SignedIn) for result in results) == 1
    assert all(isinstance(result, identity.SignedIn | Problem) for result in results)
    assert await seen(floor, "select count(*) from users") == 1


async def test_afterwards_there_is_no_code_and_no_way_in(at: At, floor: Floor) -> None:
    code = await perform(at(), identity.setup_code)
    await perform(at(), identity.administrator, code=code, **GIVEN)
    assert await perform(at(), identity.setup_code) is None
    async with refusal(identity.AlreadySetUp):
        await perform(at(), identity.administrator, code=code, **GIVEN | {"email": "eve@example.org"})
    assert await seen(floor, "select count(*) from setup_codes") == 0


async def test_a_bad_password_uses_no_code_up(at: At) -> None:
    code = await perform(at(), identity.setup_code)
    for wrong in ({"password": "short"}, {"email": "nonsense"}, {"name": " "}):
        async with refusal(Invalid):
            await perform(at(), identity.administrator, code=code, **GIVEN | wrong)
    assert await perform(at(), identity.administrator, code=code, **GIVEN) is not None


async def test_a_members_address_is_not_taken_over(at: At) -> None:
    await account(at(), email=GIVEN["email"])
    code = await perform(at(), identity.setup_code)
    async with refusal(identity.AddressInUse):
        await perform(at(), identity.administrator, code=code, **GIVEN)
    assert await perform(at(), identity.setup_code) is not None


async def test_the_code_is_stored_as_a_hash_only(at: At, floor: Floor) -> None:
    code = await perform(at(), identity.setup_code)
    assert code is not None
    assert code not in await seen(floor, "select s::text from setup_codes s")
