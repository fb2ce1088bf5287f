"""What people do with the music: play, pause, next, previous, seek, and how it sounds.

Every function is total: it answers a player for every player, and the very same one when there is nothing
to do. Callers settle first.
"""

from datetime import datetime
from itertools import chain
from uuid import UUID

from tutti.player.model.course import (
    Course,
    anchor,
    enter,
    go_on,
    hand_over,
    start,
    stop,
    stop_at_end,
    unready,
)
from tutti.player.model.settling import stands_unheard
from tutti.player.model.state import Item, Player, RepeatMode, changed, is_over, position_at, within
from tutti.player.model.window import Place, Window, preceding, step, upcoming

RESTART_AFTER_MS = 3_000
"""Past this, `previous` means this song from its beginning."""
SLACK_MS = 500
"""What two devices see of one song differs by less."""


def play(player: Player, now: datetime, window: Window) -> Course:
    """Start or resume. At the end of the queue it goes on with what was added, or begins again."""
    if player.item is None or player.is_playing:
        return Course(player)
    if not is_over(player):
        return Course(start(anchor(player, now), now))
    taken = step(upcoming(window, player.repeat_mode), window.unplayable)
    if taken.place is None:
        taken = step(enumerate(window.head), window.unplayable)
    if taken.place is None:
        return Course(player)
    course = go_on(player, now, taken)
    return Course(start(unready(course.player), now), course.ended)


def jump(player: Player, now: datetime, window: Window) -> Course:
    """Play the item in the middle of this window, from its beginning."""
    if window.item is None:
        return Course(player)
    following = step(upcoming(window, player.repeat_mode), window.unplayable).place
    place: Place = (window.index, window.item)
    course = enter(player, now, place, following[1] if following else None)
    return Course(start(_loading(course.player, now), now), course.ended)


def pause(player: Player, now: datetime) -> Player:
    """Stop where it is; the second time changes nothing.

    What stands only because its outputs were not heard is stopped for good: they must not go on when they
    are heard again.
    """
    if player.is_playing:
        return stop(player, now)
    return changed(player, notice=None) if stands_unheard(player) else player


def next_song(
    player: Player,
    now: datetime,
    window: Window,
    from_item: UUID | None = None,
    from_position_ms: int | None = None,
) -> Course:
    """Go on, even under repeat one. `from_item` is the one it leaves, so that two thumbs skip once.

    Where nothing else can be played the song follows itself; then `from_position_ms` tells a second thumb.
    """
    if _left_already(player, from_item):
        return Course(player)
    taken = step(upcoming(window, player.repeat_mode), window.unplayable)
    if _is_current(player, taken.place) and _begun_again_since(player, now, from_position_ms):
        return Course(player)
    course = go_on(player, now, taken)
    return _restarted(course, now) if taken.place else course


def previous_song(
    player: Player,
    now: datetime,
    window: Window,
    from_item: UUID | None = None,
    from_position_ms: int | None = None,
) -> Course:
    """Back to the song before; past 3 s, or with nothing before, to the beginning of this one.

    What the person saw (`from_position_ms`) decides which of the two is meant: so two thumbs that saw the
    same begin the song again once, and one person who presses twice gets the song before.
    """
    if _left_already(player, from_item):
        return Course(player)
    place = step(preceding(window, player.repeat_mode), window.unplayable).place
    seen_ms = position_at(player, now) if from_position_ms is None else from_position_ms
    if place is not None and not _is_current(player, place) and seen_ms <= RESTART_AFTER_MS:
        return _restarted(enter(player, now, place, player.item), now)
    if _begun_again_since(player, now, from_position_ms):
        return Course(player)
    return Course(seek(player, now, 0))


def seek(player: Player, now: datetime, position_ms: int) -> Player:
    """Move to a position of the current song; past its end means its end."""
    if player.item is None:
        return player
    there = changed(
        anchor(player, now), position_ms=within(player.item, max(position_ms, 0)), anchored_at=now
    )
    return start(there, now) if player.is_playing else there


def loudness(player: Player, *, volume: float | None = None, muted: bool | None = None) -> Player:
    """How loud it is, for all outputs alike; None leaves it as it is."""
    return changed(
        player,
        volume=player.volume if volume is None else min(max(volume, 0.0), 1.0),
        muted=player.muted if muted is None else muted,
    )


def repeat(player: Player, repeat_mode: RepeatMode, window: Window) -> Player:
    """What happens at the end, and so what comes next."""
    after = changed(player, repeat_mode=repeat_mode)
    return changed(after, next=_following(after, window))


def requeue(player: Player, now: datetime, window: Window) -> Course:
    """Take over what the queue has become.

    The current item stays current while it is there; when it was taken out its successor plays; when nothing
    follows, the player stops. A window around another item says that it goes on with that one instead.
    """
    player = changed(player, queue_length=window.length)
    if window.item is not None:
        following = _following(player, window)
        if not _is_current(player, (window.index, window.item)):
            return _restarted(enter(player, now, (window.index, window.item), following), now)
        return Course(changed(player, item=window.item, current_index=window.index, next=following))
    if not window.length:
        course = stop_at_end(player, now) if player.item else Course(player)
        emptied = changed(course.player, item=None, next=None, current_index=0, position_ms=0)
        return Course(emptied, course.ended)
    return _succeed(player, now, window)


def _succeed(player: Player, now: datetime, window: Window) -> Course:
    """The current item is gone (or there was none): its successor takes its place."""
    taken = step(upcoming(window, player.repeat_mode), window.unplayable)
    if taken.place is not None:
        return _restarted(enter(player, now, taken.place, taken.following), now)
    ended = stop_at_end(player, now)
    place = next(chain(preceding(window, "none"), upcoming(window, "none")))
    after = enter(ended.player, now, place, None).player
    return Course(changed(after, position_ms=place[1].duration_ms), ended.ended)


def _following(player: Player, window: Window) -> Item | None:
    place = step(upcoming(window, player.repeat_mode), window.unplayable).place
    return place[1] if place else None


def _left_already(player: Player, from_item: UUID | None) -> bool:
    return player.item is None or from_item not in (None, player.item.item_id)


def _is_current(player: Player, place: Place | None) -> bool:
    return place is not None and player.item is not None and place[1].item_id == player.item.item_id


def _begun_again_since(player: Player, now: datetime, seen_ms: int | None) -> bool:
    """Time only runs forward: a song that stands before where it was seen was moved back meanwhile."""
    return seen_ms is not None and position_at(player, now) < seen_ms - SLACK_MS


def _restarted(course: Course, now: datetime) -> Course:
    """A new item while playing starts anew, so that several outputs load it and begin together."""
    after = _loading(course.player, now)
    return Course(start(after, now) if after.is_playing else after, course.ended)


def _loading(player: Player, now: datetime) -> Player:
    """No output holds the new item. A handoff whose instant was named is done; one still loading goes on."""
    if player.handoff is not None and player.handoff.starts_at is not None:
        player = hand_over(player, now)
    return unready(player)
