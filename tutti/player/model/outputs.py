"""Where it plays: the one output, several together, and the handoff between two."""

from datetime import datetime
from uuid import UUID

from tutti.player.model.course import (
    anchor,
    give_up_handoff,
    hand_over,
    start,
    stop,
    unheard,
)
from tutti.player.model.presence import (
    LEAD,
    PATIENCE,
    QUIET,
    can_sound_at,
    here,
    is_output,
    joined,
    spoken,
    without,
)
from tutti.player.model.state import (
    Handoff,
    Output,
    Player,
    changed,
)


def transfer(player: Player, now: datetime, target: Output) -> Player:
    """Move the music to one device: while it plays by a handoff when that one is ready, else at once."""
    if [output.device_id for output in player.outputs] == [target.device_id]:
        return changed(player, handoff=None)
    if not player.is_playing or not here(player, now):
        return _only(player, now, target)
    if player.handoff is not None and player.handoff.to == target.device_id:
        return player
    handoff = Handoff(to=target.device_id, delay_ms=target.delay_ms, deadline=now + PATIENCE)
    arranged = changed(player, handoff=handoff)
    return ready_for_handoff(arranged, now) if _holds_song(player, now, target) else arranged


def play_here(player: Player, now: datetime, target: Output) -> Player:
    """The device of the person who starts the music becomes the one output, unless it plays along already."""
    return player if is_output(player, target.device_id) else _only(player, now, target)


def add_output(player: Player, now: datetime, target: Output) -> Player:
    """Let one more device sound. The others go on; it catches up."""
    if is_output(player, target.device_id):
        return player
    if not player.outputs:
        return _only(player, now, target)
    return joined(player, now, target)


def remove_output(player: Player, now: datetime, device_id: UUID) -> Player:
    """Let a device be silent; without the last one the music pauses, unless it is on its way to another.

    Those that stay wait for it no longer, and have to say a word of their own to be heard.
    """
    kept = tuple(output for output in player.outputs if output.device_id != device_id)
    handoff = player.handoff if player.handoff and player.handoff.to != device_id else None
    left = changed(player, handoff=handoff)
    if len(kept) == len(player.outputs):
        return left
    if not kept and left.handoff is not None:
        return meet(hand_over(anchor(left, now), now), now)
    after = unheard(left, now) if kept else stop(left, now)
    return meet(changed(after, outputs=kept, awaited=without(after, device_id)), now)


def leave(player: Player, now: datetime, device_id: UUID) -> Player:
    """A device went away in good order. An output stays one, for when it comes back; nobody waits for it.

    Music that was about to move to it stays where it is: it would move to nobody.
    """
    kept = give_up_handoff(player, now) if player.handoff and player.handoff.to == device_id else player
    if not is_output(kept, device_id):
        return kept
    after = unheard(kept, now)
    return meet(changed(after, awaited=without(after, device_id)), now)


def come(player: Player, now: datetime, device_id: UUID) -> Player:
    """A device registered. As an output it joins in again, its delay kept."""
    return spoken(player, now, device_id) if is_output(player, device_id) else player


def set_delay(player: Player, device_id: UUID, delay_ms: int) -> Player:
    """Shift one output against the others, even one that is still to take over."""
    handoff = player.handoff
    if handoff is not None and handoff.to == device_id:
        handoff = changed(handoff, delay_ms=delay_ms)
    return changed(
        player,
        handoff=handoff,
        outputs=tuple(
            Output(device_id=each.device_id, delay_ms=delay_ms, ready=each.ready)
            if each.device_id == device_id
            else each
            for each in player.outputs
        ),
    )


def awaits_device(player: Player) -> bool:
    """It was started, and no device is there to sound."""
    return player.is_playing and not player.outputs


def appear(player: Player, now: datetime, target: Output) -> Player:
    """A device that can sound is there: it takes up a start that waits for one."""
    return spoken(_only(player, now, target), now, target.device_id) if awaits_device(player) else player


def meet(player: Player, now: datetime) -> Player:
    """Bring an arranged start forward when nobody is missing any more that it waits for."""
    if not player.is_playing or not player.outputs or player.anchored_at <= now:
        return player
    if not all(each.ready for each in here(player, now)):
        return player
    return changed(player, anchored_at=min(player.anchored_at, can_sound_at(player, now)))


def ready_for_handoff(player: Player, now: datetime) -> Player:
    """Name the one instant at which the music changes over."""
    if player.handoff is None or player.handoff.starts_at is not None:
        return player
    named = Handoff(
        to=player.handoff.to,
        delay_ms=player.handoff.delay_ms,
        starts_at=now + LEAD,
        deadline=player.handoff.deadline,
    )
    return changed(player, handoff=named)


def _holds_song(player: Player, now: datetime, target: Output) -> bool:
    """It plays along already; one that left, or on which this song failed, has to say so anew."""
    return any(each.device_id == target.device_id and each.ready for each in here(player, now))


def _only(player: Player, now: datetime, target: Output) -> Player:
    """Make one device the only output, at once. What waited for a device starts now; its word is awaited."""
    awaited = {target.device_id: now + (PATIENCE if player.is_playing else QUIET)}
    moved = changed(unheard(player, now), outputs=(target,), handoff=None, awaited=awaited)
    if not player.is_playing:
        return moved
    return changed(start(moved, now), output_seen_at=now)
