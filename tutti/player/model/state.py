"""What a player is at one moment: the row as it is kept, and the state as everybody sees it."""

from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar
from uuid import UUID

import msgspec

from tutti import event
from tutti.player.model.hearing import Hearing
from tutti.record import Record

R = TypeVar("R", bound=Record)
RepeatMode = Literal["none", "one", "all"]
Source = Literal["queue", "search", "album", "playlist", "radio", "remote", "group"]
MILLISECOND = timedelta(milliseconds=1)


class AddedBy(Record):
    """Who put an item into the queue, named as at that moment."""

    id: UUID
    name: str


class Item(Record):
    """One place in the queue. The same song may stand twice, hence an id of its own."""

    item_id: UUID
    song_id: UUID
    title: str
    artist: str = ""
    album: str | None = None
    duration_ms: int = 0
    """0 when unknown: such a song ends when its output says so."""
    cover_url: str | None = None
    added_by: AddedBy | None = None
    source: Source = "queue"


class Output(Record):
    """A device that sounds."""

    device_id: UUID
    delay_ms: int = 0
    """How much earlier it must sound than the others to be heard together with them."""
    ready: bool = False
    """It has said that it holds the current item."""


class Handoff(Record):
    """The music is to move to another device: when that one is ready, at one instant named by the server."""

    to: UUID
    delay_ms: int = 0
    starts_at: datetime | None = None
    deadline: datetime


class Notice(Record):
    """What people at the player should be told once; `at` tells a new one from one already shown."""

    code: Literal["song_skipped", "device_not_ready", "output_lost", "no_output"]
    at: datetime
    title: str | None = None
    """Of the skipped song."""
    device_id: UUID | None = None


class Player(Record):
    """A player's row. Reducers take it and the time and return another; saving raises `version`."""

    id: UUID
    user_id: UUID | None = None
    version: int = 0
    item: Item | None = None
    next: Item | None = None
    current_index: int = 0
    is_playing: bool = False
    position_ms: int = 0
    anchored_at: datetime
    is_shuffled: bool = False
    repeat_mode: RepeatMode = "none"
    volume: float = 1.0
    muted: bool = False
    outputs: tuple[Output, ...] = ()
    handoff: Handoff | None = None
    output_seen_at: datetime | None = None
    queue_version: int = 0
    queue_length: int = 0
    notice: Notice | None = None
    hearing: Hearing | None = None
    failures: int = 0
    """Songs in a row that no output could play."""
    awaited: dict[UUID, datetime] = msgspec.field(default_factory=dict)
    """Until when each output is counted upon without another word; one that has left is not in it.

    One that is done with the current song has a time there that is long past (`presence.DONE`).
    """
    heard_since: datetime | None = None
    """Since when what passes is heard; None while no output has said a word since the music began."""
    recent_commands: bytes = b""
    """The last pauses and seeks that were carried out."""
    recent_loudness: bytes = b""
    """The last changes of the volume."""
    was_done: bool = False
    """The command that is to be carried out was so before; only told where the row is read for one."""
    updated_at: datetime
    read_at: datetime
    """PostgreSQL's time when this was read; after the lock when it was read to be changed."""
    row_mark: int = 0
    """Which writing of the row this is, when it was read without a lock; 0 under a lock."""


COURSE: Final = (
    "version",
    "is_playing",
    "position_ms",
    "anchored_at",
    "volume",
    "muted",
    "output_seen_at",
    "hearing",
    "recent_commands",
    "recent_loudness",
    "updated_at",
)
"""What pause, seek, volume and a sign of life change."""


@event.body("player.state")
class PlayerState(Record):
    """A player as everybody sees it: the answer of every command on it and the event `player.state`."""

    player_id: UUID
    version: int
    item: Item | None
    next: Item | None
    current_index: int
    is_playing: bool
    position_ms: int
    anchored_at: datetime
    is_shuffled: bool
    repeat_mode: RepeatMode
    volume: float
    muted: bool
    outputs: tuple[Output, ...]
    handoff: Handoff | None
    output_seen_at: datetime | None
    queue_version: int
    queue_length: int
    notice: Notice | None
    updated_at: datetime


def state_of(player: Player) -> PlayerState:
    """The part of a player that travels."""
    return PlayerState(
        player_id=player.id,
        version=player.version,
        item=player.item,
        next=player.next,
        current_index=player.current_index,
        is_playing=player.is_playing,
        position_ms=player.position_ms,
        anchored_at=player.anchored_at,
        is_shuffled=player.is_shuffled,
        repeat_mode=player.repeat_mode,
        volume=player.volume,
        muted=player.muted,
        outputs=player.outputs,
        handoff=player.handoff,
        output_seen_at=player.output_seen_at,
        queue_version=player.queue_version,
        queue_length=player.queue_length,
        notice=player.notice,
        updated_at=player.updated_at,
    )


def position_at(player: Player, now: datetime) -> int:
    """Milliseconds into the current song; until `anchored_at` (a start that was arranged) it stands still."""
    if not player.is_playing or now <= player.anchored_at:
        return player.position_ms
    position = player.position_ms + (now - player.anchored_at) // MILLISECOND
    return position if player.item is None else within(player.item, position)


def within(item: Item, position_ms: int) -> int:
    """A position that exists in this song."""
    return min(position_ms, item.duration_ms) if item.duration_ms else position_ms


def is_over(player: Player) -> bool:
    """The current song has been played to its end and nothing came after it."""
    return (
        player.item is not None
        and not player.is_playing
        and 0 < player.item.duration_ms <= player.position_ms
    )


def changed(record: R, **members: object) -> R:
    """The same player or item with some members replaced; the very same one when nothing differs."""
    after: R = msgspec.structs.replace(record, **members)
    return record if after == record else after


def only_course_differs(before: Player, after: Player) -> bool:
    """Nothing differs but where the music stands and how loud it is: the documents need not be written."""
    return before == msgspec.structs.replace(after, **{name: getattr(before, name) for name in COURSE})


def told_apart(before: Player, after: Player) -> bool:
    """Something differs that others should hear of; signs of life alone are not news."""
    return before != after and before != msgspec.structs.replace(
        after,
        output_seen_at=before.output_seen_at,
        awaited=before.awaited,
        heard_since=before.heard_since,
    )
