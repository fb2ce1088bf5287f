"""Turns that cross: a light one is overtaken and comes again; nobody's change is lost."""

import asyncio
from uuid import UUID

import pytest

from tests.conftest import ContextOf
from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.command import Overtaken, perform
from tutti.context import Context, Person
from tutti.player import commands
from tutti.player.model import transport
from tutti.player.model.state import PlayerState
from tutti.player.problems import PlayerMoved
from tutti.player.turn import take_light_turn

CONTROL, VOLUME = "control", "volume"


async def test_a_light_turn_whose_row_was_written_meanwhile_is_overtaken(
    context_of: ContextOf, someone: Person
) -> None:
    await perform(context_of(someone), commands.change, volume=0.5)
    ctx = context_of(someone)
    turn = await take_light_turn(ctx, VOLUME, None)
    await perform(context_of(someone), commands.change, volume=0.75)
    turn.take(transport.loudness(turn.player, volume=0.25, muted=None))
    with pytest.raises(Overtaken):
        await turn.end()
    await ctx.roll_back()
    assert (await perform(context_of(someone), commands.get)).volume == 0.75


async def test_an_overtaken_command_takes_effect_at_its_second_try(
    context_of: ContextOf, someone: Person
) -> None:
    await perform(context_of(someone), commands.change, volume=0.5)
    tries: list[int] = []

    async def with_a_rival(ctx: Context) -> PlayerState:
        tries.append(ctx.attempt)
        turn = await take_light_turn(ctx, VOLUME, None)
        if ctx.attempt == 1:
            await perform(context_of(someone), commands.change, muted=True)
        turn.take(transport.loudness(turn.player, volume=0.25, muted=None))
        return await turn.end()

    after = await perform(context_of(someone), with_a_rival)
    assert tries == [1, 2]
    assert (after.volume, after.muted) == (0.25, True)


async def test_fifty_at_once_raise_the_version_by_fifty(context_of: ContextOf, someone: Person) -> None:
    first = await perform(context_of(someone), commands.change, volume=0.0)
    loud = [number / 100 for number in range(1, 51)]
    states = await asyncio.gather(
        *(perform(context_of(someone), commands.change, volume=volume) for volume in loud)
    )
    assert sorted(state.version for state in states) == [first.version + n for n in range(1, 51)]
    assert sorted(state.volume for state in states) == loud


async def test_who_is_overtaken_at_the_end_of_a_song_leaves_no_second_row_of_history(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.report("playing")
    await phone.pass_time(213)
    await phone.report("playing", 213_000)
    await phone.pass_time(4)
    ctx = Context(phone.floor, person=phone.person, session=phone.session)
    turn = await take_light_turn(ctx, CONTROL, None)
    settled = await phone.settle()
    turn.take(transport.pause(turn.player, ctx.now))
    with pytest.raises(Overtaken):
        await turn.end()
    await ctx.roll_back()
    after = await phone.do(player.pause)
    assert (after.item, after.version) == (settled.item, settled.version + 1)
    rows = (await phone.do(player.history)).items
    assert [row.song_id for row in rows] == [songs[1], songs[0]]
    assert [row.id is None for row in rows] == [True, False]


async def test_who_saw_what_time_has_done_may_build_on_it_and_who_did_not_may_not(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    """Nobody has written down yet that the song ended; a read shows it all the same."""
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    older = await phone.do(player.seek, position_ms=214_000)
    await phone.pass_time(3)
    newer = await phone.do(player.get_player)
    assert newer.item is not None
    assert newer.item.title == "B"
    with pytest.raises(PlayerMoved) as moved:
        await desk.do(player.next_song, if_version=older.version)
    assert moved.value.details["player"].version == newer.version
    after = await phone.do(player.next_song, if_version=newer.version)
    assert after.item is not None
    assert after.item.title == "C"


async def test_what_a_read_showed_is_told_under_the_version_it_showed(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs)
    before = await phone.do(player.play)
    await phone.do(player.seek, position_ms=214_000)
    await phone.pass_time(3)
    seen = await phone.do(player.get_player)
    shown = await phone.queue()
    settled = await phone.settle()
    assert (settled.version, settled.item) == (seen.version, seen.item)
    assert shown.version == seen.version == before.version + 2
    assert await phone.settle() == settled


async def test_each_thing_that_time_does_has_a_version_of_its_own(phone: Remote, songs: list[UUID]) -> None:
    """Otherwise one version could mean two things to two who read at different times."""
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    begun = await phone.do(player.seek, position_ms=214_000)
    await phone.pass_time(3)
    ended = await phone.do(player.get_player)
    await phone.pass_time(9)
    silent = await phone.do(player.get_player)
    assert [state.item.title for state in (begun, ended, silent) if state.item] == ["A", "B", "B"]
    assert [state.is_playing for state in (begun, ended, silent)] == [True, True, False]
    assert [state.version - begun.version for state in (begun, ended, silent)] == [0, 1, 2]
    assert (await phone.do(player.change_player, volume=0.4)).version == silent.version + 1


async def test_a_light_turn_takes_up_the_version_that_was_shown(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    older = await phone.do(player.seek, position_ms=214_000)
    await phone.pass_time(3)
    seen = await phone.do(player.get_player)
    with pytest.raises(PlayerMoved):
        await phone.do(player.pause, if_version=older.version)
    assert (await phone.do(player.pause, if_version=seen.version)).version == seen.version + 1
