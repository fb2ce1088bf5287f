"""Guests on somebody's player."""

from uuid import UUID, uuid4

import pytest

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import SetClock, account, as_program, refusal, renew, seen, signed_in
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.errors import Invalid, NotFound, SignInNeeded


async def host_of(at: At, player_id: UUID, email: str = "clara@example.org") -> Context:
    """Somebody with a player of his own."""
    person = await account(at(), email=email, name=email.partition("@")[0].capitalize())
    await own(at, person, player_id)
    return await signed_in(at, (await as_program(at(), email)).access_token)


async def own(at: At, person: Person, player_id: UUID) -> None:
    await perform(
        at(),
        identity.grant,
        subject=identity.user_subject(person.id),
        resource=identity.player_resource(player_id),
        right=identity.OWN,
    )


@pytest.fixture
def player_id() -> UUID:
    return uuid4()


async def test_a_guest_comes_in_with_the_rights_of_the_invitation(at: At, player_id: UUID) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite, rights=("add", "control"))
    assert made.url.endswith(f"/join/{made.token}")
    opened = await perform(at(), identity.join, token=made.token, name="Franz")
    guest = await signed_in(at, opened.access_token)
    assert (guest.me.role, guest.me.name, guest.me.email) == ("guest", "Franz", None)
    assert (guest.signed_in.kind, guest.signed_in.player_id) == ("guest", player_id)
    resource = identity.player_resource(player_id)
    rights = {
        right: await identity.allowed(guest, resource, right)
        for right in ("see", "add", "control", "volume", "own")
    }
    assert rights == {"see": True, "add": True, "control": True, "volume": False, "own": False}
    assert await identity.rights_on(guest, resource) == {"see", "add", "control"}
    await guest.roll_back()


async def test_a_guest_hears_what_his_host_hears(at: At, player_id: UUID) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite)
    guest = await signed_in(
        at, (await perform(at(), identity.join, token=made.token, name="Franz")).access_token
    )
    assert guest.audiences == host.audiences


async def test_an_invitation_lets_in_as_many_as_it_says(at: At, player_id: UUID, floor: Floor) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite, uses=2)
    for name in ("Franz", "Fanny"):
        await perform(at(), identity.join, token=made.token, name=name)
    async with refusal(identity.InvitationOver):
        await perform(at(), identity.join, token=made.token, name="Felix")
    assert {each.name for each in (await perform(host, identity.list_guests)).items} == {"Franz", "Fanny"}
    assert made.token not in await seen(floor, "select i::text from guest_invitations i")


async def test_an_invitation_ends_after_twelve_hours_or_when_the_host_says_so(
    at: At, player_id: UUID, clock: SetClock
) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite, uses=5)
    assert (await perform(at(), identity.waiting_invitation, token=made.token)) is not None
    await perform(host, identity.end_invitations)
    late = await perform(host, identity.invite)
    clock.pass_by(hours=12, seconds=1)
    for token in (made.token, late.token, "", "nonsense"):
        async with refusal(identity.InvitationOver):
            await perform(at(), identity.join, token=token, name="Franz")


async def test_putting_out_ends_rights_sessions_and_tokens(at: At, player_id: UUID, floor: Floor) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite, uses=2)
    goes = await perform(at(), identity.join, token=made.token, name="Franz")
    stays = await perform(at(), identity.join, token=made.token, name="Fanny")
    guest = await signed_in(at, goes.access_token)
    await perform(host, identity.put_out, guest_id=guest.me.id)
    assert await perform(at(), identity.session_of_access_token, jwt=goes.access_token) is None
    assert not await identity.allowed(guest, identity.player_resource(player_id), "see")
    await guest.roll_back()
    async with refusal(SignInNeeded):
        await renew(at(), goes.refresh_token)
    assert await perform(at(), identity.session_of_access_token, jwt=stays.access_token) is not None
    assert [each.name for each in (await perform(host, identity.list_guests)).items] == ["Fanny"]
    assert (
        await seen(floor, "select ended_because from sessions where id = $1", guest.signed_in.id) == "put_out"
    )
    job = "select arguments ->> 'person_id' from jobs where name = 'player.forget_devices_of'"
    assert await seen(floor, job) == str(guest.me.id)
    async with refusal(NotFound):
        await perform(host, identity.put_out, guest_id=guest.me.id)


async def test_only_the_host_puts_his_guests_out(at: At, player_id: UUID) -> None:
    host = await host_of(at, player_id)
    other = await host_of(at, uuid4(), "robert@example.org")
    made = await perform(host, identity.invite)
    opened = await perform(at(), identity.join, token=made.token, name="Franz")
    for stranger in (other, await signed_in(at, opened.access_token)):
        async with refusal(NotFound):
            await perform(stranger, identity.put_out, guest_id=opened.user.id)
        assert (await perform(stranger, identity.list_guests)).items == ()
    async with refusal(NotFound):
        await perform(host, identity.put_out, guest_id=other.me.id)


async def test_one_invites_only_to_a_player_of_ones_own(at: At, player_id: UUID, floor: Floor) -> None:
    host = await host_of(at, player_id)
    await account(at(), email="robert@example.org", name="Robert")
    robert = await signed_in(at, (await as_program(at(), "robert@example.org")).access_token)
    async with refusal(identity.NoPlayerYet):
        await perform(robert, identity.invite)
    async with refusal(identity.NotYourPlayer):
        await perform(robert, identity.invite, player_id=player_id)
    made = await perform(host, identity.invite, rights=("control",))
    guest = await signed_in(
        at, (await perform(at(), identity.join, token=made.token, name="Franz")).access_token
    )
    async with refusal(identity.GuestsCannotInvite):
        await perform(guest, identity.invite, player_id=player_id)
    assert await seen(floor, "select count(*) from guest_invitations") == 1


async def test_a_guest_lasts_a_day_however_busy_he_is(at: At, player_id: UUID, clock: SetClock) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite)
    opened = await perform(at(), identity.join_in_browser, token=made.token, name="Franz")
    for _hours in range(4):
        clock.pass_by(hours=5)
        assert await perform(at(), identity.session_of_cookie, token=opened.token) is not None
    clock.pass_by(hours=5)
    assert await perform(at(), identity.session_of_cookie, token=opened.token) is None


async def test_a_disabled_host_takes_his_guests_along(at: At, player_id: UUID, floor: Floor) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite)
    opened = await perform(at(), identity.join_in_browser, token=made.token, name="Franz")
    await seen(floor, "update users set disabled_at = now() where id = $1 returning id", host.me.id)
    assert await perform(at(), identity.session_of_cookie, token=opened.token) is None


async def test_a_guest_has_no_password_to_change(at: At, player_id: UUID) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite)
    guest = await signed_in(
        at, (await perform(at(), identity.join, token=made.token, name="Franz")).access_token
    )
    async with refusal(Invalid):
        await perform(guest, identity.change_password, current_password="", new_password="seven otters dance")


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "x" * 81])
async def test_a_name_nobody_can_read_uses_no_invitation_up(at: At, player_id: UUID, name: str) -> None:
    host = await host_of(at, player_id)
    made = await perform(host, identity.invite)
    async with refusal(Invalid):
        await perform(at(), identity.join, token=made.token, name=name)
    assert await perform(at(), identity.join, token=made.token, name="Franz") is not None
