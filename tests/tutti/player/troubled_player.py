"""What devices, time and faults do to a player that people steer, as rules."""

from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.tutti.player.live_player import Wish
from tests.tutti.player.steered_player import SOME_PLACE, SteeredPlayer
from tutti import player
from tutti.player.model.reports import Said
from tutti.player.model.silence import NEAR_MS

SAID = st.sampled_from(["playing", "paused", "ready", "stalled", "ended", "error"])
EDITS = ["move", "remove", "clear", "replace", "all"]
BY_ONE_STATEMENT = ["pause", "seek", "volume"]
"""What the light way writes, which is committed before its command ends."""
ANY = [*EDITS, *BY_ONE_STATEMENT, "add", "next", "play", "repeat", "shuffle", "undo", "redo"]
SLACK_S = 0.2
"""What lies between a word's arrival and its being counted."""


class TroubledPlayer(SteeredPlayer):
    """Devices speak, leave and come back; time passes; a server dies in mid-command."""

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
        self.presence.all_along(self.now_s - silent_ms / 1000, self.now_s)

    @rule(device=st.integers(0, 1), comes_back=st.booleans())
    def go_away(self, device: int, comes_back: bool) -> None:
        """Whoever was an output stays one, its delay kept, though nobody waits for it meanwhile."""
        remote = (self.phone, self.desk)[device]
        before = self.state = self.here(self.phone.settle())
        self.here(remote.do(player.leave_device))
        is_output = self.devices[device] in [each.device_id for each in before.outputs]
        had_left = self.has_left[device]
        if is_output and not had_left:
            self.presence.goodbye(self.now_s)
        self.has_left[device] = True
        was_to_take_over = before.handoff is not None and before.handoff.to == self.devices[device]
        if was_to_take_over and not had_left:
            self.follow()
            assert self.state.handoff is None, "music does not move to a device that has left"
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
        seeks_after=st.sampled_from([None, 0.0, 6.0]),
    )
    def an_output_plays_and_is_not_heard(
        self, device: int, seconds: float, speaks: bool, settles: bool, seeks_after: float | None
    ) -> None:
        """As long as it was there something was heard; and longer if it turns out that it never left."""
        self.play(None, device)
        self.report(device, "playing", 0, stale=False, twice=False)
        if seeks_after is not None:
            self.time_passes(seeks_after, settles)
            self.do(self.desk, player.seek, position_ms=20_000)
        began_ms, plays = self.position_ms(), self.state.is_playing
        self.time_passes(seconds, settles)
        self.nobody_heard_more_than_outputs_were_there()
        if speaks and plays and self.state.item is not None:
            word = {"state": "playing", "item_id": self.state.item.item_id, "version": self.state.version}
            self.hear(device, word | {"position_ms": began_ms + round(seconds * 1000)})

    @rule(said=st.sampled_from(["ended", "error"]), both=st.booleans())
    def a_song_is_over_on_every_output(self, said: Said, both: bool) -> None:
        """The music goes on with something else, begins again, or stops."""
        for device in self.devices if both else ():
            self.do(self.phone, player.add_output, device_id=device)
        before = self.settle()
        if before.item is None or not before.is_playing or not self.is_still():
            return
        word = {"state": said, "item_id": before.item.item_id, "position_ms": self.position_ms()}
        sounding = [each.device_id for each in before.outputs]
        for at, device in enumerate(self.devices):
            if device in sounding and self.state.item == before.item:
                self.hear(at, word | {"version": self.state.version})
        has_gone_on = self.state.item != before.item or not self.state.is_playing
        assert has_gone_on or self.state.anchored_at > before.updated_at

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

    @invariant()
    def nobody_heard_more_than_outputs_were_there(self) -> None:
        heard = self.here(self.phone.do(player.history, limit=200))
        present_s = self.presence.so_far(self.now_s)
        assert sum(row.played_duration for row in heard.items) <= present_s + SLACK_S
