"""What outputs report: where they really are, whether they keep up, and what ended or failed there."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from tutti.player.model.course import Course, anchor, end_song, go_on, start, stop, unready
from tutti.player.model.outputs import come, meet, ready_for_handoff
from tutti.player.model.presence import done, here, is_done, is_output, not_done
from tutti.player.model.state import MILLISECOND, Notice, Output, Player, changed, position_at, within
from tutti.player.model.window import Window, step, upcoming
from tutti.record import Record

DRIFT_MS = 250
"""A lone output's real position counts when it differs by more; several follow the clock instead."""
HANDOFF_DRIFT_MS = 10
"""The same while the music moves: who takes over aims at where it really is."""
OLDEST = timedelta(seconds=5)
"""A report measured longer ago says nothing about now."""
MOST_FAILURES = 5
"""After so many songs in a row that could not be played the player stops instead of running on."""

Said = Literal["playing", "paused", "ready", "stalled", "ended", "error"]


class Report(Record):
    """What a device says of itself; believed only for the current item and version."""

    device_id: UUID
    item_id: UUID | None
    position_ms: int
    state: Said
    version: int
    measured_at: datetime | None = None
    """When the position was true, in the common time; left out, it is the time of arrival."""


def see(player: Player, now: datetime, report: Report) -> Player:
    """Any word from an output is a sign of life.

    So one that plays on where nobody has changed anything was there all along, however long its words could
    not reach us: call this before settling when the report is believed, after it when not.
    """
    return come(player, now, report.device_id)


def is_believed(player: Player, report: Report) -> bool:
    """It speaks of the current item and version, and of nothing older."""
    return (
        player.item is not None and player.item.item_id == report.item_id and player.version == report.version
    )


def is_ready(player: Player, report: Report) -> bool:
    """It holds the current item, which stays true whatever else was changed while it said so.

    Several become ready in one moment, and the word of each is a change: held to the version, all but the
    first would be lost.
    """
    return report.state == "ready" and player.item is not None and player.item.item_id == report.item_id


def believe(player: Player, now: datetime, report: Report, window: Window | None = None) -> Course:
    """Take over what a believed report says.

    A lone output is the truth about where the song stands; of several each only says whether it keeps up.
    `window` is needed for `ended` and `error`.
    """
    takes_over = player.handoff is not None and player.handoff.to == report.device_id
    if takes_over and report.state in ("ready", "playing", "paused"):
        return Course(ready_for_handoff(player, now))
    if not is_output(player, report.device_id):
        return Course(player)
    match report.state:
        case "ready":
            return Course(meet(_holding(player, now, report), now))
        case "playing":
            here_too = _holding(_recovered(player), now, report)
            return Course(meet(_follow(here_too, now, report), now))
        case "paused":
            return Course(_follow(player, now, report))
        case "stalled":
            return Course(_follow(_mark(player, report.device_id, ready=False), now, report))
        case _:
            return _over(player, now, report, window)


def _over(player: Player, now: datetime, report: Report, window: Window | None) -> Course:
    """The song ended or cannot be played. Of several that sound the last of whom that is true decides it."""
    if not player.is_playing or window is None:
        return Course(_mark(player, report.device_id, ready=report.state == "ended"))
    if any(each.device_id != report.device_id for each in here(player, now)):
        return Course(meet(_done(player, report), now))
    followed = _follow(player, now, report)
    if report.state == "ended":
        return end_song(followed, now, upcoming(window, player.repeat_mode), window.unplayable)
    return _skip_failed(followed, now, window)


def _skip_failed(player: Player, now: datetime, window: Window) -> Course:
    failures = player.failures + 1
    if failures >= MOST_FAILURES:
        return Course(changed(stop(player, now), failures=0, notice=_skipped(player, now)))
    course = go_on(player, now, step(upcoming(window, player.repeat_mode), window.unplayable))
    after = changed(unready(course.player), failures=failures, notice=_skipped(player, now))
    return Course(start(after, now) if after.is_playing else after, course.ended)


def _skipped(player: Player, now: datetime) -> Notice:
    return Notice(code="song_skipped", at=now, title=player.item.title if player.item else None)


def real_position(player: Player, now: datetime, report: Report) -> int:
    """Where the reporting output is now, from where it was when it measured that."""
    measured_at = max(min(report.measured_at or now, now), now - OLDEST)
    moves = report.state == "playing"
    position = report.position_ms + (now - measured_at) // MILLISECOND * moves
    return within(player.item, position) if player.item else position


def place(player: Player, now: datetime, real_ms: int) -> Player:
    """Let the music stand where it really is, and count as heard what can have sounded on the way there."""
    elapsed = position_at(player, now) - player.position_ms
    sounded = min(max(real_ms - player.position_ms, 0), elapsed)
    after = anchor(player, now, heard_until=player.position_ms + sounded)
    return changed(after, position_ms=real_ms, anchored_at=now)


def _follow(player: Player, now: datetime, report: Report) -> Player:
    """Take the position of a lone output as the truth when it is really off."""
    if not player.is_playing or len(player.outputs) != 1 or player.item is None:
        return player
    real = real_position(player, now, report)
    drift_ms = DRIFT_MS if player.handoff is None else HANDOFF_DRIFT_MS
    return player if abs(real - position_at(player, now)) <= drift_ms else place(player, now, real)


def _holding(player: Player, now: datetime, report: Report) -> Player:
    """It holds the current item, even where that had failed before."""
    return _mark(not_done(player, now, report.device_id), report.device_id, ready=True)


def _done(player: Player, report: Report) -> Player:
    """The song is over on this output.

    That it failed others are told only when it says so again. Where all fail in one moment, the word of each
    would else be older than what the first one changed, and all but that be lost.
    """
    if report.state == "error" and is_done(player, report.device_id):
        return _mark(player, report.device_id, ready=False)
    return done(player, report.device_id)


def _mark(player: Player, device_id: UUID, *, ready: bool) -> Player:
    if all(each.ready == ready for each in player.outputs if each.device_id == device_id):
        return player
    outputs = tuple(
        Output(device_id=each.device_id, delay_ms=each.delay_ms, ready=ready)
        if each.device_id == device_id
        else each
        for each in player.outputs
    )
    return changed(player, outputs=outputs)


def _recovered(player: Player) -> Player:
    return changed(player, failures=0) if player.failures else player
