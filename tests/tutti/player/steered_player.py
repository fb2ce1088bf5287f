"""What people do at one player, as rules: each says what it brings about."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.conftest import add_person
from tests.tutti.player.conftest import Remote, a_remote, befriended
from tests.tutti.player.live_player import LivePlayer
from tutti import player
from tutti.context import Person
from tutti.player.model.state import RepeatMode

SOME_PLACE = st.integers(0, 40)
Course = tuple[UUID | None, bool, int, datetime]
"""What is current, whether it plays, and where it stood when."""


class Seen(NamedTuple):
    """How a player was at one moment."""

    state: player.State
    order: list[UUID]
    is_still: bool
    """Nothing was about to happen by itself."""

    @property
    def current(self) -> UUID | None:
        return self.state.item.item_id if self.state.item else None

    @property
    def course(self) -> Course:
        return self.current, self.state.is_playing, self.state.position_ms, self.state.anchored_at


class SteeredPlayer(LivePlayer):
    """One person with two devices, and a friend."""

    async def remote_of(self, person: Person) -> Remote:
        """A session of this person; what it asks is performed here, as a server would."""
        return await a_remote(self.floor, person)

    @initialize()
    def begin(self) -> None:
        self.person: Person = self.here(add_person(self.floor, "Clara", "member"))
        self.phone = self.here(self.remote_of(self.person))
        self.desk = self.here(self.remote_of(self.person))
        robert = self.here(add_person(self.floor, "Robert", "member"))
        self.friend = self.here(befriended(self.phone, self.floor, robert))
        self.devices = [self.here(self.phone.device("Kitchen")), self.here(self.desk.device("Desk"))]
        self.has_left = [False, False]
        self.state = self.here(self.phone.do(player.get_player))
        self.do(self.phone, player.add_to_queue, song_ids=self.songs)

    @rule(count=st.integers(1, 3), at=st.sampled_from(["end", "next", 0, 2, 5]))
    def add(self, count: int, at: str | int) -> None:
        self.do_once(
            self.phone, player.add_to_queue, song_ids=self.chance.choices(self.songs, k=count), at=at
        )

    @rule(
        place=SOME_PLACE, to=SOME_PLACE, wish=st.sampled_from(["move", "remove", "replace", "all", "clear"])
    )
    def change_and_take_it_back(self, place: int, to: int, wish: str) -> None:
        """Undo is the inverse, and redo the inverse of that."""
        before = self.look()
        command, parameters = self.wish(wish, place, to)
        self.do(self.phone, command, **parameters)
        if self.mirror == before.order:
            return
        after = self.look()
        self.do(self.phone, player.undo_queue)
        self.is_again(before, after)
        undone = self.look()
        self.do(self.phone, player.redo_queue)
        self.is_again(after, undone)
        if place % 2:
            self.do(self.phone, player.undo_queue)

    def look(self) -> Seen:
        """How it is now, what is due counted as done."""
        self.follow()
        return Seen(self.state, list(self.mirror), self.is_still())

    def is_again(self, wanted: Seen, left: Seen) -> None:
        """The order is again as wanted, and who listens to what stays in it is not interrupted.

        When that goes, the music goes on with what was current, if that was taken out and comes back.
        """
        assert self.mirror == wanted.order
        if not (wanted.is_still and left.is_still):
            return
        now = Seen(self.state, self.mirror, is_still=True)
        if left.current in now.order:
            assert now.course == left.course
        elif wanted.current is not None and wanted.current not in left.order:
            assert now.course[:3] == (wanted.current, left.state.is_playing, 0)

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
        self.do_once(self.desk, player.change_player, repeat_mode=repeat_mode)

    @rule()
    def toggle_shuffle(self) -> None:
        self.do_once(self.desk, player.change_player, is_shuffled=not self.state.is_shuffled)

    @rule(redo=st.booleans())
    def undo(self, redo: bool) -> None:
        self.do_once(self.phone, player.redo_queue if redo else player.undo_queue)

    @rule(place=st.one_of(st.none(), SOME_PLACE), device=st.one_of(st.none(), st.integers(0, 1)))
    def play(self, place: int | None, device: int | None) -> None:
        item = None if place is None or not self.mirror else self.mirror[place % len(self.mirror)]
        output = None if device is None else self.devices[device]
        self.do_once(self.phone, player.play, item_id=item, device_id=output)

    @precondition(lambda self: self.mirror)
    @rule()
    def play_again_what_is_over(self) -> None:
        """Whatever follows, who names a song that is over hears that one."""
        self.do(self.phone, player.pause)
        self.do(self.phone, player.seek, position_ms=220_000)
        over = self.look()
        self.do(self.phone, player.play, item_id=over.current)
        assert self.look().course[:3] == (over.current, True, 0)

    @rule()
    def pause(self) -> None:
        self.do_once(self.phone, player.pause)
        assert not self.state.is_playing

    @rule()
    def skip(self) -> None:
        """Two thumbs and a repeated command still skip once."""
        leaves = self.state.item.item_id if self.state.item else None
        if not self.do_once(self.phone, player.next_song, from_item_id=leaves):
            return
        first, (command, wish) = self.state, self.sent[-1]
        self.do(self.desk, command, **wish)
        assert self.state.item == first.item
        self.sent[-1] = (command, {"command_id": wish["command_id"]})

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 100), volumes=st.sampled_from([0, 70]))
    def send_again(self, which: int, volumes: int) -> None:
        """Whatever happened since, a slider dragged too: what took effect once does nothing now."""
        for volume in range(volumes):
            wish = {"volume": volume / 100, "command_id": uuid4()}
            self.here(self.desk.do(player.change_player, **wish))
        command, parameters = self.sent[which % len(self.sent)]
        before = self.settle()
        is_still = self.is_still()
        self.do(self.phone, command, **parameters)
        if is_still:
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
        self.do_once(self.phone, player.seek, position_ms=position_ms)

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
