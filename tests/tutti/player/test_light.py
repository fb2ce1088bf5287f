"""The light way: many players in one statement, each for himself."""

import asyncio
from uuid import uuid4

import msgspec

from tests.conftest import ContextOf, add_person
from tests.tutti.player.conftest import Remote, a_remote, befriended
from tutti import player
from tutti.context import Context, Floor, Person
from tutti.player import light
from tutti.player.light import Wanted
from tutti.player.model.state import Player


async def read(floor: Floor, person: Person, **members: object) -> Player | None:
    wanted = {"person_id": person.id, "player_id": None, "command_id": None} | members
    return await light.read(Context(floor), Wanted(**wanted))  # type: ignore[arg-type]  # given by name


async def loud(remote: Remote, volume: float) -> player.State:
    return await remote.do(player.change_player, volume=volume)


async def test_each_of_many_at_once_gets_his_own(floor: Floor) -> None:
    people = [await add_person(floor, f"Singer {number}", "member") for number in range(30)]
    remotes = [await a_remote(floor, person) for person in people]
    volumes = [number / 100 for number in range(1, 31)]
    await asyncio.gather(*map(loud, remotes, volumes))
    found = await asyncio.gather(*(read(floor, person) for person in people))
    assert [each and (each.user_id, each.volume) for each in found] == [
        (person.id, volume) for person, volume in zip(people, volumes, strict=True)
    ]


async def test_many_at_once_cost_few_statements(floor: Floor) -> None:
    remotes = [await a_remote(floor, await add_person(floor, "Singer", "member")) for _ in range(30)]
    await asyncio.gather(*(loud(remote, 0.5) for remote in remotes))
    ways = light.ways(Context(floor))
    carried_out: list[int] = []
    for batch in (ways.reads, ways.writes):

        async def counted(asked: list[object], work: object = batch.work) -> object:
            carried_out.append(len(asked))
            return await work(asked)  # type: ignore[operator]

        batch.work = counted  # type: ignore[assignment]
    await asyncio.gather(*(loud(remote, 0.25) for remote in remotes))
    assert sum(carried_out) == 60
    assert len(carried_out) <= 6


async def test_only_ones_own_player_is_found(
    floor: Floor, phone: Remote, someone: Person, someone_else: Person
) -> None:
    player_id = await phone.player_id()
    mine, named, anothers, none = await asyncio.gather(
        read(floor, someone),
        read(floor, someone, player_id=player_id),
        read(floor, someone_else, player_id=player_id),
        read(floor, someone_else),
    )
    assert mine is not None
    assert named is not None
    assert mine.id == named.id == player_id
    assert anothers is None
    assert none is None


async def test_what_was_carried_out_before_is_told_with_the_row(
    floor: Floor, phone: Remote, someone: Person
) -> None:
    done, new = uuid4(), uuid4()
    await phone.do(player.next_song, command_id=done)
    found = await asyncio.gather(*(read(floor, someone, command_id=each) for each in (done, new, None)))
    assert [each and each.was_done for each in found] == [True, False, False]


async def test_who_holds_his_player_keeps_nobody_else_waiting(
    floor: Floor, phone: Remote, context_of: ContextOf, someone_else: Person
) -> None:
    """A long edit of one's queue is no reason that a neighbour's slider stands still."""
    neighbour = await a_remote(floor, someone_else)
    for remote in (phone, neighbour):
        await loud(remote, 0.5)
    holding = context_of()
    lock = "select from queues where id = $1 for update"
    await (await holding.connection()).execute(lock, await phone.player_id())
    held = asyncio.create_task(loud(phone, 0.25))
    await asyncio.sleep(0)
    # Who waits behind a lock waits the two seconds of lock_timeout.
    assert (await asyncio.wait_for(loud(neighbour, 0.75), 1.9)).volume == 0.75
    assert not held.done()
    await holding.roll_back()
    assert (await held).volume == 0.25


async def test_one_that_cannot_be_written_spoils_nothing_of_the_others(
    floor: Floor, phone: Remote, someone: Person, someone_else: Person
) -> None:
    neighbour = await a_remote(floor, someone_else)
    for remote in (phone, neighbour):
        await loud(remote, 0.5)
    mine, theirs = [await read(floor, each) for each in (someone, someone_else)]
    assert mine is not None
    assert theirs is not None
    impossible = msgspec.structs.replace(mine, volume=2.0)
    possible = msgspec.structs.replace(theirs, volume=0.25)
    ctx = Context(floor)
    written = await asyncio.gather(*(light.write_course(ctx, each) for each in (impossible, possible)))
    assert written == [False, False]
    assert (await neighbour.do(player.get_player)).volume == 0.5
    assert await light.write_course(ctx, possible)
    assert (await neighbour.do(player.get_player)).volume == 0.25


async def test_one_that_cannot_be_read_spoils_nothing_for_the_others(
    floor: Floor, phone: Remote, someone_else: Person
) -> None:
    """Newer code that works beside us may have written what we do not know."""
    neighbour = await a_remote(floor, someone_else)
    for remote in (phone, neighbour):
        await loud(remote, 0.5)
    async with floor.pool.connection() as connection:
        unheard_of = {"code": "unheard_of", "at": "2030-01-01T00:00:00Z"}
        await connection.execute(
            "update queues set notice = $2 where id = $1", await phone.player_id(), unheard_of
        )
    unreadable, state = await asyncio.gather(loud(phone, 0.25), loud(neighbour, 0.25), return_exceptions=True)
    assert isinstance(unreadable, msgspec.ValidationError)
    assert isinstance(state, player.State)
    assert state.volume == 0.25


async def test_of_two_writes_of_one_row_in_one_statement_one_is_overtaken(
    floor: Floor, phone: Remote, someone: Person
) -> None:
    await loud(phone, 0.5)
    found = await read(floor, someone)
    assert found is not None
    wishes = [msgspec.structs.replace(found, volume=volume) for volume in (0.25, 0.75)]
    ctx = Context(floor)
    written = await asyncio.gather(*(light.write_course(ctx, wish) for wish in wishes))
    assert sorted(written) == [False, True]
    assert (await phone.do(player.get_player)).volume == wishes[written.index(True)].volume


async def test_a_guest_takes_the_full_way(floor: Floor, phone: Remote, someone_else: Person) -> None:
    friend = (await befriended(phone, floor, someone_else)).joined(await phone.player_id())
    assert (await loud(friend, 0.125)).volume == 0.125
    assert (await phone.do(player.get_player)).volume == 0.125
