"""Accounts, and the profile one sees and changes."""

from uuid import UUID

import pytest

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import PASSWORD, account, as_program, refusal, seen, signed_in
from tutti import identity
from tutti.command import collect, perform
from tutti.context import Floor
from tutti.errors import Invalid, SignInNeeded
from tutti.record import convert

PUBLIC = {
    "auth.register",
    "auth.login",
    "auth.refresh",
    "auth.confirmEmail",
    "auth.forgotPassword",
    "auth.resetPassword",
    "guest.join",
    "setup.administrator",
}


async def test_the_operator_adds_people_who_may_sign_in_at_once(at: At) -> None:
    person = await perform(
        at(), identity.add_user, email="ann@example.org", name="Ann", password=PASSWORD, role="admin"
    )
    assert person.role == "admin"
    assert (await as_program(at(), "ann@example.org")).user.email_confirmed_at is not None


async def test_an_address_belongs_to_one_whatever_its_case(at: At, floor: Floor) -> None:
    await account(at())
    async with refusal(identity.AddressTaken):
        await account(at(), email="Clara@Example.ORG", name="Other")
    assert await seen(floor, "select count(*) from users") == 1


@pytest.mark.parametrize("wrong", [{"email": "x"}, {"name": ""}, {"password": "short"}])
async def test_the_operator_hears_what_is_wrong(at: At, wrong: dict[str, str]) -> None:
    given = {"email": "ann@example.org", "name": "Ann", "password": PASSWORD} | wrong
    async with refusal(Invalid):
        await perform(at(), identity.add_user, **given)


async def test_my_profile_is_read_and_changed(at: At) -> None:
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    me = await perform(mine, identity.get_me)
    assert (me.name, me.email, me.role, me.language) == ("Clara", "clara@example.org", "member", None)
    changed = await perform(mine, identity.change_me, name="  Clara   Wieck ", language="de")
    assert (changed.name, changed.language) == ("Clara Wieck", "de")
    assert (await perform(mine, identity.change_me)).name == "Clara Wieck"
    assert (await signed_in(at, (await as_program(at())).access_token)).me.name == "Clara Wieck"


async def test_a_profile_takes_no_role(at: At) -> None:
    """No mass assignment (R19)."""
    parameters = collect(identity)["me.change"].parameters
    async with refusal(Invalid):
        convert({"name": "Eve", "role": "admin"}, parameters)


@pytest.mark.parametrize("wrong", [{"name": " "}, {"name": "x" * 81}, {"language": "x" * 21}])
async def test_a_profile_refuses_what_cannot_be_shown(at: At, wrong: dict[str, str]) -> None:
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    async with refusal(Invalid):
        await perform(mine, identity.change_me, **wrong)


async def test_what_happened_to_my_account_is_mine_to_read(at: At) -> None:
    """R43."""
    await account(at())
    await account(at(), email="robert@example.org", name="Robert")
    mine = await signed_in(at, (await as_program(at())).access_token)
    async with refusal(identity.WrongCredentials):
        await perform(at(address="203.0.113.5"), identity.login, email="clara@example.org", password="wrong")
    events = await perform(mine, identity.events)
    assert [(each.action, each.result, each.ip_address) for each in events.items] == [
        ("sign_in", "refused", "203.0.113.5"),
        ("sign_in", "ok", "192.0.2.7"),
        ("person.add", "ok", "192.0.2.7"),
    ]
    first = await perform(mine, identity.events, limit=2)
    assert first.next_cursor is not None
    rest = await perform(mine, identity.events, cursor=UUID(first.next_cursor))
    assert [*first.items, *rest.items] == list(events.items)
    assert rest.next_cursor is None


@pytest.mark.parametrize(
    "statement",
    [
        "update security_events set result = 'ok' returning 1",
        "delete from security_events returning 1",
        "truncate security_events",
    ],
)
async def test_the_record_cannot_be_changed(at: At, floor: Floor, statement: str) -> None:
    """R43."""
    await account(at())
    async with refusal(Exception) as refused:
        await seen(floor, statement)
    assert "never changed" in str(refused[0])


async def test_a_year_later_the_record_is_cleared(at: At, floor: Floor) -> None:
    await account(at())
    await seen(
        floor,
        "insert into security_events (id, at, action, result) "
        "values (gen_random_uuid(), now() - interval '400 days', 'old', 'ok') returning 1",
    )
    await perform(at(), identity.sweep)
    assert await seen(floor, "select array_agg(action) from security_events") == ["person.add"]


async def test_sweeping_leaves_what_still_counts(at: At) -> None:
    await account(at())
    opened = await as_program(at())
    for _twice in range(2):
        await perform(at(), identity.sweep)
    assert (await signed_in(at, opened.access_token)).me.name == "Clara"


def test_only_what_must_be_is_open_to_strangers() -> None:
    assert {each.name for each in collect(identity).values() if each.public} == PUBLIC


@pytest.mark.parametrize("name", sorted(each.name for each in collect(identity).values() if not each.public))
async def test_a_stranger_is_refused(at: At, floor: Floor, name: str) -> None:
    given = {
        "session.end": {"session_id": "018f0000-0000-7000-8000-000000000000"},
        "guest.putOut": {"guest_id": "018f0000-0000-7000-8000-000000000000"},
        "auth.changePassword": {"current_password": "a", "new_password": "b"},
    }
    before = await seen(floor, "select count(*) from security_events")
    async with refusal(SignInNeeded):
        await perform(at(), collect(identity)[name].function, **given.get(name, {}))
    assert await seen(floor, "select count(*) from security_events") == before
