"""A player and its queue in memory, steered as commands steer the live one; and who was really there."""

from datetime import datetime
from random import Random
from typing import Protocol
from uuid import UUID

import msgspec

from tests.tutti.player.builders import START, a_player
from tests.tutti.player.present import Presence
from tests.tutti.player.queue_in_memory import QueueInMemory
from tutti.player.model import reports, silence, transport
from tutti.player.model.course import Course
from tutti.player.model.hearing import Heard
from tutti.player.model.reports import Report, Said
from tutti.player.model.settling import Settled, due_at, needs_window, settle
from tutti.player.model.state import Item, Player, position_at, told_apart
from tutti.player.model.window import Window


class PlayerInMemory:
    """The reducer over a queue in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.player = a_player()
        self.queue = QueueInMemory()
        self.chance = Random(7)
        self.history_s = 0
        self.presence = Presence()
        self.gone: set[UUID] = set()
        """Devices that left and have said no word since."""
        self.round: set[UUID] | None = None
        """What has had its turn since the round began; None while there is none."""
        self.rounds = 0

    def wish(self, decide: "Decision") -> None:
        self.settle()
        outcome = decide(self.queue.window(self.player))
        self.take(outcome if isinstance(outcome, Course) else Course(outcome))

    def edit(self, change: "Edit") -> None:
        """As a command does: settle, change the queue, let the player take it over."""
        self.settle()
        place = self.player.current_index
        change()
        self.take(transport.requeue(self.player, self.now, self.queue.window(self.player, place=place)))

    def settled(self, player: Player, now: datetime | None = None) -> Settled:
        ended: tuple[Heard, ...] = ()
        while needs_window(player, now or self.now):
            player, more = settle(player, now or self.now, self.queue.window(player))
            ended += more
        player, more = settle(player, now or self.now)
        return Settled(player, ended + more)

    def settle(self) -> None:
        """Let time pass, one thing that happens after the other, so that nothing between them is missed."""
        while (due := due_at(self.player)) is not None and due <= self.now:
            self._let_pass(due)
        self._let_pass(self.now)

    def _let_pass(self, until: datetime) -> None:
        settled = self.settled(self.player, until)
        self.take(Course(settled.player, settled.ended))

    def take(self, course: Course) -> None:
        before, self.player = self.player, course.player
        self.history_s += sum(row.played_duration for row in course.ended)
        assert all(row.played_duration >= 0 for row in course.ended)
        if told_apart(before, self.player):
            version = max(before.version + 1, self.player.version)
            self.player = msgspec.structs.replace(self.player, version=version)
        self.follow_round(before.item, self.player)

    def say(self, device: UUID, state: Said, off_ms: int = 0, *, stale: bool = False) -> None:
        """The word of a device about what is current now."""
        item_id = self.player.item.item_id if self.player.item else None
        position = max(0, position_at(self.player, self.now) + off_ms)
        version = self.player.version - stale
        self.hear(
            Report(device_id=device, item_id=item_id, position_ms=position, state=state, version=version)
        )

    def hear(self, report: Report) -> None:
        """As the command does; and its device is there by that word, or was all along."""
        if silence.is_unheard(self.player, self.now):
            self._undo_silence(report)
        elif reports.is_believed(self.player, report) and self.is_present(report.device_id):
            if self.presence.until < self.now_s:
                self._was_there_since(self.presence.until)
            self.player = reports.see(self.player, self.now, report)
            self.seen()
        self.settle()
        self.player = reports.see(self.player, self.now, report)
        takes_over = self.player.handoff is not None and self.player.handoff.to == report.device_id
        if self.is_present(report.device_id) or takes_over:
            self.seen()
        if reports.is_believed(self.player, report) or reports.is_ready(self.player, report):
            self.take(reports.believe(self.player, self.now, report, self.queue.window(self.player)))

    def _undo_silence(self, report: Report) -> None:
        as_if = silence.as_if_heard(self.player, self.now, report)
        if as_if is None or not silence.is_there(self.settled(as_if).player, self.now, report):
            return
        seen = self.player.output_seen_at or self.player.anchored_at
        self._was_there_since(seconds(seen if self.player.is_playing else min(seen, self.player.anchored_at)))
        self.player = as_if
        self.settle()
        self.take(Course(silence.caught_up(self.player, self.now, report)))

    def _was_there_since(self, since: float) -> None:
        """Out of reach all that time. One that has said no word since the music began is not counted."""
        if self.player.heard_since is not None:
            self.presence.all_along(since, self.now_s)

    def follow_round(self, before: Item | None, player: Player) -> None:
        """Each item once per round: going forward under shuffle meets one after the other, nothing twice.

        When it wraps nothing was left out, and the next round begins with the first of all.
        """
        if self.round is None or player.item is None or before == player.item:
            return
        ids = [item.item_id for item in self.queue.shuffled_order]
        if before is None or before.item_id not in ids:
            self.begin_round()
            return
        at, was_at = ids.index(player.item.item_id), ids.index(before.item_id)
        if at > was_at:
            assert at == was_at + 1, "an item was passed over"
            assert player.item.item_id not in self.round, "an item came twice in one round"
            self.round.add(player.item.item_id)
            return
        assert set(ids) <= self.round, "an item was left out"
        assert at == 0, "a round begins with its first item"
        self.round = {ids[0]}
        self.rounds += 1

    def begin_round(self) -> None:
        """Somebody chose where it goes on: what lies before that has had its turn."""
        self.round = None
        if self.player.is_shuffled and self.player.item is not None:
            ids = [item.item_id for item in self.queue.shuffled_order]
            self.round = set(ids[: ids.index(self.player.item.item_id) + 1])

    def is_present(self, device: UUID) -> bool:
        return any(output.device_id == device for output in self.player.outputs)

    @property
    def now_s(self) -> float:
        return seconds(self.now)

    def seen(self) -> None:
        """From now on an output counts as present for 10 s."""
        self.presence.word(self.now_s, self.now_s)


def seconds(time: datetime) -> float:
    """Since the beginning."""
    return (time - START).total_seconds()


class Decision(Protocol):
    """From a window to what comes of it."""

    def __call__(self, window: Window) -> Player | Course: ...


class Edit(Protocol):
    """Changes the queue."""

    def __call__(self) -> None: ...
