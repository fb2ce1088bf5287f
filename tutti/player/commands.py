"""What people do with the music. Each answers the new state; the devices hear it as `player.state`."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from tutti.command import command
from tutti.context import Context
from tutti.player.devices import the_device, to_play_on
from tutti.player.editing import Editing
from tutti.player.model import outputs, transport
from tutti.player.model.presence import is_output
from tutti.player.model.state import Output, Player, PlayerState, RepeatMode, Source, is_over, state_of
from tutti.player.problems import ItemGone, NothingPlayable, QueueEmpty
from tutti.player.queue import playable_songs
from tutti.player.rights import CONTROL, VOLUME, player_of
from tutti.player.turn import Turn, shown, take_light_turn, take_turn

Milliseconds = Annotated[int, Meta(ge=0, le=2**40)]
Loudness = Annotated[float, Meta(ge=0, le=1)]


@command("GET /player")
async def get(ctx: Context, *, player_id: UUID | None = None) -> PlayerState:
    """How the player stands now."""
    return state_of((await shown(ctx, player_id)).player)


@command("POST /player/play")
async def play(
    ctx: Context,
    *,
    song_id: UUID | None = None,
    item_id: UUID | None = None,
    position_ms: Milliseconds | None = None,
    device_id: UUID | None = None,
    source: Source = "queue",
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Start or resume: the current item, another one, or a song, which is then put behind the current.

    At the end of the queue it goes on with what follows, or from the first; who names the last gets that.
    Music sounds where it sounded last. `device_id` moves it there; the very first time it is the device that
    asks, or else the one last seen that can sound.
    """
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        target = await _target(turn, song_id, item_id, source)
        await _choose_output(turn, device_id, moves=target is None)
        if target is None:
            turn.take(transport.play(turn.player, ctx.now, await turn.window_if_over()))
        else:
            turn.take(transport.jump(turn.player, ctx.now, await turn.window(target)))
        if position_ms is not None:
            turn.take(transport.seek(turn.player, ctx.now, position_ms))
        if not turn.player.is_playing:
            nothing = NothingPlayable if turn.player.queue_length else QueueEmpty
            raise nothing(player=state_of(turn.player))
    return await turn.end()


@command("POST /player/pause")
async def pause(
    ctx: Context,
    *,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Pause for everyone who shares this player; the second time changes nothing."""
    turn = await take_light_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        turn.take(transport.pause(turn.player, ctx.now))
    return await turn.end()


@command("POST /player/next")
async def next(  # noqa: A001  # the command is player.next
    ctx: Context,
    *,
    from_item_id: UUID | None = None,
    from_position_ms: Milliseconds | None = None,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Go on to the next song. Naming what one saw (item, position) makes two thumbs skip once."""
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        window = await turn.window()
        turn.take(transport.next_song(turn.player, ctx.now, window, from_item_id, from_position_ms))
    return await turn.end()


@command("POST /player/previous")
async def previous(
    ctx: Context,
    *,
    from_item_id: UUID | None = None,
    from_position_ms: Milliseconds | None = None,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Go back: past 3 s to the beginning of this song, else to the song before.

    Naming what one saw (item, position) makes two thumbs go back once.
    """
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        window = await turn.window()
        turn.take(transport.previous_song(turn.player, ctx.now, window, from_item_id, from_position_ms))
    return await turn.end()


@command("POST /player/seek")
async def seek(
    ctx: Context,
    *,
    position_ms: Milliseconds,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Move to a position of the current song; past its end means its end."""
    turn = await take_light_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        turn.take(transport.seek(turn.player, ctx.now, position_ms))
    return await turn.end()


@command("PATCH /player")
async def change(
    ctx: Context,
    *,
    volume: Loudness | None = None,
    muted: bool | None = None,
    is_shuffled: bool | None = None,
    repeat_mode: RepeatMode | None = None,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Change how loud it is, the order, or what happens at the end; each takes its own right."""
    if is_shuffled is None and repeat_mode is None:
        turn = await take_light_turn(ctx, VOLUME, player_id, if_version, command_id, memory="recent_loudness")
    else:
        if volume is not None or muted is not None:
            await player_of(ctx, player_id, VOLUME)
        turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        turn.take(transport.loudness(turn.player, volume=volume, muted=muted))
        if repeat_mode is not None:
            turn.take(transport.repeat(turn.player, repeat_mode, await turn.window(goes_round=True)))
        if is_shuffled not in (None, turn.player.is_shuffled):
            editing = Editing(turn)
            await editing.reorder(is_shuffled=bool(is_shuffled))
            await editing.finish()
    return await turn.end()


@command("POST /player/transfer")
async def transfer(
    ctx: Context,
    *,
    device_id: UUID,
    player_id: UUID | None = None,
    if_version: int | None = None,
    command_id: UUID | None = None,
) -> PlayerState:
    """Move the music to one device; while it plays, once that device is ready, or else not at all."""
    turn = await take_turn(ctx, CONTROL, player_id, if_version, command_id)
    if turn.is_first:
        turn.take(outputs.transfer(turn.player, ctx.now, await the_device(turn, device_id)))
    return await turn.end()


async def _target(turn: Turn, song_id: UUID | None, item_id: UUID | None, source: Source) -> UUID | None:
    """Which item to go to; None when the wish is to go on with the current one."""
    current = turn.player.item
    if song_id is not None and (current is None or current.song_id != song_id):
        return await _put_next(turn, song_id, source)
    if item_id is None or (current is not None and current.item_id == item_id):
        return _to_begin_again(turn.player, is_named=item_id is not None or song_id is not None)
    if turn.player.is_shuffled and current is not None:
        await _bring_forward(turn, item_id)
    if (await turn.window(item_id)).item is None:
        raise ItemGone(player=state_of(turn.player))
    return item_id


def _to_begin_again(player: Player, *, is_named: bool) -> UUID | None:
    """Going on at the end of the queue means what follows; who names the song that is over means that one."""
    return player.item.item_id if player.item is not None and is_named and is_over(player) else None


async def _put_next(turn: Turn, song_id: UUID, source: Source) -> UUID:
    songs = await playable_songs(turn.ctx, [song_id])
    editing = Editing(turn)
    items = await editing.insert(songs, "next", source)
    await editing.finish()
    return items[0].item_id


async def _bring_forward(turn: Turn, item_id: UUID) -> None:
    """Under shuffle an item that is jumped to comes behind the current one: all others keep their turn."""
    editing = Editing(turn)
    await editing.move_behind(item_id, turn.player.item.item_id if turn.player.item else None)
    await editing.finish("play")


async def _choose_output(turn: Turn, device_id: UUID | None, *, moves: bool) -> None:
    now = turn.ctx.now
    output: Output | None
    if device_id is not None:
        output = await the_device(turn, device_id)
        if turn.player.is_playing and moves and not is_output(turn.player, device_id):
            turn.take(outputs.transfer(turn.player, now, output))
            return
    elif turn.player.outputs:
        return
    else:
        output = await to_play_on(turn)
    if output is not None:
        turn.take(outputs.play_here(turn.player, now, output))
