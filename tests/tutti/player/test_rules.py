"""Any sequence of wishes, reports and passing time keeps the player's invariants."""

from datetime import timedelta
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.tutti.player.builders import an_item, an_output
from tests.tutti.player.player_in_memory import PlayerInMemory
from tutti.player.model import outputs, reports, transport
from tutti.player.model.hearing import are_apart
from tutti.player.model.presence import LEAD, PATIENCE, here
from tutti.player.model.reports import Report
from tutti.player.model.settling import due_at
from tutti.player.model.state import RepeatMode, changed, position_at
from tutti.player.model.window import step, upcoming

DEVICES = [uuid4() for _ in range(3)]
SOME_SECONDS = st.floats(min_value=0, max_value=45)
SOME_DEVICE = st.sampled_from(DEVICES)


class PlayerRules(PlayerInMemory, RuleBasedStateMachine):
    """The reducer over a queue in memory. Time moves forward only here; devices may vanish at any moment."""

    @initialize(starts=st.booleans())
    def begin(self, starts: bool) -> None:
        """Half of all runs begin with music on."""
        if starts:
            self.add(4, 30.0, 9)
            self.add_output(DEVICES[0])
            self.play()

    # what happens

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

    @rule(seconds=SOME_SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(device=SOME_DEVICE)
    def transfer(self, device: UUID) -> None:
        self.wish(lambda _window: outputs.transfer(self.player, self.now, an_output(device, ready=False)))

    @rule(device=SOME_DEVICE)
    def add_output(self, device: UUID) -> None:
        self.wish(lambda _window: outputs.add_output(self.player, self.now, an_output(device, ready=False)))

    @rule(device=SOME_DEVICE)
    def remove_output(self, device: UUID) -> None:
        self.wish(lambda _window: outputs.remove_output(self.player, self.now, device))

    @rule(device=SOME_DEVICE)
    def come(self, device: UUID) -> None:
        """It registers, and takes up a start that waits for a device."""
        self.wish(lambda _window: outputs.come(self.player, self.now, device))
        self.wish(lambda _window: outputs.appear(self.player, self.now, an_output(device, ready=False)))
        if self.is_present(device):
            self.seen()

    @rule(device=SOME_DEVICE)
    def leave(self, device: UUID) -> None:
        """It says goodbye; whether another one is there only that one's next word tells."""
        was_present = self.is_present(device)
        self.wish(lambda _window: outputs.leave(self.player, self.now, device))
        if was_present and self.present_until > self.now:
            self.present -= self.present_until - self.now
            self.present_until = self.now

    @rule(
        device=SOME_DEVICE,
        state=st.sampled_from(["playing", "paused", "ready", "stalled", "ended", "error"]),
        off_ms=st.sampled_from([0, 80, -700, 5_000, -60_000]),
        stale=st.booleans(),
    )
    def report(self, device: UUID, state: reports.Said, off_ms: int, stale: bool) -> None:
        item_id = self.player.item.item_id if self.player.item else None
        position = max(0, position_at(self.player, self.now) + off_ms)
        version = self.player.version - stale
        report = Report(device_id=device, item_id=item_id, position_ms=position, state=state, version=version)
        if reports.is_believed(self.player, report) and self.is_present(device):
            if self.player.heard_since is not None and self.now > self.present_until:
                self.present += self.now - self.present_until  # out of reach, but there all along
                self.present_until = self.now
            self.player = reports.see(self.player, self.now, report)
            self.seen()
        self.settle()
        self.player = reports.see(self.player, self.now, report)
        if self.is_present(device) or (self.player.handoff is not None and self.player.handoff.to == device):
            self.seen()
        if reports.is_believed(self.player, report):
            self.take(reports.believe(self.player, self.now, report, self.queue.window(self.player)))

    # what must hold

    @invariant()
    def one_current_item_when_there_is_a_queue(self) -> None:
        assert (self.player.item is None) == (not self.queue.order)
        assert self.player.queue_length == len(self.queue.order)
        assert self.player.item is not None or not self.player.is_playing

    @invariant()
    def index_and_next_tell_the_truth(self) -> None:
        window = self.queue.window(self.player)
        assert self.player.item == window.item
        if window.item is not None:
            assert self.player.current_index == window.index
        place = step(upcoming(window, self.player.repeat_mode), frozenset()).place
        assert self.player.next == (place[1] if place and window.item else None)

    @invariant()
    def the_position_lies_within_the_song(self) -> None:
        position = position_at(self.player, self.now)
        assert position >= 0
        if self.player.item is not None and self.player.item.duration_ms:
            assert position <= self.player.item.duration_ms

    @invariant()
    def a_handoff_only_while_music_plays(self) -> None:
        assert self.player.handoff is None or self.player.is_playing
        devices = [output.device_id for output in self.player.outputs]
        assert len(set(devices)) == len(devices)

    @invariant()
    def nobody_waits_longer_than_somebody_is_there(self) -> None:
        """A start lies ahead only for outputs that are there, and 3 s at most; with none it waits for one."""
        if not self.player.is_playing or not self.player.outputs:
            return
        assert self.player.anchored_at - self.now <= PATIENCE
        if self.player.anchored_at > self.now + LEAD:
            assert any(not output.ready for output in here(self.player, self.now))
        assert set(self.player.awaited) <= {output.device_id for output in self.player.outputs}

    @invariant()
    def nobody_heard_more_than_sounded(self) -> None:
        settled = self.settled(self.player)
        hearing = settled.player.hearing
        assert hearing is None or are_apart(hearing.spans)
        open_s = hearing.played_ms / 1000 if hearing else 0
        written_s = sum(row.played_duration for row in settled.ended)
        assert self.history_s + open_s + written_s <= self.present_s + 0.01

    @invariant()
    def settling_twice_is_settling_once(self) -> None:
        once = self.settled(self.player).player
        assert self.settled(once).player == once
        due = due_at(once)
        assert due is None or due > self.now

    @invariant()
    def settling_on_the_way_makes_no_difference(self) -> None:
        later = self.now + timedelta(seconds=7)
        direct = self.settled(self.player, later)
        first = self.settled(self.player)
        second = self.settled(first.player, later)
        assert second.player == direct.player
        assert first.ended + second.ended == direct.ended


PlayerRules.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestPlayerRules = PlayerRules.TestCase
