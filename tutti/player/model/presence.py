"""Which outputs are there: nobody waits for one that has vanished.

A word of an output (a report, its registration) says until when it is counted upon: while music plays it owes
the next one after 5 s. Without one it stays an output, and joins again with its next word, its delay kept.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from tutti.player.model.state import Output, Player, changed

LEAD: Final = timedelta(milliseconds=400)
"""So far ahead an instant is named that several devices are to meet."""
PATIENCE: Final = timedelta(seconds=3)
"""So long several outputs wait for the slowest of them; then they start without it."""
SILENCE: Final = timedelta(seconds=10)
"""So long after an output's last sign of life the player's time still runs."""
QUIET: Final = timedelta(seconds=150)
"""The same while nothing plays and outputs need not say more than one word a minute."""
DONE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in `awaited` for an output on which the current song has ended or failed: nobody counts upon it for
the rest of that song. A time long past, so that older code takes it for one that has said nothing lately."""


def is_output(player: Player, device_id: UUID) -> bool:
    """Whether this device is to sound."""
    return any(output.device_id == device_id for output in player.outputs)


def is_here(player: Player, now: datetime, device_id: UUID) -> bool:
    """Whether this output is counted upon. A lone one that has spoken is judged by settling alone."""
    until = player.awaited.get(device_id)
    if until is None:
        return False
    return until > now or (len(player.outputs) == 1 and player.heard_since is not None)


def here(player: Player, now: datetime) -> tuple[Output, ...]:
    """The outputs that are counted upon."""
    return tuple(output for output in player.outputs if is_here(player, now, output.device_id))


def is_done(player: Player, device_id: UUID) -> bool:
    """Whether the current song has ended or failed on this output."""
    until = player.awaited.get(device_id)
    return until is not None and until <= DONE


def done(player: Player, device_id: UUID) -> Player:
    """The current song has ended or failed there; so it is until that one plays after all."""
    return changed(player, awaited=player.awaited | {device_id: DONE})


def not_done(player: Player, now: datetime, device_id: UUID) -> Player:
    """It plays after all, or can: it is counted upon again."""
    if not is_done(player, device_id):
        return player
    return changed(player, awaited=player.awaited | {device_id: now + _owed(player)})


def begun_anew(player: Player, now: datetime) -> dict[UUID, datetime]:
    """With another song, or the same again, all that were done with it are counted upon like the others."""
    owed = now + _owed(player)
    return {device: owed if until <= DONE else until for device, until in player.awaited.items()}


def can_sound_at(player: Player, now: datetime) -> datetime:
    """When those outputs that are there can start together.

    A lone one starts as soon as it can. Several meet in a moment when all are ready; else they wait for the
    slowest as long as it is counted upon, 3 s at most.
    """
    counted = here(player, now)
    if len(player.outputs) < 2 or not counted:
        return now
    slowest = max((player.awaited[each.device_id] for each in counted if not each.ready), default=now)
    return max(now + LEAD, min(slowest, now + PATIENCE))


def given(player: Player, now: datetime, time: timedelta) -> dict[UUID, datetime]:
    """Those that are there are counted upon for so long from now on; who was done with the song stays so."""
    were_done = {device: until for device, until in player.awaited.items() if until <= DONE}
    return were_done | {output.device_id: now + time for output in here(player, now)}


def joined(player: Player, now: datetime, target: Output) -> Player:
    """One more output, counted upon as long as it needs to say a word; of the others those that are there."""
    others = player.awaited if len(player.outputs) > 1 else given(player, now, _owed(player))
    awaited = others | {target.device_id: now + (PATIENCE if player.is_playing else QUIET)}
    return changed(player, outputs=(*player.outputs, target), awaited=awaited)


def spoken(player: Player, now: datetime, device_id: UUID) -> Player:
    """An output said a word, whatever word: it is there, and what passes from now on is heard.

    The words of a lone one change nothing else, so that they cost little. Who was done with the song is so
    still: that it plays after all it has to say itself.
    """
    awaited = player.awaited
    is_counted_anew = len(player.outputs) > 1 or device_id not in awaited
    if is_counted_anew and not is_done(player, device_id):
        awaited = awaited | {device_id: now + _owed(player)}
    return changed(
        player,
        output_seen_at=max(now, player.output_seen_at or now),
        heard_since=player.heard_since or now,
        awaited=awaited,
    )


def without(player: Player, device_id: UUID) -> dict[UUID, datetime]:
    """This one is not counted upon any more."""
    return {other: until for other, until in player.awaited.items() if other != device_id}


def _owed(player: Player) -> timedelta:
    return SILENCE if player.is_playing else QUIET
