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
