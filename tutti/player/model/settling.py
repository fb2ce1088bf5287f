"""What time alone changes: songs end, handoffs come due, a player without a sounding device stands still."""

from datetime import datetime
from typing import Literal, NamedTuple

from tutti.player.model.course import anchor, end_song, give_up_handoff, hand_over, stop
from tutti.player.model.hearing import Heard
from tutti.player.model.outputs import meet
from tutti.player.model.presence import SILENCE
from tutti.player.model.state import MILLISECOND, Notice, Player, PlayerState, changed, position_at
from tutti.player.model.window import Place, Window, upcoming

MOST_STEPS = 100

Happening = Literal["handoff", "end of song", "silence"]


class Settled(NamedTuple):
    """A player, and the hearings that ended on the way."""

    player: Player
    ended: tuple[Heard, ...] = ()


def due_at(player: Player | PlayerState) -> datetime | None:
    """When this player changes by itself if nobody does anything; None when it never will."""
    return min((at for at, _ in _coming(player)), default=None)


def needs_window(player: Player, now: datetime) -> bool:
    """The song has ended by now, so settling must know what follows.

    A handoff that is due may let it begin, and so end, earlier than it was to.
    """
    handoff = player.handoff
    if handoff is not None and handoff.starts_at is not None and handoff.starts_at <= now:
        player = _hand_over_or_give_up(player, handoff.starts_at)
    return any(at <= now and what == "end of song" for at, what in _coming(player))


def settle(player: Player, now: datetime, window: Window | None = None) -> Settled:
    """Let time pass up to `now`, as far as the window shows what follows.

    Each thing that happens raises the version by one: so a version means the same to who is shown it before
    it is written down as to who is told of it then. Beyond the window, or without one, the player waits at
    the end of its song, and `needs_window` asks for another.

    Total: whatever the input, it takes a bounded number of steps. Songs so short that these do not reach
    `now` stop the player there.
    """
    ahead: tuple[Place, ...] = tuple(upcoming(window, player.repeat_mode, MOST_STEPS)) if window else ()
    known = 2 if window is not None and window.is_cut else 0
    ended: list[Heard] = []
    for _ in range(MOST_STEPS):
        at, what = min(_coming(player), default=(now, None), key=lambda happening: happening[0])
        if what is None or at > now:
            return Settled(player, tuple(ended))
        if what == "end of song" and (window is None or len(ahead) < known):
            return Settled(player, tuple(ended))
        if what == "handoff":
            player = _hand_over_or_give_up(player, at)
        elif what == "silence":
            player = _fall_silent(player, at)
        else:
            player, heard, ahead = end_song(player, at, ahead, window.unplayable if window else frozenset())
            ended += heard
        player = changed(player, version=player.version + 1)
    return Settled(changed(stop(player, now), version=player.version + 1), tuple(ended))


def _coming(player: Player | PlayerState) -> list[tuple[datetime, Happening]]:
    """What will happen, and when; of two at the same time the first named comes first."""
    if not player.is_playing or player.item is None:
        return []
    coming: list[tuple[datetime, Happening]] = []
    if player.handoff is not None:
        coming.append((player.handoff.starts_at or player.handoff.deadline, "handoff"))
    if player.item.duration_ms:
        left_ms = max(player.item.duration_ms - player.position_ms, 0)
        coming.append((player.anchored_at + left_ms * MILLISECOND, "end of song"))
    coming.append((silent_at(player), "silence"))
    return coming


def stands_unheard(player: Player | PlayerState) -> bool:
    """It was stopped by the silence of its outputs, and nobody has touched the music since.

    A notice is kept to the millisecond, as it travels.
    """
    if player.is_playing or player.notice is None or player.notice.code != "output_lost":
        return False
    return abs(player.notice.at - player.anchored_at) < MILLISECOND


def silent_at(player: Player | PlayerState) -> datetime:
    """With no output at all a start is awaited until `anchored_at`; else 10 s after the last sign of life."""
    if not player.outputs:
        return player.anchored_at
    return (player.output_seen_at or player.anchored_at) + SILENCE


def _fall_silent(player: Player, at: datetime) -> Player:
    """No output is there any more. Only what was played while one was seen counts as heard.

    What was played before the last change of its course was counted at that change. So nobody may go back
    further than to that, when the silence turns out to have been none: from here on outputs count as seen
    until then.
    """
    seen_until = min(max(player.output_seen_at or at, player.anchored_at), at)
    anchored = anchor(player, at, heard_until=position_at(player, seen_until))
    if not player.outputs:
        return changed(stop(anchored, at), notice=Notice(code="no_output", at=at))
    stopped = stop(changed(anchored, output_seen_at=seen_until), at)
    return changed(stopped, notice=Notice(code="output_lost", at=at))


def _hand_over_or_give_up(player: Player, at: datetime) -> Player:
    """Ready in time, the other device sounds from now on; else the music stays and people are told."""
    if player.handoff is None or player.handoff.starts_at is not None:
        return meet(hand_over(player, at), at)
    return give_up_handoff(player, at)
