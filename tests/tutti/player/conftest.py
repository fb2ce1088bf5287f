"""People with phones and songs, at real players on PostgreSQL."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import pytest

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf
from tutti import identity, player
from tutti.command import perform
from tutti.context import Context, Floor, Person, SessionRef
from tutti.player.model.changes import Inserted, Moved, Removed

T = TypeVar("T")


class Remote:
    """One session of a person: what it does is performed as a server would."""

    def __init__(self, floor: Floor, person: Person, session: SessionRef) -> None:
        self.floor = floor
        self.person = person
        self.session = session

    async def do(self, command: Callable[..., Awaitable[T]], **parameters: Any) -> T:
        """Perform one command in a context of its own."""
        ctx = Context(self.floor, person=self.person, session=self.session, request_id="test")
        return await perform(ctx, command, **parameters)

    async def device(self, name: str = "Kitchen", **members: Any) -> UUID:
        """Register this session as a device."""
        return (await self.do(player.register_device, name=name, **members)).device_id

    async def add(self, *song_ids: UUID, **parameters: Any) -> player.State:
        return await self.do(player.add_to_queue, song_ids=song_ids, **parameters)

    async def queue(self, **parameters: Any) -> player.Queue:
        return await self.do(player.get_queue, **parameters)

    async def titles(self) -> list[str]:
        """The whole queue in playing order."""
        return [item.title for item in (await self.queue(from_=0, limit=200)).items]

    async def item_ids(self) -> list[UUID]:
        return [item.item_id for item in (await self.queue(from_=0, limit=200)).items]

    async def report(self, state: str, position_ms: int = 0, **members: Any) -> None:
        """What this session's device says, of the current item and version unless told otherwise."""
        now = await self.do(player.get_player)
        given: dict[str, Any] = {"item_id": now.item.item_id if now.item else None, "version": now.version}
        await self.do(player.report_device, state=state, position_ms=position_ms, **(given | members))

    def joined(self, player_id: UUID) -> "Remote":
        """The same session at somebody else's player, as a guest's is."""
        return Remote(self.floor, self.person, msgspec.structs.replace(self.session, player_id=player_id))

    async def player_id(self) -> UUID:
        return (await self.do(player.get_player)).player_id

    async def pass_time(self, seconds: float) -> None:
        """As if everything of this player had happened so much earlier."""
        state = await self.do(player.get_player)
        async with self.floor.pool.connection() as connection:
            await connection.execute(
                """update queues set anchored_at = anchored_at - $2::interval,
                   output_seen_at = output_seen_at - $2::interval, heard_since = heard_since - $2::interval,
                   awaited = (select coalesce(jsonb_object_agg(
                       key, cast(value as timestamptz) - $2::interval), '{}') from jsonb_each_text(awaited)),
                   updated_at = updated_at - $2::interval,
                   handoff = case when handoff is null then null else handoff || jsonb_build_object(
                       'deadline', cast(handoff ->> 'deadline' as timestamptz) - $2::interval,
                       'startsAt', cast(handoff ->> 'startsAt' as timestamptz) - $2::interval) end,
                   hearing = case when hearing is null then null else hearing || jsonb_build_object(
                       'startedAt', cast(hearing ->> 'startedAt' as timestamptz) - $2::interval) end,
                   notice = case when notice is null then null else notice || jsonb_build_object(
                       'at', cast(notice ->> 'at' as timestamptz) - $2::interval) end
                   where id = $1""",
                state.player_id,
                timedelta(seconds=seconds),
            )

    async def settle(self) -> player.State:
        """What a server does when time is up."""
        state = await self.do(player.get_player)
        settled = await perform(Context(self.floor), player.settle, player_id=state.player_id)
        assert settled is not None
        return settled


async def a_remote(floor: Floor, person: Person) -> Remote:
    """One more session of this person."""
    ctx = Context(floor, ip_address="127.0.0.1", user_agent="tests")
    opened = await perform(ctx, identity.open_program_session, user_id=person.id)
    found = await perform(Context(floor), identity.session_of_access_token, jwt=opened.access_token)
    assert found is not None
    return Remote(floor, person, found.session)


async def befriended(host: Remote, floor: Floor, friend: Person, *rights: str) -> Remote:
    """Somebody else with these rights on the host's player, by default every one that can be given."""
    state = await host.do(player.get_player)
    for right in rights or ("see", "add", "control", "volume"):
        await perform(
            Context(floor, person=host.person, session=host.session),
            identity.grant,
            subject=identity.user_subject(friend.id),
            resource=identity.player_resource(state.player_id),
            right=right,
        )
    return await a_remote(floor, friend)


@pytest.fixture
async def phone(floor: Floor, someone: Person) -> Remote:
    """A session of a member."""
    return await a_remote(floor, someone)


@pytest.fixture
async def desk(floor: Floor, someone: Person) -> Remote:
    """Another session of the same member."""
    return await a_remote(floor, someone)


@pytest.fixture
def so_far() -> Callable[[], float]:
    """How many seconds this test has really taken: what music may have played beside the time let pass."""
    began = monotonic()
    return lambda: monotonic() - began


@pytest.fixture
def shelf(context_of: ContextOf) -> Shelf:
    return Shelf(context_of)


@pytest.fixture
async def songs(shelf: Shelf, someone: Person) -> list[UUID]:
    """Five songs, A to E, of 215 s each."""
    return [(await shelf.add(someone, title)).id for title in "ABCDE"]


def apply(mirror: list[UUID], change: player.QueueChanged) -> None:
    """What a client does with queue.changed."""
    assert not change.reload
    for each in change.changes:
        match each:
            case Inserted(index=index, items=items):
                mirror[index:index] = [item.item_id for item in items]
            case Removed(index=index, item_id=item_id):
                assert mirror.pop(index) == item_id
            case Moved(item_id=item_id, from_=start, to=end):
                assert mirror.pop(start) == item_id
                mirror.insert(end, item_id)
    assert len(mirror) == change.length
