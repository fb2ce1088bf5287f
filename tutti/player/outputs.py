"""Several devices together: each plays the same song at the same instant of the common clock."""

from uuid import UUID

from tutti.command import command
from tutti.context import Context
from tutti.player.devices import the_device
from tutti.player.model import outputs
from tutti.player.model.state import PlayerState
from tutti.player.rights import CONTROL
from tutti.player.turn import take_turn

NOUN = "output"


@command("POST /player/outputs")
async def add(
    ctx: Context,
    *,
    device_id: UUID,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Let one more device sound. The others go on, it catches up."""
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        turn.take(outputs.add_output(turn.player, ctx.now, await the_device(turn, device_id)))
    return await turn.end()


@command("DELETE /player/outputs/{deviceId}")
async def remove(
    ctx: Context,
    *,
    device_id: UUID,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Let a device be silent. Without the last one the music pauses."""
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        turn.take(outputs.remove_output(turn.player, ctx.now, device_id))
    return await turn.end()
