"""What people do with the music and the queue of a player in memory, as rules."""

from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.tutti.player.builders import an_item
from tests.tutti.player.player_in_memory import PlayerInMemory
from tutti.player.model import transport
from tutti.player.model.state import RepeatMode, changed, position_at


class SteeredInMemory(PlayerInMemory):
    """People change the queue, and how it is played."""

    @rule(
        count=st.integers(1, 4), seconds=st.sampled_from([0.0, 0.5, 3.0, 30.0, 200.0]), at=st.integers(0, 9)
    )
    def add(self, count: int, seconds: float, at: int) -> None:
        items = [an_item(seconds=seconds) for _ in range(count)]
        length = len(self.queue.order)
        self.edit(lambda: self.queue.insert(self.player, items, at if at < length else None, self.chance))
        if self.round is not None and at < length and at <= self.player.current_index:
            self.round |= {item.item_id for item in items}  # put where the round has been already

    @precondition(lambda self: self.queue.order)
    @rule(at=st.integers(0, 30))
    def remove(self, at: int) -> None:
        item = self.queue.order[at % len(self.queue.order)]
        self.edit(lambda: self.queue.remove({item.item_id}))

    @precondition(lambda self: self.queue.order)
    @rule()
    def clear(self) -> None:
        self.edit(lambda: self.queue.remove({item.item_id for item in self.queue.order}))

    @precondition(lambda self: self.queue.order)
    @rule(at=st.integers(0, 30), to=st.integers(0, 30))
    def move(self, at: int, to: int) -> None:
        length = len(self.queue.order)
        self.settle()
        self.round = None
        self.edit(lambda: self.queue.move(self.player, self.queue.order[at % length].item_id, to % length))
        self.begin_round()

    @rule()
    def toggle_shuffle(self) -> None:
        def toggle() -> None:
            self.player = changed(self.player, is_shuffled=not self.player.is_shuffled)
            if self.player.is_shuffled:
                self.queue.shuffle(self.player, self.chance)

        self.settle()
        self.round = None
        self.edit(toggle)
        self.begin_round()

    @rule(repeat_mode=st.sampled_from(["none", "one", "all"]))
    def repeat(self, repeat_mode: RepeatMode) -> None:
        self.wish(lambda window: transport.repeat(self.player, repeat_mode, window))

    @rule()
    def play(self) -> None:
        self.wish(lambda window: transport.play(self.player, self.now, window))

    @rule()
    def pause(self) -> None:
        self.wish(lambda _window: transport.pause(self.player, self.now))
        assert not self.player.is_playing

    @rule(right=st.booleans())
    def next(self, right: bool) -> None:
        leaves = self.player.item.item_id if right and self.player.item else uuid4()
        self.wish(lambda window: transport.next_song(self.player, self.now, window, leaves))

    @precondition(lambda self: self.queue.order)
    @rule(steps=st.integers(1, 25), ends=st.booleans())
    def go_round_and_round(self, steps: int, ends: bool) -> None:
        """Shuffled, under repeat all, by `next` or by the end of each song; it may stop amid any round."""
        if not self.player.is_shuffled:
            self.toggle_shuffle()
        self.repeat("all")
        for _ in range(steps):
            if ends and self.player.is_playing:
                self.seek(250_000)
                self.settle()
            else:
                self.next(right=True)

    @rule()
    def previous(self) -> None:
        self.settle()
        self.round = None
        self.wish(lambda window: transport.previous_song(self.player, self.now, window))
        self.begin_round()

    @rule(back=st.booleans())
    def two_thumbs(self, back: bool) -> None:
        """Two people who see the same press the same button: it is one wish, and has one effect."""
        self.settle()
        if self.player.item is None:
            return
        kept, self.round = self.round, None if back else self.round
        press = transport.previous_song if back else transport.next_song
        item_id, seen_ms = self.player.item.item_id, position_at(self.player, self.now)
        self.take(press(self.player, self.now, self.queue.window(self.player), item_id, seen_ms))
        again = press(self.player, self.now, self.queue.window(self.player), item_id, seen_ms)
        assert again.player == self.player or seen_ms <= transport.SLACK_MS
        assert again.player.item == self.player.item or self.player.item.item_id == item_id
        if back and kept is not None:
            self.begin_round()

    @rule(position_ms=st.integers(-5, 250_000))
    def seek(self, position_ms: int) -> None:
        self.wish(lambda _window: transport.seek(self.player, self.now, position_ms))

    @precondition(lambda self: self.queue.order)
    @rule(at=st.integers(0, 30))
    def jump(self, at: int) -> None:
        target = self.queue.order[at % len(self.queue.order)].item_id
        self.settle()
        self.round = None
        self.take(transport.jump(self.player, self.now, self.queue.window(self.player, target)))
        self.begin_round()
