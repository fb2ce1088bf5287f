"""A command that is sent again takes effect once."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.command import perform
from tutti.context import Context, Floor


async def drag(remote: Remote, times: int = 100) -> None:
    """A slider that is dragged sends a command every 60 ms."""
    for place in range(times):
        await remote.do(player.change_player, volume=place / times, command_id=uuid4())


async def test_it_is_carried_out_once(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    command_id = uuid4()
    first = await phone.do(player.next_song, command_id=command_id)
    again = await phone.do(player.next_song, command_id=command_id)
    assert again == first
    added = uuid4()
    await phone.add(songs[0], command_id=added)
    await phone.add(songs[0], command_id=added)
    assert len(await phone.titles()) == 6


async def test_one_without_effect_stays_without(phone: Remote, songs: list[UUID]) -> None:
    """The answer to the first pause was lost; the one sent again must not stop what was started since."""
    await phone.device()
    await phone.add(*songs)
    command_id = uuid4()
    await phone.do(player.pause, command_id=command_id)
    await phone.do(player.play)
    assert (await phone.do(player.pause, command_id=command_id)).is_playing


async def test_a_slider_makes_nothing_forgotten(phone: Remote, desk: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    next_id, add_id, undo_id, pause_id = (uuid4() for _ in range(4))
    await phone.do(player.next_song, command_id=next_id)
    await phone.add(songs[0], command_id=add_id)
    await phone.add(songs[1])
    await phone.do(player.undo_queue, command_id=undo_id)
    await phone.do(player.pause, command_id=pause_id)
    await drag(desk)
    await phone.do(player.play)
    before = await phone.do(player.get_player)
    await phone.do(player.next_song, command_id=next_id)
    await phone.add(songs[0], command_id=add_id)
    await phone.do(player.undo_queue, command_id=undo_id)
    await phone.do(player.pause, command_id=pause_id)
    assert await phone.do(player.get_player) == before


@pytest.mark.parametrize("others", [31, 32, 33, 100])
async def test_however_many_others_came_since_a_pause_stays_done(
    phone: Remote, desk: Remote, songs: list[UUID], others: int
) -> None:
    await phone.device()
    await phone.add(*songs)
    pause_id, seek_id = uuid4(), uuid4()
    await phone.do(player.pause, command_id=pause_id)
    await phone.do(player.seek, position_ms=1, command_id=seek_id)
    for place in range(others):
        await desk.do(player.seek, position_ms=2 + place, command_id=uuid4())
    await phone.do(player.play)
    before = await phone.do(player.get_player)
    assert await phone.do(player.pause, command_id=pause_id) == before
    assert await phone.do(player.seek, position_ms=1, command_id=seek_id) == before


async def test_an_old_volume_sent_again_is_not_taken_for_a_new_one(phone: Remote, desk: Remote) -> None:
    command_id = uuid4()
    await phone.do(player.change_player, volume=0.9, command_id=command_id)
    await desk.do(player.change_player, volume=0.2, command_id=uuid4())
    assert (await phone.do(player.change_player, volume=0.9, command_id=command_id)).volume == 0.2


async def test_the_same_command_twice_at_once_is_carried_out_once(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    for number in range(1, 4):
        command_id = uuid4()
        both = await asyncio.gather(
            *(phone.do(player.next_song, command_id=command_id) for _ in range(4)),
        )
        assert {state.current_index for state in both} == {number}


async def test_ten_minutes_are_remembered_and_no_more(phone: Remote, floor: Floor, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    ids = [uuid4() for _ in range(3)]
    for command_id in ids:
        await phone.do(player.next_song, command_id=command_id)
    await older(phone, ids[0], "11 minutes")
    await older(phone, ids[1], "9 minutes")
    await drag(phone, 40)
    await perform(Context(floor), player.forget_commands)
    assert await kept(phone) == {*ids[1:]}
    before = await phone.do(player.get_player)
    assert await phone.do(player.next_song, command_id=ids[1]) == before
    assert await phone.do(player.next_song, command_id=ids[2]) == before


async def test_what_changes_nothing_does_not_pile_up(phone: Remote, floor: Floor, songs: list[UUID]) -> None:
    """A command without effect is remembered too, though the player's version stands still."""
    await phone.add(*songs)
    command_id = uuid4()
    before = await phone.do(player.get_player)
    after = await phone.do(player.next_song, from_item_id=uuid4(), command_id=command_id)
    assert after.version == before.version
    assert await kept(phone) == {command_id}
    await older(phone, command_id, "11 minutes")
    await perform(Context(floor), player.forget_commands)
    assert await kept(phone) == set()


async def test_the_row_that_every_command_reads_stays_small(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await drag(phone)
    for place in range(100):
        await phone.do(player.seek, position_ms=place, command_id=uuid4())
    async with phone.floor.pool.connection() as connection:
        size = await connection.fetchval(
            "select max(octet_length(recent_commands) + octet_length(recent_loudness)) from queues"
        )
    assert size <= 1024


async def kept(remote: Remote) -> set[UUID]:
    """The commands that have a row."""
    async with remote.floor.pool.connection() as connection:
        return {row["command_id"] for row in await connection.fetch("select command_id from player_commands")}


async def older(remote: Remote, command_id: UUID, age: str) -> None:
    """As if it had been carried out so long ago."""
    async with remote.floor.pool.connection() as connection:
        await connection.execute(
            f"update player_commands set done_at = done_at - interval '{age}' where command_id = $1",
            command_id,
        )
