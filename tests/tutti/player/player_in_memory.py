"""A player and its queue in memory, steered as commands steer the live one; and who was really there."""

from datetime import datetime, timedelta
from random import Random
from typing import Protocol
from uuid import UUID

import msgspec

from tests.tutti.player.builders import START, a_player
from tests.tutti.player.queue_in_memory import QueueInMemory
from tutti.player.model import transport
from tutti.player.model.course import Course
from tutti.player.model.hearing import Heard
from tutti.player.model.presence import SILENCE
from tutti.player.model.settling import Settled, due_at, needs_window, settle
from tutti.player.model.state import Item, Player
from tutti.player.model.window import Window


class PlayerInMemory:
    """The reducer over a queue in memory. `present` is how long an output was there, by its words alone."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.player = a_player()
        self.queue = QueueInMemory()
        self.chance = Random(7)
        self.history_s = 0
        self.present_until = START
        self.present = timedelta()
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
        if self.player != before:
            self.player = msgspec.structs.replace(self.player, version=before.version + 1)
        self.follow_round(before.item, self.player)

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
    def present_s(self) -> float:
        """How long an output was there until now."""
        ahead = max(timedelta(), self.present_until - self.now)
        return (self.present - ahead).total_seconds()

    def seen(self) -> None:
        """From now on an output counts as present for 10 s."""
        until = self.now + SILENCE
        self.present += until - max(self.present_until, self.now)
        self.present_until = until


class Decision(Protocol):
    """From a window to what comes of it."""

    def __call__(self, window: Window) -> Player | Course: ...


class Edit(Protocol):
    """Changes the queue."""

    def __call__(self) -> None: ...
