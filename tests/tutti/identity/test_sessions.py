"""R12, R13: a session is one row, read on each request; ending it ends everything."""

import json
from uuid import uuid4

import redis.asyncio as redis

from tests.tutti.identity.conftest import At
from tests.tutti.identity.people import (
    PASSWORD,
    SetClock,
    account,
    as_program,
    refusal,
    renew,
    seen,
    signed_in,
)
from tutti import identity
from tutti.command import perform
from tutti.context import Floor
from tutti.errors import NotFound, SignInNeeded

EMAIL = "clara@example.org"


async def test_the_cookie_names_its_person_and_only_its_hash_is_stored(at: At, floor: Floor) -> None:
    await account(at())
    opened = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    found = await perform(at(), identity.session_of_cookie, token=opened.token)
    assert found is not None
    assert (found.person.name, found.person.email, found.session.kind) == ("Clara", EMAIL, "browser")
    assert found.person.audiences == ("public", "members", f"user:{found.person.id}")
    stored = await seen(floor, "select token_hash from sessions")
    assert stored != opened.token.encode()
    assert opened.token not in str(await seen(floor, "select s::text from sessions s"))


async def test_a_cookie_nobody_was_given_is_nobody(at: At) -> None:
    for token in ("", "x" * 43, "x" * 5000, "' or 1=1 --"):
        assert await perform(at(), identity.session_of_cookie, token=token) is None


async def test_each_sign_in_gets_a_new_token(at: At) -> None:
    await account(at())
    first = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    second = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    assert first.token != second.token


async def test_the_list_tells_where_one_is_signed_in(at: At) -> None:
    await account(at())
    ours = await as_program(
        at(agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1")
    )
    await perform(at(address="2001:db8::5"), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    mine = await signed_in(at, ours.access_token)
    items = (await perform(mine, identity.list_sessions)).items
    assert len(items) == 2
    assert [item.current for item in items].count(True) == 1
    current = next(item for item in items if item.current)
    other = next(item for item in items if not item.current)
    assert (current.device_info.browser, current.device_info.os, current.device_info.kind) == (
        "Safari",
        "iOS",
        "phone",
    )
    assert (other.device_info.browser, other.device_info.os, other.device_info.kind) == (
        "Firefox",
        "Linux",
        "desktop",
    )
    assert other.ip_address == "2001:db8::5"
    assert current.user_agent
    assert "iPhone" in current.user_agent
    assert current.created_at <= current.last_activity


async def test_ending_a_session_stops_it_at_once_and_tells_its_sockets(at: At, floor: Floor) -> None:
    await account(at())
    victim = await as_program(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    gone = await signed_in(at, victim.access_token)
    client = redis.Redis.from_url(floor.settings.redis_url)
    async with client, client.pubsub() as heard:
        await heard.psubscribe("*")
        await heard.get_message(timeout=5)
        await perform(mine, identity.end_session, session_id=gone.signed_in.id)
        told = await _next_of(heard, "session.ended")
    assert told["sessionId"] == str(gone.signed_in.id)
    assert await perform(at(), identity.session_of_access_token, jwt=victim.access_token) is None
    async with refusal(SignInNeeded):
        await renew(at(), victim.refresh_token)
    assert await seen(floor, "select is_revoked from refresh_tokens where session_id = $1", gone.signed_in.id)


async def test_ending_the_others_keeps_this_one(at: At) -> None:
    await account(at())
    others = [await as_program(at()) for _each in range(3)]
    mine = await as_program(at())
    await perform(await signed_in(at, mine.access_token), identity.end_others)
    assert [await _alive(at, each) for each in [*others, mine]] == [False, False, False, True]


async def test_somebody_elses_session_is_not_there(at: At, floor: Floor) -> None:
    await account(at())
    await account(at(), email="robert@example.org", name="Robert")
    clara = await signed_in(at, (await as_program(at())).access_token)
    robert = await signed_in(at, (await as_program(at(), "robert@example.org")).access_token)
    for session_id in (clara.signed_in.id, uuid4()):
        async with refusal(NotFound):
            await perform(robert, identity.end_session, session_id=session_id)
    assert await seen(floor, "select ended_at is null from sessions where id = $1", clara.signed_in.id)


async def test_signing_out_ends_only_this_session(at: At) -> None:
    await account(at())
    stays, goes = await as_program(at()), await as_program(at())
    await perform(await signed_in(at, goes.access_token), identity.logout)
    assert [await _alive(at, each) for each in (stays, goes)] == [True, False]


async def test_reading_writes_activity_at_most_once_a_minute(at: At, floor: Floor, clock: SetClock) -> None:
    await account(at())
    opened = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    first = await seen(floor, "select last_activity from sessions")
    clock.pass_by(seconds=50)
    await perform(at(address="198.51.100.1"), identity.session_of_cookie, token=opened.token)
    assert await seen(floor, "select last_activity from sessions") == first
    clock.pass_by(seconds=20)
    await perform(at(address="198.51.100.1"), identity.session_of_cookie, token=opened.token)
    assert await seen(floor, "select last_activity from sessions") > first
    assert await seen(floor, "select ip_address from sessions") == "198.51.100.1"


async def test_a_session_ends_by_idleness_and_by_age(at: At, clock: SetClock) -> None:
    """R4: 30 days unused, 90 days in any case."""
    await account(at())
    idle = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    used = await perform(at(), identity.sign_in_browser, email=EMAIL, password=PASSWORD)
    for _week in range(12):
        clock.pass_by(days=7)
        assert await perform(at(), identity.session_of_cookie, token=used.token) is not None
    assert await perform(at(), identity.session_of_cookie, token=idle.token) is None
    clock.pass_by(days=7)
    assert await perform(at(), identity.session_of_cookie, token=used.token) is None


async def test_a_disabled_person_is_out_at_once(at: At, floor: Floor) -> None:
    await account(at())
    opened = await as_program(at())
    await seen(floor, "update users set disabled_at = now() returning id")
    assert not await _alive(at, opened)
    async with refusal(SignInNeeded):
        await renew(at(), opened.refresh_token)
    async with refusal(identity.WrongCredentials):
        await as_program(at())


async def test_a_socket_ticket_works_once_and_for_thirty_seconds(at: At, clock: SetClock) -> None:
    """R20."""
    await account(at())
    mine = await signed_in(at, (await as_program(at())).access_token)
    made = await perform(mine, identity.ticket)
    assert made.expires_in == 30
    found = await perform(at(), identity.redeem_ticket, ticket=made.ticket)
    assert found is not None
    assert found.session.id == mine.signed_in.id
    assert await perform(at(), identity.redeem_ticket, ticket=made.ticket) is None
    late = await perform(mine, identity.ticket)
    clock.pass_by(seconds=31)
    assert await perform(at(), identity.redeem_ticket, ticket=late.ticket) is None


async def test_the_poll_of_the_hub_finds_dead_sessions_and_keeps_open_ones_alive(
    at: At, floor: Floor, clock: SetClock
) -> None:
    await account(at())
    one = await signed_in(at, (await as_program(at())).access_token)
    other = await signed_in(at, (await as_program(at())).access_token)
    ids = [one.signed_in.id, other.signed_in.id, uuid4()]
    assert (await perform(at(), identity.still_live, session_ids=ids)).keys() == {
        one.signed_in.id,
        other.signed_in.id,
    }
    await perform(one, identity.end_session, session_id=other.signed_in.id)
    for _week in range(5):
        clock.pass_by(days=7)
        assert (await perform(at(), identity.still_live, session_ids=ids)).keys() == {one.signed_in.id}


async def test_a_session_keeps_the_device_it_speaks_for(at: At) -> None:
    await account(at())
    opened = await as_program(at())
    device_id = uuid4()
    await perform(await signed_in(at, opened.access_token), identity.bind_device, device_id=device_id)
    assert (await signed_in(at, opened.access_token)).signed_in.device_id == device_id


async def _alive(at: At, opened: identity.SignedIn) -> bool:
    return await perform(at(), identity.session_of_access_token, jwt=opened.access_token) is not None


async def _next_of(heard: "redis.client.PubSub", event: str) -> dict[str, object]:
    while True:
        message = await heard.get_message(ignore_subscribe_messages=True, timeout=5)
        assert message is not None, f"{event} was not heard"
        head, _line, text = message["data"].partition(b"\n")
        if head.decode().startswith(f"{event} "):
            params: dict[str, object] = json.loads(text)["params"]
            return params
