"""The same rules against the live commands: whatever people, devices, time and crashes do, nothing breaks."""

import asyncio
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import add_person
from tests.tutti.library.songs import Shelf
from tests.tutti.player.conftest import a_remote, befriended
from tests.tutti.player.live_player import LivePlayer, Wish
from tutti import player
from tutti.context import Floor, Person
from tutti.player.model.reports import Said
from tutti.player.model.state import RepeatMode

SOME_PLACE = st.integers(0, 40)
SAID = st.sampled_from(["playing", "paused", "ready", "stalled", "ended", "error"])


class LiveRules(LivePlayer, RuleBasedStateMachine):
    """One person, two devices. Hypothesis runs in a thread; everything real happens on the test's loop."""

    @initialize()
    def begin(self) -> None:
        self.person: Person = self.here(add_person(self.floor, "Clara", "member"))
        self.phone = self.here(a_remote(self.floor, self.person))
        self.desk = self.here(a_remote(self.floor, self.person))
        robert = self.here(add_person(self.floor, "Robert", "member"))
        self.friend = self.here(befriended(self.phone, self.floor, robert))
        self.devices = [self.here(self.phone.device("Kitchen")), self.here(self.desk.device("Desk"))]
        self.state = self.here(self.phone.do(player.get_player))
        self.began = self.loop.time()
        self.sent: list[Wish] = []
        self.do(self.phone, player.add_to_queue, song_ids=self.songs)

    # what people do

    @rule(count=st.integers(1, 3), at=st.sampled_from(["end", "next", 0, 2, 5]))
    def add(self, count: int, at: str | int) -> None:
        wish = {"song_ids": self.chance.choices(self.songs, k=count), "at": at, "command_id": uuid4()}
        self.do(self.phone, player.add_to_queue, **wish)
        self.sent.append((player.add_to_queue, wish))

    @rule(
        place=SOME_PLACE, to=SOME_PLACE, wish=st.sampled_from(["move", "remove", "replace", "all", "clear"])
    )
    def change_and_take_it_back(self, place: int, to: int, wish: str) -> None:
        """Undo is the inverse, and redo the inverse of that."""
        before = list(self.mirror)
        command, parameters = self.wish(wish, place, to)
        self.do(self.phone, command, **parameters)
        if self.mirror == before:
            return
        after = list(self.mirror)
        self.do(self.phone, player.undo_queue)
        assert self.mirror == before
        self.do(self.phone, player.redo_queue)
        assert self.mirror == after
        if place % 2:
            self.do(self.phone, player.undo_queue)

    @rule()
    def toggle_shuffle_and_take_it_back(self) -> None:
        before, was = list(self.mirror), self.state.is_shuffled
        self.do(self.phone, player.change_player, is_shuffled=not was)
        after = list(self.mirror)
        self.do(self.phone, player.undo_queue)
        assert (self.mirror, self.state.is_shuffled) == (before, was)
        self.do(self.phone, player.redo_queue)
        assert (self.mirror, self.state.is_shuffled) == (after, not was)

    @rule(times=st.integers(2, 5), adds=st.booleans())
    def toggle_shuffle_again_and_again_and_take_it_all_back(self, times: int, adds: bool) -> None:
        """However often it is mixed anew, each order comes back as it was."""
        orders = [(list(self.mirror), self.state.is_shuffled)]
        for _ in range(times):
            self.do(self.phone, player.change_player, is_shuffled=not self.state.is_shuffled)
            orders.append((list(self.mirror), self.state.is_shuffled))
        added = set[UUID]()
        if adds:
            before = set(self.mirror)
            self.do(self.friend, player.add_to_queue, song_ids=self.songs[:2], player_id=self.state.player_id)
            added = set(self.mirror) - before

        def now() -> tuple[list[UUID], bool]:
            return [item for item in self.mirror if item not in added], self.state.is_shuffled

        for order in reversed(orders[:-1]):
            self.do(self.phone, player.undo_queue)
            assert now() == order
            assert added <= set(self.mirror)
        for order in orders[1:]:
            self.do(self.phone, player.redo_queue)
            assert now() == order

    @rule(repeat_mode=st.sampled_from(["none", "one", "all"]))
    def repeat(self, repeat_mode: RepeatMode) -> None:
        self.do(self.desk, player.change_player, repeat_mode=repeat_mode)

    @rule(place=st.one_of(st.none(), SOME_PLACE), device=st.one_of(st.none(), st.integers(0, 1)))
    def play(self, place: int | None, device: int | None) -> None:
        item = None if place is None or not self.mirror else self.mirror[place % len(self.mirror)]
        self.do(
            self.phone, player.play, item_id=item, device_id=None if device is None else self.devices[device]
        )

    @rule()
    def pause(self) -> None:
        self.do(self.phone, player.pause)
        assert not self.state.is_playing

    @rule()
    def skip(self) -> None:
        """Two thumbs and a repeated command still skip once."""
        leaves = self.state.item.item_id if self.state.item else None
        command_id = uuid4()
        self.do(self.phone, player.next_song, from_item_id=leaves, command_id=command_id)
        first = self.state
        self.do(self.desk, player.next_song, from_item_id=leaves, command_id=command_id)
        assert self.state.item == first.item
        self.sent.append((player.next_song, {"command_id": command_id}))

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 100), volumes=st.sampled_from([0, 70]))
    def send_again(self, which: int, volumes: int) -> None:
        """Whatever happened since, a slider dragged too: what took effect once does nothing now."""
        for volume in range(volumes):
            wish = {"volume": volume / 100, "command_id": uuid4()}
            self.here(self.desk.do(player.change_player, **wish))
        command, parameters = self.sent[which % len(self.sent)]
        self.state = before = self.here(self.phone.settle())
        self.do(self.phone, command, **parameters)
        assert (self.state.version, self.state.queue_version) == (before.version, before.queue_version)

    @rule(back=st.booleans())
    def two_thumbs(self, back: bool) -> None:
        """Both saw the same: what one wished is not done twice."""
        self.state = self.here(self.phone.settle())
        if self.state.item is None:
            return
        state, now = self.state, self.state.updated_at
        passed_ms = (max(now, state.anchored_at) - state.anchored_at).total_seconds() * 1000
        seen_ms = state.position_ms + round(passed_ms) * state.is_playing
        seen = {"from_item_id": self.state.item.item_id, "from_position_ms": seen_ms}
        press = player.previous_song if back else player.next_song
        self.do(self.phone, press, **seen)
        first = self.state
        self.do(self.desk, press, **seen)
        if seen_ms > 2_000:
            assert (self.state.item, self.state.version) == (first.item, first.version)

    @rule()
    def previous(self) -> None:
        self.do(self.phone, player.previous_song)

    @rule(position_ms=st.integers(0, 220_000))
    def seek(self, position_ms: int) -> None:
        self.do(self.phone, player.seek, position_ms=position_ms)

    @precondition(lambda self: self.state.is_shuffled and self.state.repeat_mode == "none")
    @rule()
    def hear_the_round_to_its_end(self) -> None:
        """Each item that is still to come comes once."""
        self.do(self.phone, player.play)
        ahead = self.mirror[self.state.current_index + 1 :]
        heard: list[UUID] = []
        while (item_id := self.after_next()) is not None:
            heard.append(item_id)
        assert heard == ahead
        assert len(set(heard)) == len(heard)

    @rule(device=st.integers(0, 1), wish=st.sampled_from(["transfer", "add", "remove"]))
    def choose_outputs(self, device: int, wish: str) -> None:
        command = {"transfer": player.transfer, "add": player.add_output, "remove": player.remove_output}[
            wish
        ]
        self.do(self.phone, command, device_id=self.devices[device])

    # what devices, time and faults do

    @rule(device=st.integers(0, 1), said=SAID, off_ms=st.sampled_from([0, -900, 4_000]), stale=st.booleans())
    def report(self, device: int, said: Said, off_ms: int, stale: bool) -> None:
        remote = (self.phone, self.desk)[device]
        position = max(0, self.state.position_ms + off_ms)
        self.here(remote.report(said, position, **({"version": 0} if stale else {})))
        self.follow()

    @rule(device=st.integers(0, 1), comes_back=st.booleans())
    def go_away(self, device: int, comes_back: bool) -> None:
        """Whoever was an output stays one, its delay kept, though nobody waits for it meanwhile."""
        remote = (self.phone, self.desk)[device]
        before = self.state = self.here(self.phone.settle())
        self.here(remote.do(player.leave_device))
        if comes_back:
            self.here(remote.device(device_id=self.devices[device]))
        self.follow()
        if before.outputs and before.handoff is None:
            members = [
                [(each.device_id, each.delay_ms) for each in at.outputs] for at in (before, self.state)
            ]
            assert members[0] == members[1]

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.0, 60.0]), settles=st.booleans())
    def time_passes(self, seconds: float, settles: bool) -> None:
        self.here(self.phone.pass_time(seconds))
        self.passed_s += seconds
        if settles:
            self.here(self.phone.settle())
        self.follow()

    @rule(place=SOME_PLACE, to=SOME_PLACE, wish=st.sampled_from(["move", "remove", "clear"]))
    def a_server_dies_before_it_commits(self, place: int, to: int, wish: str) -> None:
        before = list(self.mirror)
        command, parameters = self.wish(wish, place, to)
        self.here(self.perish(command, parameters))
        self.follow()
        assert self.mirror == before

    # what must hold

    @invariant()
    def one_current_item_when_there_is_a_queue(self) -> None:
        assert self.state.queue_length == len(self.mirror)
        assert (self.state.item is None) == (not self.mirror)
        assert self.state.item is not None or not self.state.is_playing

    @invariant()
    def index_and_next_tell_the_truth(self) -> None:
        if self.state.item is None:
            assert self.state.next is None
            return
        index = self.state.current_index
        assert self.mirror[index] == self.state.item.item_id
        follows = self.mirror[index + 1 :] or (self.mirror if self.state.repeat_mode == "all" else [])
        assert (self.state.next.item_id if self.state.next else None) == (follows[0] if follows else None)

    @invariant()
    def nobody_heard_more_than_time_passed(self) -> None:
        heard = self.here(self.phone.do(player.history, limit=200))
        elapsed = self.loop.time() - self.began + self.passed_s
        assert sum(row.played_duration for row in heard.items) <= elapsed + 1


async def test_the_rules_hold_for_the_live_commands(floor: Floor, someone: Person, shelf: Shelf) -> None:
    songs = [(await shelf.add(someone, title)).id for title in "ABCDE"]
    loop = asyncio.get_running_loop()
    kept = settings(
        max_examples=15,
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    class Here(LiveRules):
        def __init__(self) -> None:
            super().__init__(loop, floor, songs)

    await asyncio.to_thread(run_state_machine_as_test, Here, settings=kept)
