"""R7, R9, F11: registering, confirming, and the letters that carry the links."""

import re
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import (
    OTHER_PASSWORD,
    PASSWORD,
    SetClock,
    account,
    as_program,
    refusal,
    seen,
    signed_in,
)
from tests.tutti.test_mail import post_office
from tutti import identity, mail
from tutti.command import perform
from tutti.context import Floor
from tutti.errors import Forbidden, Invalid, Problem

EMAIL = "clara@example.org"
WISH: dict[str, Any] = {"email": EMAIL, "password": PASSWORD, "name": "Clara"}


async def delivered(at: At) -> list[tuple[str, str, str]]:
    """Send what waits, as the worker does; (to, subject, text) of everything in the mail folder."""
    floor = at.floor
    async with floor.pool.connection() as connection:
        ids = [
            UUID(str(row["id"]))
            for row in await connection.fetch("select id from letters where sent_at is null")
        ]
    for letter_id in ids:
        await perform(at(), identity.send_letter, letter_id=letter_id)
    files = (
        sorted((floor.settings.data / "mail").glob("*.eml"))
        if (floor.settings.data / "mail").exists()
        else []
    )
    messages = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    return [(str(each["To"]), str(each["Subject"]), each.get_content()) for each in messages]


def token_in(text: str) -> str:
    found = re.search(r"token=([\w-]+)", text)
    assert found
    return found[1]


async def test_registering_makes_nobody_until_the_link_is_used(at: At, floor: Floor) -> None:
    answer = await perform(at(), identity.register, **WISH)
    assert (answer.email, answer.expires_in) == (EMAIL, 86400)
    assert await seen(floor, "select count(*) from users") == 0
    async with refusal(identity.WrongCredentials):
        await as_program(at())
    [(to, subject, text)] = await delivered(at)
    assert to == EMAIL
    assert "Confirm" in subject
    assert (await perform(at(), identity.confirm_email, token=token_in(text))).email == EMAIL
    opened = await as_program(at())
    assert opened.user.role == "member"
    assert opened.user.email_confirmed_at is not None


async def test_a_link_works_once_and_for_a_day(at: At, clock: SetClock) -> None:
    await perform(at(), identity.register, **WISH)
    [(_to, _subject, text)] = await delivered(at)
    clock.pass_by(hours=24, seconds=1)
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.confirm_email, token=token_in(text))
    await perform(at(), identity.register, **WISH)
    newest = (await delivered(at))[-1][2]
    await perform(at(), identity.confirm_email, token=token_in(newest))
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.confirm_email, token=token_in(newest))


@pytest.mark.parametrize("token", ["", "nonsense", "A" * 64])
async def test_an_invented_link_leads_nowhere(at: At, token: str) -> None:
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.confirm_email, token=token)


async def test_a_taken_address_gets_the_same_answer_and_another_letter(at: At, floor: Floor) -> None:
    """R9."""
    await account(at())
    taken = await perform(at(), identity.register, **WISH | {"password": OTHER_PASSWORD})
    free = await perform(at(), identity.register, **WISH | {"email": "free1@example.org"})
    assert (type(taken), taken.expires_in) == (type(free), free.expires_in)
    letters = {to: subject for to, subject, _text in await delivered(at)}
    assert "already" in letters[EMAIL]
    assert "Confirm" in letters["free1@example.org"]
    assert (
        await seen(
            floor,
            "select count(*) from letters where purpose = 'already_registered' and password_hash is not null",
        )
        == 0
    )
    assert await as_program(at()) is not None


async def test_registering_again_sends_the_letter_again_but_not_within_a_minute(
    at: At, clock: SetClock
) -> None:
    for wait in (0, 10, 60):
        clock.pass_by(seconds=wait)
        await perform(at(), identity.register, **WISH)
    assert len(await delivered(at)) == 2


async def test_each_link_begins_the_account_it_was_asked_for(at: At, clock: SetClock) -> None:
    """A stranger who registers the same address in between gets nothing into the owner's account."""
    await perform(at(), identity.register, **WISH)
    [(_to, _subject, mine)] = await delivered(at)
    clock.pass_by(minutes=2)
    await perform(at(), identity.register, **WISH | {"password": OTHER_PASSWORD, "name": "Eve"})
    theirs = next(text for _to, _subject, text in await delivered(at) if text != mine)
    await perform(at(), identity.confirm_email, token=token_in(mine))
    assert (await as_program(at())).user.name == "Clara"
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.confirm_email, token=token_in(theirs))


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"email": "nonsense"}, "/email"),
        ({"name": "  "}, "/name"),
        ({"password": "short"}, "/password"),
        ({"password": "passwordpassword"}, "/password"),
    ],
)
async def test_what_cannot_be_is_said_at_once(
    at: At, floor: Floor, wrong: dict[str, str], pointer: str
) -> None:
    async with refusal(Invalid) as refused:
        await perform(at(), identity.register, **WISH | wrong)
    [problem] = refused
    assert isinstance(problem, Problem)
    assert problem.errors is not None
    assert problem.errors[0]["pointer"] == pointer
    assert await seen(floor, "select count(*) from letters") == 0


async def test_a_closed_server_takes_no_registrations(at: At) -> None:
    at.set(registration="closed")
    async with refusal(identity.RegistrationClosed):
        await perform(at(), identity.register, **WISH)


async def test_no_token_stands_in_the_database(at: At, floor: Floor) -> None:
    await perform(at(), identity.register, **WISH)
    [(_to, _subject, text)] = await delivered(at)
    assert token_in(text) not in await seen(floor, "select l::text from letters l")
    assert token_in(text) not in await seen(floor, "select j::text from jobs j")


async def test_my_own_address_is_confirmed_by_letter(at: At, floor: Floor) -> None:
    code = await perform(at(), identity.setup_code)
    opened = await perform(at(), identity.administrator, code=code, **WISH)
    assert opened.user.email_confirmed_at is None
    mine = await signed_in(at, opened.access_token)
    await perform(mine, identity.verify_email)
    [(_to, _subject, text)] = await delivered(at)
    await perform(at(), identity.confirm_email, token=token_in(text))
    assert (await perform(mine, identity.get_me)).email_confirmed_at is not None


async def test_a_new_address_is_mine_once_its_link_is_used(at: At) -> None:
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    await perform(mine, identity.verify_email, email="new.clara@example.org")
    assert (await perform(mine, identity.get_me)).email == EMAIL
    [(to, _subject, text)] = await delivered(at)
    assert to == "new.clara@example.org"
    await perform(at(), identity.confirm_email, token=token_in(text))
    assert (await perform(mine, identity.get_me)).email == "new.clara@example.org"
    assert await as_program(at(), "new.clara@example.org") is not None


async def test_changing_the_address_needs_a_recent_proof(at: At, clock: SetClock) -> None:
    """R4: privileged age 10 minutes."""
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    clock.pass_by(minutes=11)
    async with refusal(identity.ProofNeeded):
        await perform(mine, identity.verify_email, email="new.clara@example.org")
    await perform(mine, identity.verify_email)


async def test_somebody_elses_address_is_not_betrayed_and_not_taken(at: At) -> None:
    await account(at())
    await account(at(), email="robert@example.org", name="Robert")
    mine = await signed_in(at, (await as_program(at())).access_token)
    answer = await perform(mine, identity.verify_email, email="robert@example.org")
    assert answer.email == "robert@example.org"
    [(to, subject, text)] = await delivered(at)
    assert (to, "already" in subject, "token=" in text) == ("robert@example.org", True, False)


async def test_a_newer_link_makes_the_older_worthless(at: At, clock: SetClock) -> None:
    """R7."""
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    await perform(mine, identity.verify_email)
    [(_to, _subject, old)] = await delivered(at)
    clock.pass_by(seconds=61)
    await perform(mine, identity.verify_email)
    new = next(text for _to, _subject, text in await delivered(at) if text != old)
    async with refusal(identity.LinkExpired):
        await perform(at(), identity.confirm_email, token=token_in(old))
    await perform(at(), identity.confirm_email, token=token_in(new))


async def test_looking_at_a_link_does_not_use_it(at: At) -> None:
    """R7: mail scanners open links."""
    await perform(at(), identity.register, **WISH)
    [(_to, _subject, text)] = await delivered(at)
    for _look in range(2):
        waiting = await perform(at(), identity.waiting_link, token=token_in(text))
        assert waiting is not None
        assert waiting.name == "Clara"
    await perform(at(), identity.confirm_email, token=token_in(text))


async def test_letters_travel_over_smtp_and_only_once(at: At, floor: Floor) -> None:
    async with post_office() as (office, port):
        at.set(smtp_url=f"smtp://127.0.0.1:{port}")
        await perform(at(), identity.register, **WISH)
        letter_id = await seen(floor, "select id from letters")
        for _run in range(2):
            await perform(at(), identity.send_letter, letter_id=letter_id)
    assert [letter.rcpt_tos for letter in office.letters] == [[EMAIL]]
    assert await seen(floor, "select sent_at is not null from letters")


async def test_a_post_office_that_stalls_is_tried_again_with_the_same_link(at: At, floor: Floor) -> None:
    """F11."""
    async with post_office() as (office, port):
        at.set(smtp_url=f"smtp://127.0.0.1:{port}")
        await perform(at(), identity.register, **WISH)
        letter_id = await seen(floor, "select id from letters")
        office.data_answer = "451 later"
        with pytest.raises(mail.Delayed):
            await perform(at(), identity.send_letter, letter_id=letter_id)
        office.data_answer = "250 OK"
        await perform(at(), identity.send_letter, letter_id=letter_id)
    [letter] = office.letters
    assert isinstance(letter.content, bytes)
    text = message_from_bytes(letter.content, policy=policy.default).get_content()
    await perform(at(), identity.confirm_email, token=token_in(text))


async def test_a_refused_address_is_marked_and_not_tried_again(at: At, floor: Floor) -> None:
    """F11."""
    async with post_office() as (office, port):
        at.set(smtp_url=f"smtp://127.0.0.1:{port}")
        await perform(at(), identity.register, **WISH)
        office.recipient_answer = "550 no such person"
        await perform(at(), identity.send_letter, letter_id=await seen(floor, "select id from letters"))
    assert "550" in await seen(floor, "select refusal from letters")


async def test_a_letter_that_comes_too_late_is_not_sent(at: At, floor: Floor, clock: SetClock) -> None:
    await perform(at(), identity.register, **WISH)
    clock.pass_by(hours=25)
    assert await delivered(at) == []
    assert await seen(floor, "select sent_at is null from letters")


async def test_a_job_for_a_letter_that_is_gone_does_nothing(at: At) -> None:
    await perform(at(), identity.send_letter, letter_id=UUID(int=7))


async def test_a_guest_has_letters_sent_to_nobody(at: At, floor: Floor) -> None:
    host = await account(at())
    player_id = uuid4()
    await perform(
        at(),
        identity.grant,
        subject=identity.user_subject(host.id),
        resource=identity.player_resource(player_id),
        right=identity.OWN,
    )
    hosts = await signed_in(at, (await as_program(at())).access_token)
    invitation = await perform(hosts, identity.invite)
    joined = await perform(at(), identity.join, token=invitation.token, name="Franz")
    guest = await signed_in(at, joined.access_token)
    for address in ("franz@example.org", host.email, None):
        async with refusal(Forbidden, Invalid):
            await perform(guest, identity.verify_email, email=address)
    assert await seen(floor, "select count(*) from letters") == 0
