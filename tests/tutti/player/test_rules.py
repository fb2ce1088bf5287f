"""Any sequence of wishes, reports and passing time keeps the player's invariants."""

from datetime import timedelta
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.tutti.player.builders import an_output
from tests.tutti.player.steered_in_memory import SteeredInMemory
from tutti.player.model import outputs
from tutti.player.model.hearing import are_apart
from tutti.player.model.presence import LEAD, PATIENCE, here
from tutti.player.model.reports import Report, Said
from tutti.player.model.settling import due_at
from tutti.player.model.state import changed, position_at
from tutti.player.model.window import step, upcoming

DEVICES = [uuid4() for _ in range(3)]
SOME_SECONDS = st.floats(min_value=0, max_value=45)
SOME_DEVICE = st.sampled_from(DEVICES)


class PlayerRules(SteeredInMemory, RuleBasedStateMachine):
    """The reducer over a queue in memory. Time moves forward only here; devices may vanish at any moment."""

    @initialize(starts=st.booleans())
    def begin(self, starts: bool) -> None:
        """Half of all runs begin with music on."""
        if starts:
            self.add(4, 30.0, 9)
            self.add_output(DEVICES[0])
            self.play()

    # what devices and time do

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
        self.gone.discard(device)
        self.wish(lambda _window: outputs.come(self.player, self.now, device))
        self.wish(lambda _window: outputs.appear(self.player, self.now, an_output(device, ready=False)))
        if self.is_present(device):
            self.seen()

    @rule(device=SOME_DEVICE)
    def leave(self, device: UUID) -> None:
        """It says goodbye; whether another one is there only that one's next word tells."""
        self.gone.add(device)
        was_present = self.is_present(device)
        self.wish(lambda _window: outputs.leave(self.player, self.now, device))
        if was_present:
            self.presence.goodbye(self.now_s)

    @rule(
        device=SOME_DEVICE,
        state=st.sampled_from(["playing", "paused", "ready", "stalled", "ended", "error"]),
        off_ms=st.sampled_from([0, 80, -700, 5_000, -60_000]),
        stale=st.booleans(),
    )
    def report(self, device: UUID, state: Said, off_ms: int, stale: bool) -> None:
        self.gone.discard(device)
        self.say(device, state, off_ms, stale=stale)

    @rule(device=SOME_DEVICE, leaves=st.booleans())
    def a_device_is_ready_to_take_over(self, device: UUID, leaves: bool) -> None:
        self.transfer(device)
        self.report(device, "ready", 0, stale=False)
        if leaves:
            self.leave(device)

    @rule(state=st.sampled_from(["ended", "error"]), order=st.permutations(DEVICES), all_join=st.booleans())
    def a_song_is_over_on_every_output(self, state: Said, order: list[UUID], all_join: bool) -> None:
        """However many they are, the music goes on with something else, begins again, or stops."""
        for device in order if all_join else ():
            self.add_output(device)
        self.settle()
        before = self.player
        if before.item is None or not before.is_playing:
            return
        for device in filter(self.is_present, order):
            self.gone.discard(device)
            if self.player.item == before.item:
                self.say(device, state)
        has_gone_on = self.player.item != before.item or not self.player.is_playing
        assert has_gone_on or position_at(self.player, self.now) == 0

    @precondition(lambda self: self.queue.order)
    @rule(
        device=SOME_DEVICE,
        after_s=st.floats(0, 9.9),
        seek_ms=st.one_of(st.none(), st.integers(0, 250_000)),
        seconds=SOME_SECONDS,
        settles=st.booleans(),
    )
    def an_output_plays_on_unheard(
        self, device: UUID, after_s: float, seek_ms: int | None, seconds: float, settles: bool
    ) -> None:
        """Somebody may seek meanwhile, or write the silence down; then the output says where it is."""
        self.gone.discard(device)
        self.wish(lambda _window: outputs.play_here(self.player, self.now, an_output(device, ready=False)))
        self.play()
        self.say(device, "playing")
        self.time_passes(after_s)
        if seek_ms is not None:
            self.seek(seek_ms)
        unheard = changed(self.player, output_seen_at=self.now + timedelta(seconds=seconds))
        self.time_passes(seconds)
        if settles:
            self.settle()
        there = self.settled(unheard).player
        if there.item is not None and there.is_playing:
            position, item_id = position_at(there, self.now), there.item.item_id
            version = self.player.version
            self.hear(
                Report(
                    device_id=device, item_id=item_id, position_ms=position, state="playing", version=version
                )
            )

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
    def no_music_is_about_to_move_to_a_device_that_has_left(self) -> None:
        handoff = self.player.handoff
        assert handoff is None or handoff.starts_at is None or handoff.to not in self.gone

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
        assert self.history_s + open_s + written_s <= self.presence.so_far(self.now_s) + 0.01

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
