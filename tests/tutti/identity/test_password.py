"""Changing a password and replacing a forgotten one."""

import re

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import (
    OTHER_PASSWORD,
    PASSWORD,
    SetClock,
    account,
    as_program,
    refusal,
    renew,
    seen,
    signed_in,
)
from tests.tutti.identity.test_letters import delivered, token_in
from tutti import identity
from tutti.command import perform
from tutti.context import Floor
from tutti.errors import Invalid, SignInNeeded

EMAIL = "clara@example.org"


async def test_changing_ends_every_other_session_and_keeps_this_one(at: At, floor: Floor) -> None:
    await account(at())
    other, this = await as_program(at()), await as_program(at())
    mine = await signed_in(at, this.access_token)
    await perform(mine, identity.change_password, current_password=PASSWORD, new_password=OTHER_PASSWORD)
    assert await perform(at(), identity.session_of_access_token, jwt=this.access_token) is not None
    assert await perform(at(), identity.session_of_access_token, jwt=other.access_token) is None
    async with refusal(SignInNeeded):
        await renew(at(), other.refresh_token)
    async with refusal(identity.WrongCredentials):
        await as_program(at())
    assert await perform(at(), identity.login, email=EMAIL, password=OTHER_PASSWORD) is not None
    assert await seen(floor, "select count(*) from security_events where action = 'password.change'") == 1
    assert "was changed" in (await delivered(at))[0][1]


async def test_the_password_of_now_must_be_right_and_guessing_it_is_slowed(at: At) -> None:
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    for _try in range(5):
        async with refusal(identity.WrongPassword):
            await perform(
                mine, identity.change_password, current_password="wrong", new_password=OTHER_PASSWORD
            )
    async with refusal(identity.WrongPassword):
        await perform(mine, identity.change_password, current_password=PASSWORD, new_password=OTHER_PASSWORD)
    assert await as_program(at()) is not None


async def test_a_new_password_keeps_to_the_rules(at: At) -> None:
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    async with refusal(Invalid) as refused:
        await perform(mine, identity.change_password, current_password=PASSWORD, new_password="password1234")
    [problem] = refused
    assert isinstance(problem, Invalid)
    assert problem.errors is not None
    assert problem.errors[0]["pointer"] == "/newPassword"
    assert await as_program(at()) is not None


async def test_a_changed_password_makes_known_devices_strangers(at: At, floor: Floor) -> None:
    await account(at())
    await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    mine = await signed_in(at, (await as_program(at())).access_token)
    await perform(mine, identity.change_password, current_password=PASSWORD, new_password=OTHER_PASSWORD)
    assert await seen(floor, "select count(*) from known_devices") == 0


async def test_a_forgotten_password_is_replaced_by_letter_and_ends_all_sessions(at: At) -> None:
    """R7: reset kills all sessions."""
    await account(at())
    opened = await as_program(at())
    await perform(at(), identity.forgot_password, email=EMAIL)
    [(to, _subject, text)] = await delivered(at)
    assert to == EMAIL
    assert re.search(r"/auth/reset-password\?token=", text)
    await perform(at(), identity.reset_password, token=token_in(text), password=OTHER_PASSWORD)
    assert await perform(at(), identity.session_of_access_token, jwt=opened.access_token) is None
    assert await perform(at(), identity.login, email=EMAIL, password=OTHER_PASSWORD) is not None
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.reset_password, token=token_in(text), password=PASSWORD)


async def test_a_reset_link_lives_ten_minutes(at: At, clock: SetClock) -> None:
    await account(at())
    await perform(at(), identity.forgot_password, email=EMAIL)
    [(_to, _subject, text)] = await delivered(at)
    clock.pass_by(minutes=10, seconds=1)
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.reset_password, token=token_in(text), password=OTHER_PASSWORD)
    assert await as_program(at()) is not None


async def test_an_unknown_address_gets_the_same_answer_and_no_letter(at: At, floor: Floor) -> None:
    """R9: even the job is there, so that nothing shows."""
    await account(at())
    known = await perform(at(), identity.forgot_password, email=EMAIL)
    unknown = await perform(at(), identity.forgot_password, email="nobody@example.org")
    assert known.expires_in == unknown.expires_in
    assert await seen(floor, "select count(*) from jobs where name = 'identity.send_letter'") == 2
    assert [to for to, _subject, _text in await delivered(at)] == [EMAIL]


async def test_a_link_of_another_kind_sets_no_password(at: At) -> None:
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    await perform(mine, identity.verify_email)
    [(_to, _subject, text)] = await delivered(at)
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.reset_password, token=token_in(text), password=OTHER_PASSWORD)
    await perform(at(), identity.confirm_email, token=token_in(text))


async def test_a_weak_new_password_does_not_use_the_link_up(at: At) -> None:
    await account(at())
    await perform(at(), identity.forgot_password, email=EMAIL)
    [(_to, _subject, text)] = await delivered(at)
    async with refusal(Invalid):
        await perform(at(), identity.reset_password, token=token_in(text), password="short")
    await perform(at(), identity.reset_password, token=token_in(text), password=OTHER_PASSWORD)


async def test_a_reset_opens_an_account_that_guessing_had_closed(
    at: At, clock: SetClock, floor: Floor
) -> None:
    """R8."""
    await account(at())
    for number in range(100):
        async with refusal(identity.WrongCredentials):
            await perform(at(address=f"198.51.100.{number}"), identity.login, email=EMAIL, password="wrong")
        clock.pass_by(seconds=61)
    async with refusal(identity.WrongCredentials):
        await as_program(at())
    await perform(at(), identity.forgot_password, email=EMAIL)
    [(_to, _subject, text)] = await delivered(at)
    await perform(at(), identity.reset_password, token=token_in(text), password=OTHER_PASSWORD)
    assert await perform(at(), identity.login, email=EMAIL, password=OTHER_PASSWORD) is not None
