"""Turns that cross: a light one is overtaken and comes again; nobody's change is lost."""

import asyncio

import pytest

from tests.conftest import ContextOf
from tutti.command import Overtaken, perform
from tutti.context import Context, Person
from tutti.player import commands
from tutti.player.model import transport
from tutti.player.model.state import PlayerState
from tutti.player.turn import take_light_turn

VOLUME = "volume"


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
