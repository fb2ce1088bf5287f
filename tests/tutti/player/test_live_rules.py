"""The same rules against the live commands: whatever people, devices, time and crashes do, nothing breaks."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
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
from tests.running import Server, changed, running_server
from tests.tutti.library.songs import Shelf
from tests.tutti.player.conftest import Remote, a_remote, befriended
from tests.tutti.player.live_player import LivePlayer, RemoteOverSocket, Wish
from tutti import identity, player
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.player.model.reports import Said
from tutti.player.model.silence import NEAR_MS
from tutti.player.model.state import RepeatMode

SOME_PLACE = st.integers(0, 40)
SAID = st.sampled_from(["playing", "paused", "ready", "stalled", "ended", "error"])
EDITS = ["move", "remove", "clear", "replace", "all"]
BY_ONE_STATEMENT = ["pause", "seek", "volume"]
"""What the light way writes, which is committed before its command ends."""
ANY = [*EDITS, *BY_ONE_STATEMENT, "add", "next", "play", "repeat", "shuffle", "undo", "redo"]
SLACK_S = 0.2
"""What lies between a word's arrival and its being counted."""
UNLIMITED = {
    "rate_commands_per_second": 100_000,
    "rate_commands_burst": 100_000,
    "rate_reads_per_minute": 1_000_000,
    "rate_writes_per_minute": 1_000_000,
}


class LiveRules(LivePlayer, RuleBasedStateMachine):
    """One person, two devices. Hypothesis runs in a thread; everything real happens on the test's loop."""

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

    # what people do

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

    # what devices, time and faults do

    @rule(
        device=st.integers(0, 1),
        said=SAID,
        off_ms=st.sampled_from([0, -900, 4_000, 60_000]),
        stale=st.booleans(),
        twice=st.booleans(),
    )
    def report(self, device: int, said: Said, off_ms: int, stale: bool, twice: bool) -> None:
        """A word may come twice: then the second says nothing new."""
        self.follow()
        word = {
            "state": said,
            "position_ms": max(0, self.position_ms() + off_ms),
            "item_id": self.state.item.item_id if self.state.item else None,
            "version": 0 if stale else self.state.version,
        }
        self.hear(device, word)
        if twice and self.is_still():
            first = self.state
            self.hear(device, word)
            assert (self.state.item, self.state.current_index) == (first.item, first.current_index)
            assert self.state.is_playing == first.is_playing

    def hear(self, device: int, word: dict[str, Any]) -> None:
        """The word of a device, and what it means for how long an output was there."""
        before, sent = self.state, self.now_s
        self.here((self.phone, self.desk)[device].do(player.report_device, **word))
        self.follow()
        self.has_left[device] = False
        if self.is_concerned(device, before) or self.is_concerned(device, self.state):
            if self.state.is_playing and not before.is_playing:
                assert word["state"] == "playing", "a word of one that does not play"
                self.never_stopped(before, word["position_ms"])
            self.presence.word(sent, self.now_s)

    def is_concerned(self, device: int, state: player.State) -> bool:
        """Whether this device sounds, or is about to."""
        sounding = [each.device_id for each in state.outputs]
        return self.devices[device] in [*sounding, *([state.handoff.to] if state.handoff else [])]

    def never_stopped(self, before: player.State, position_ms: int) -> None:
        """Music that stood for silence goes on by a word alone if it is where it would be without that."""
        assert before.notice is not None
        assert before.item is not None
        assert before.notice.code == "output_lost"
        silent_ms = (self.floor.clock.now() - before.notice.at).total_seconds() * 1000
        off_ms = (position_ms - before.position_ms - silent_ms) % before.item.duration_ms
        assert min(off_ms, before.item.duration_ms - off_ms) <= NEAR_MS + 500
        self.presence.all_along(self.now_s)

    @rule(device=st.integers(0, 1), comes_back=st.booleans())
    def go_away(self, device: int, comes_back: bool) -> None:
        """Whoever was an output stays one, its delay kept, though nobody waits for it meanwhile."""
        remote = (self.phone, self.desk)[device]
        before = self.state = self.here(self.phone.settle())
        self.here(remote.do(player.leave_device))
        is_output = self.devices[device] in [each.device_id for each in before.outputs]
        if is_output and not self.has_left[device]:
            self.presence.goodbye(self.now_s)
        self.has_left[device] = True
        if comes_back:
            self.come_back(device)
        self.follow()
        if before.outputs and before.handoff is None:
            members = [
                [(each.device_id, each.delay_ms) for each in at.outputs] for at in (before, self.state)
            ]
            assert members[0] == members[1]

    @rule(
        device=st.integers(0, 1),
        seconds=st.sampled_from([3.0, 12.0, 45.0]),
        speaks=st.booleans(),
        settles=st.booleans(),
    )
    def an_output_plays_and_is_not_heard(
        self, device: int, seconds: float, speaks: bool, settles: bool
    ) -> None:
        """As long as it was there something was heard; and longer if it turns out that it never left."""
        self.play(None, device)
        self.report(device, "playing", 0, stale=False, twice=False)
        began_ms, plays = self.position_ms(), self.state.is_playing
        self.time_passes(seconds, settles)
        self.nobody_heard_more_than_outputs_were_there()
        if speaks and plays and self.state.item is not None:
            word = {"state": "playing", "item_id": self.state.item.item_id, "version": self.state.version}
            self.hear(device, word | {"position_ms": began_ms + round(seconds * 1000)})

    @rule(device=st.integers(0, 1))
    def come_back(self, device: int) -> None:
        sent = self.now_s
        self.here((self.phone, self.desk)[device].device(device_id=self.devices[device]))
        self.follow()
        self.has_left[device] = False
        if self.devices[device] in [each.device_id for each in self.state.outputs]:
            self.presence.word(sent, self.now_s)

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.0, 60.0]), settles=st.booleans())
    def time_passes(self, seconds: float, settles: bool) -> None:
        self.here(self.phone.pass_time(seconds))
        self.passed_s += seconds
        if settles:
            self.here(self.phone.settle())
        self.follow()

    @rule(place=SOME_PLACE, to=SOME_PLACE, wish=st.sampled_from(ANY))
    def a_server_dies_in_mid_command(self, place: int, to: int, wish: str) -> None:
        """All of it is there or nothing; and sent again, however often, it takes effect once."""
        before, mirror = self.settle(), list(self.mirror)
        command, parameters = self.any_wish(wish, place, to)
        parameters = parameters | {"command_id": uuid4()}
        self.perish(command, parameters)
        self.follow()
        if self.is_still():
            assert self.mirror == mirror, "no queue changes by half"
            written = self.state.version - before.version
            assert written <= (wish in BY_ONE_STATEMENT), "and no player"
        if not self.do(self.phone, command, **parameters):
            return
        self.has_taken_effect(wish, before, parameters)
        for other, given in self.meanwhile():
            self.do(self.desk, other, **given)
        now = self.settle()
        if self.is_still():
            self.do(self.desk, command, **parameters)
            assert (self.state.version, self.state.queue_version) == (now.version, now.queue_version)

    def meanwhile(self) -> list[Wish]:
        """What makes anything that is done a second time show."""
        to = 0.5 if self.state.volume != 0.5 else 0.25
        return [
            (player.play, {}),
            (player.seek, {"position_ms": 7_777}),
            (player.change_player, {"volume": to, "repeat_mode": "none"}),
        ]

    def has_taken_effect(self, wish: str, before: player.State, parameters: dict[str, Any]) -> None:
        """What it asked for is how it is."""
        state = self.state
        match wish:
            case "pause":
                assert not state.is_playing
            case "volume":
                assert state.volume == parameters["volume"]
            case "repeat":
                assert state.repeat_mode == parameters["repeat_mode"]
            case "shuffle":
                assert state.is_shuffled == parameters["is_shuffled"]
            case "add":
                assert state.queue_length == before.queue_length + 2
            case "seek" if state.item is not None and not state.is_playing and self.is_still():
                assert state.position_ms in (parameters["position_ms"], state.item.duration_ms, 0)

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
    def nobody_heard_more_than_outputs_were_there(self) -> None:
        heard = self.here(self.phone.do(player.history, limit=200))
        present_s = self.presence.so_far(self.now_s)
        assert sum(row.played_duration for row in heard.items) <= present_s + SLACK_S


class LiveRulesOverSockets(LiveRules):
    """The same, asked over two sockets of a running server."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, floor: Floor, songs: list[UUID], server: Server
    ) -> None:
        super().__init__(loop, floor, songs)
        self._server = server
        self._sockets = AsyncExitStack()

    async def remote_of(self, person: Person) -> Remote:
        ctx = Context(self.floor, ip_address="127.0.0.1", user_agent="tests")
        opened = await perform(ctx, identity.open_program_session, user_id=person.id)
        headers = {"Authorization": f"Bearer {opened.access_token}"}
        found = await perform(Context(self.floor), identity.session_of_access_token, jwt=opened.access_token)
        assert found is not None
        phone = await self._sockets.enter_async_context(self._server.phone(person, headers))
        return RemoteOverSocket(self.floor, person, found.session, phone)

    def teardown(self) -> None:
        self.here(self._sockets.aclose())


async def hold(rules: Callable[[], LiveRules], examples: int) -> None:
    """Let Hypothesis try so many sequences, in a thread."""
    kept = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, rules, settings=kept)  # type: ignore[arg-type]  # it is called like a class


async def test_the_rules_hold_for_the_live_commands(floor: Floor, someone: Person, shelf: Shelf) -> None:
    songs = [(await shelf.add(someone, title)).id for title in "ABCDE"]
    loop = asyncio.get_running_loop()
    await hold(lambda: LiveRules(loop, floor, songs), 25)


async def test_the_rules_hold_over_the_sockets_of_a_server(
    floor: Floor, someone: Person, shelf: Shelf
) -> None:
    songs = [(await shelf.add(someone, title)).id for title in "ABCDE"]
    loop = asyncio.get_running_loop()
    async with running_server(changed(floor.settings, **UNLIMITED), floor) as server:
        await hold(lambda: LiveRulesOverSockets(loop, floor, songs, server), 12)
