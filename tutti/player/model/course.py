"""The course of the music: where it stands, what was heard of it, how it stops and what comes next.

These are the steps of which both time (settling) and people (transport) make their changes.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from tutti.player.model.hearing import Heard, finished, heard
from tutti.player.model.presence import LEAD, PATIENCE, QUIET, begun_anew, can_sound_at, given
from tutti.player.model.state import Item, Notice, Output, Player, changed, position_at
from tutti.player.model.window import Place, Step, step

AWAITED = timedelta(seconds=10)
"""So long a start waits for a first device that can sound."""


class Course(NamedTuple):
    """A player after a step, the hearings that ended with it, and the places still ahead."""

    player: Player
    ended: tuple[Heard, ...] = ()
    ahead: tuple[Place, ...] = ()


def anchor(player: Player, now: datetime, *, heard_until: int | None = None) -> Player:
    """Fix the position at `now` and keep what was heard up to it; every change of the course begins here.

    Nothing is heard before an output has said a word. `heard_until` is the position up to which it really
    sounded, when that is known to be less.
    """
    if not player.is_playing or now <= player.anchored_at:
        return player
    reached = position_at(player, now)
    hearing = player.hearing
    if player.heard_since is not None:
        since = max(player.heard_since, player.anchored_at)
        sounded = reached if heard_until is None else min(reached, heard_until)
        hearing = heard(hearing, since, position_at(player, since), sounded)
    return changed(player, position_ms=reached, anchored_at=now, hearing=hearing)


def unheard(player: Player, now: datetime) -> Player:
    """What passes from now on is not heard, until an output says a word."""
    return changed(anchor(player, now), heard_since=None)


def start(player: Player, now: datetime) -> Player:
    """Let time run from the present position, at the instant at which the outputs that are there can sound.

    `anchored_at` lies ahead where several meet. With no outputs at all the start waits for a device to
    appear. That somebody pressed play is no proof that anything sounds: an output's word is.
    """
    if not player.outputs:
        return changed(player, is_playing=True, anchored_at=now + AWAITED, heard_since=None)
    begun = changed(player, is_playing=True, anchored_at=can_sound_at(player, now))
    if player.is_playing:
        return begun
    return changed(begun, output_seen_at=now, heard_since=None, awaited=given(player, now, PATIENCE))


def stop(player: Player, now: datetime) -> Player:
    """Let time stand. A handoff under way is done at once: nothing sounds that could be torn."""
    if not player.is_playing:
        return player
    awaited = given(player, now, QUIET) if len(player.outputs) > 1 else player.awaited
    return hand_over(changed(anchor(player, now), is_playing=False, anchored_at=now, awaited=awaited), now)


def close(player: Player, now: datetime) -> Course:
    """End the hearing of the current song, and forget on which outputs it was over already."""
    after = changed(anchor(player, now), awaited=begun_anew(player, now))
    if after.hearing is None or after.item is None:
        return Course(changed(after, hearing=None))
    item = after.item
    row = finished(after.hearing, item.song_id, item.duration_ms, item.source)
    return Course(changed(after, hearing=None), (row,))


def enter(player: Player, now: datetime, place: Place, following: Item | None) -> Course:
    """Make another place the current one, from its beginning; whether it plays does not change."""
    index, item = place
    closed = close(player, now)
    entered = changed(
        closed.player, item=item, next=following, current_index=index, position_ms=0, anchored_at=now
    )
    return Course(entered, closed.ended)


def end_song(player: Player, at: datetime, ahead: Iterable[Place], unplayable: frozenset[UUID]) -> Course:
    """The current song came to its natural end: again under repeat one, else on to what can be played."""
    if player.repeat_mode == "one":
        closed = close(player, at)
        return Course(changed(closed.player, position_ms=0, anchored_at=at), closed.ended, tuple(ahead))
    return go_on(player, at, step(ahead, unplayable))


def go_on(player: Player, at: datetime, taken: Step) -> Course:
    """Enter the place of a step and tell what was skipped; without one, stop at the end of the song."""
    skipped = [Notice(code="song_skipped", at=at, title=item.title) for item in taken.skipped[-1:]]
    noted = changed(player, notice=skipped[0]) if skipped else player
    if taken.place is None:
        return stop_at_end(noted, at)
    entered = enter(noted, at, taken.place, taken.following)
    return Course(entered.player, entered.ended, taken.rest)


def stop_at_end(player: Player, at: datetime) -> Course:
    """Nothing follows: stand at the end of the last song, where a song added later continues."""
    closed = close(stop(player, at), at)
    end = closed.player.item.duration_ms if closed.player.item else 0
    return Course(changed(closed.player, position_ms=end or closed.player.position_ms), closed.ended)


def give_up_handoff(player: Player, at: datetime) -> Player:
    """The other device does not take over: the music stays where it is, and people are told."""
    if player.handoff is None:
        return player
    notice = Notice(code="device_not_ready", at=at, device_id=player.handoff.to)
    return changed(player, handoff=None, notice=notice)


def hand_over(player: Player, at: datetime) -> Player:
    """Make the device of the handoff the one output; nothing without a handoff.

    Its last word was that it is ready, shortly before the instant that was named then. Without that it has
    still to be heard.
    """
    handoff = player.handoff
    if handoff is None:
        return player
    target = Output(device_id=handoff.to, delay_ms=handoff.delay_ms, ready=True)
    after = changed(player, outputs=(target,), handoff=None, awaited={handoff.to: at + PATIENCE})
    if handoff.starts_at is None:
        return changed(unheard(after, at), output_seen_at=max(at, player.output_seen_at or at))
    word = handoff.starts_at - LEAD
    return changed(after, output_seen_at=max(word, player.output_seen_at or word))


def unready(player: Player) -> Player:
    """None of the outputs holds the new item yet."""
    outputs = tuple(Output(device_id=each.device_id, delay_ms=each.delay_ms) for each in player.outputs)
    return changed(player, outputs=outputs)
