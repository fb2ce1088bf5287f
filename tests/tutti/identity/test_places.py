"""Which socket speaks for a session's device, as its row says it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.conftest import ContextOf
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person, SessionRef
from tutti.errors import SignInNeeded

At = Callable[[], Context]


async def signed_in(context_of: ContextOf, person: Person) -> At:
    """Makes contexts of a new session."""
    opened = await perform(context_of(), identity.open_program_session, user_id=person.id)
    found = await perform(context_of(), identity.session_of_access_token, jwt=opened.access_token)
    assert found is not None
    session = SessionRef(id=found.session.id, authenticated_at=found.session.authenticated_at)
    return lambda: context_of(person, session)


@pytest.fixture
async def mine(context_of: ContextOf, someone: Person) -> At:
    """A session that speaks for a device."""
    at = await signed_in(context_of, someone)
    await perform(at(), identity.bind_device, device_id=uuid4())
    return at


@pytest.fixture
def told(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """What was published: topic, and the line for the hub."""
    kept: list[tuple[str, bytes]] = []
    monkeypatch.setattr(
        floor.publisher, "publish", lambda topic, message: kept.append((topic, message.split(b"\n")[0]))
    )
    return kept


async def test_who_takes_a_place_that_is_held_is_told_to_who_held_it(
    mine: At, told: list[tuple[str, bytes]]
) -> None:
    first, second = uuid4(), uuid4()
    assert await perform(mine(), identity.take_place, socket_id=first, opened_at=None)
    assert told == [], "nobody was there"
    assert await perform(mine(), identity.take_place, socket_id=second, opened_at=None)
    assert told == [(f"session:{mine().signed_in.id}", f"device.taken 0 {second}".encode())]
    assert await perform(mine(), identity.take_place, socket_id=second, opened_at=None)
    assert len(told) == 1, "saying it again changes nothing"


async def test_only_who_has_the_place_leaves_it(mine: At, told: list[tuple[str, bytes]]) -> None:
    first, second = uuid4(), uuid4()
    await perform(mine(), identity.take_place, socket_id=first, opened_at=None)
    assert not await perform(mine(), identity.leave_place, socket_id=second)
    assert await perform(mine(), identity.leave_place, socket_id=first)
    assert await perform(mine(), identity.take_place, socket_id=second, opened_at=None)
    assert told == []


async def test_who_opened_earlier_takes_nothing_and_a_clock_ahead_keeps_nobody_out(
    mine: At,
) -> None:
    now, hour = mine().now, timedelta(hours=1)
    for opened_at in (now - hour, now + hour, now + hour, None):
        assert await perform(mine(), identity.take_place, socket_id=uuid4(), opened_at=opened_at)
    assert not await perform(mine(), identity.take_place, socket_id=uuid4(), opened_at=now - hour)


async def test_a_device_that_goes_to_another_session_leaves_the_first_and_its_socket(
    context_of: ContextOf, someone: Person, told: list[tuple[str, bytes]]
) -> None:
    one, other = await signed_in(context_of, someone), await signed_in(context_of, someone)
    device_id, socket_id = uuid4(), uuid4()
    await perform(one(), identity.bind_device, device_id=device_id)
    await perform(one(), identity.take_place, socket_id=socket_id, opened_at=None)
    told.clear()
    await perform(other(), identity.bind_device, device_id=device_id)
    assert told == [(f"session:{one().signed_in.id}", b"device.taken 0 ")]
    ids = [one().signed_in.id, other().signed_in.id]
    assert await perform(context_of(), identity.still_live, session_ids=ids) == dict.fromkeys(ids)


async def test_a_session_that_has_ended_takes_no_place(mine: At) -> None:
    await perform(mine(), identity.end_session, session_id=mine().signed_in.id)
    with pytest.raises(SignInNeeded):
        await perform(mine(), identity.take_place, socket_id=uuid4(), opened_at=None)
