"""Outputs that were not heard for a while and speak again: their word replaces what we guessed."""

from datetime import datetime

from tutti.player.model.course import anchor
from tutti.player.model.presence import is_output
from tutti.player.model.reports import Report, place, real_position
from tutti.player.model.settling import silent_at, stands_unheard
from tutti.player.model.state import MILLISECOND, Player, changed, position_at

NEAR_MS = 3_000
"""An output that never stopped stands where time alone would have led it; one that slept does not."""


def is_unheard(player: Player, now: datetime) -> bool:
    """It stands, or is about to, only because no word of its outputs came through."""
    return stands_unheard(player) or (player.is_playing and bool(player.outputs) and silent_at(player) <= now)


def as_if_heard(player: Player, now: datetime, report: Report) -> Player | None:
    """The player as if this output had been heard all along; None if it says no such thing.

    Then time is let pass, and it has to be where that leads to (`is_there`): else somebody changed the music
    meanwhile, or nothing sounded.
    """
    if report.state != "playing" or not is_output(player, report.device_id):
        return None
    return changed(player if player.is_playing else _unstopped(player), output_seen_at=now)


def is_there(player: Player, now: datetime, report: Report) -> bool:
    """The report tells of the same song near the same place, on a device that is still to sound."""
    if not is_output(player, report.device_id):
        return False
    if not player.is_playing or player.item is None or player.item.item_id != report.item_id:
        return False
    return abs(real_position(player, now, report) - position_at(player, now)) <= NEAR_MS


def caught_up(player: Player, now: datetime, report: Report) -> Player:
    """Where it really stands, told anew even when that is no news: others have been shown the silence."""
    if len(player.outputs) == 1:
        return place(player, now, real_position(player, now, report))
    return anchor(player, now)


def _unstopped(player: Player) -> Player:
    """Back to where outputs count as seen until: what sounded since then has not been counted yet."""
    seen = min(player.output_seen_at or player.anchored_at, player.anchored_at)
    back_ms = min((player.anchored_at - seen) // MILLISECOND, player.position_ms)
    return changed(
        player,
        is_playing=True,
        position_ms=player.position_ms - back_ms,
        anchored_at=player.anchored_at - back_ms * MILLISECOND,
        notice=None,
    )
