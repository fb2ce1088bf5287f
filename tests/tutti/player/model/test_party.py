"""A song that has ended, or cannot be played, on some of several outputs or on all of them."""

from typing import Any
from uuid import UUID

import pytest

from tests.tutti.player.builders import after, an_item, an_output, playing, said, window_of
from tutti.player.model import outputs, reports, transport
from tutti.player.model.presence import LEAD, PATIENCE, here
from tutti.player.model.reports import MOST_FAILURES, Report, Said
from tutti.player.model.state import Item, Player, changed, told_apart
from tutti.player.model.window import Window

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
SONGS = tuple(an_item(title) for title in "ABC")
OF_UNKNOWN_LENGTH = tuple(an_item(title, seconds=0) for title in "ABC")
ONE_BY_ONE = [(FIRST, SECOND), (FIRST, SECOND, FIRST, SECOND), (FIRST, FIRST, SECOND)]


class Party:
    """Devices that play together since START; all of them have just said so."""

    def __init__(
        self, *members: UUID, queue: tuple[Item, ...] = SONGS, ready: bool = True, **given: Any
    ) -> None:
        outputs_of = tuple(an_output(member, ready=ready) for member in members)
        self.queue = queue
        self.player: Player = playing(queue[0], outputs=outputs_of, queue_length=len(queue), **given)

    @property
    def window(self) -> Window:
        return window_of(*self.queue, at=self.player.current_index)

    @property
    def title(self) -> str:
        assert self.player.item is not None
        return self.player.item.title

    def hear(self, seconds: float, state: Said, *members: UUID) -> None:
        for member in members:
            self.take(seconds, said(self.player, state, device_id=member))

    def take(self, seconds: float, report: Report) -> None:
        """As a command does: what others are told of raises the version."""
        now, before = after(seconds), self.player
        player = reports.see(before, now, report)
        if reports.is_believed(player, report) or reports.is_ready(player, report):
            player = reports.believe(player, now, report, self.window).player
        self.player = changed(player, version=before.version + 1) if told_apart(before, player) else player


@pytest.mark.parametrize("members", ONE_BY_ONE)
def test_a_song_that_none_of_several_can_play_is_skipped_once(members: tuple[UUID, ...]) -> None:
    party = Party(FIRST, SECOND)
    word = said(party.player, "error")
    for member in members:
        party.take(1, changed(word, device_id=member, version=party.player.version))
    assert (party.title, party.player.failures) == ("B", 1)
    assert party.player.notice is not None
    assert (party.player.notice.code, party.player.notice.title) == ("song_skipped", "A")


@pytest.mark.parametrize("members", ONE_BY_ONE)
def test_a_song_of_unknown_length_is_over_when_it_has_ended_everywhere(members: tuple[UUID, ...]) -> None:
    party = Party(FIRST, SECOND, queue=OF_UNKNOWN_LENGTH)
    word = said(party.player, "ended", 5_000)
    for member in members:
        party.take(5, changed(word, device_id=member, version=party.player.version))
    assert (party.title, party.player.failures, party.player.notice) == ("B", 0, None)


def test_what_all_say_in_one_moment_counts_though_they_speak_of_the_same_version() -> None:
    party = Party(FIRST, SECOND, THIRD)
    words = [said(party.player, "error", device_id=each) for each in (FIRST, SECOND, THIRD)]
    for word in words:
        party.take(1, word)
    assert party.title == "B"


def test_a_late_word_of_the_song_that_begins_again_skips_nothing() -> None:
    party = Party(FIRST, SECOND, queue=SONGS[:1], repeat_mode="all")
    words = [said(party.player, "ended", 5_000, each) for each in (FIRST, SECOND)]
    for word in (*words, *words):
        party.take(5, word)
    assert (party.player.position_ms, party.player.version) == (0, 1)
    party.hear(5.1, "playing", SECOND)
    party.hear(6, "ended", FIRST)
    assert (party.player.position_ms, party.player.anchored_at) == (0, after(5))


@pytest.mark.parametrize("state", ["ended", "error"])
def test_one_alone_does_not_cut_the_end_that_another_still_plays(state: Said) -> None:
    party = Party(FIRST, SECOND)
    party.hear(5, state, FIRST, FIRST)
    party.hear(9, "playing", SECOND)
    party.hear(11, state, FIRST)
    assert party.title == "A"
    party.hear(12, "ended", SECOND)
    assert party.title == "B"


def test_a_party_does_not_wait_for_one_that_has_vanished() -> None:
    party = Party(FIRST, SECOND)
    party.hear(9, "error", FIRST)
    assert party.title == "A"
    party.hear(11, "error", FIRST)
    assert party.title == "B"


def test_who_failed_and_is_only_there_is_not_taken_for_one_that_plays() -> None:
    party = Party(FIRST, SECOND)
    party.hear(1, "error", FIRST)
    party.hear(5, "stalled", FIRST)
    party.hear(6, "error", SECOND)
    assert party.title == "B"


@pytest.mark.parametrize("state", ["playing", "ready"])
def test_who_failed_and_plays_after_all_decides_with_the_others_again(state: Said) -> None:
    party = Party(FIRST, SECOND)
    party.hear(1, "error", FIRST)
    party.hear(2, state, FIRST)
    party.hear(3, "error", SECOND)
    assert party.title == "A"


def test_that_one_fails_again_and_again_is_told() -> None:
    party = Party(FIRST, SECOND)
    party.hear(1, "error", FIRST)
    assert party.player.outputs[0].ready
    party.hear(2, "error", FIRST)
    assert [each.ready for each in party.player.outputs] == [False, True]


def test_a_start_waits_for_none_that_cannot_play() -> None:
    party = Party(FIRST, SECOND, ready=False, anchored_at=after(3))
    party.hear(1, "ready", SECOND)
    assert party.player.anchored_at == after(3)
    party.hear(2, "error", FIRST)
    assert party.player.anchored_at == after(2) + LEAD


def test_the_song_after_one_that_was_skipped_begins_together() -> None:
    party = Party(FIRST, SECOND)
    party.hear(1, "error", FIRST, SECOND)
    assert party.player.anchored_at == after(1) + PATIENCE
    party.hear(2, "ready", FIRST)
    assert party.player.anchored_at == after(1) + PATIENCE, "who failed before is waited for again"
    party.hear(2, "ready", SECOND)
    assert party.player.anchored_at == after(2) + LEAD


def test_a_pause_does_not_make_forget_where_the_song_failed() -> None:
    party = Party(FIRST, SECOND)
    party.hear(1, "error", FIRST)
    party.player = transport.pause(party.player, after(2))
    party.player = transport.play(party.player, after(3), party.window).player
    party.hear(4, "error", SECOND)
    assert party.title == "B"


def test_while_nothing_plays_nobody_ends_a_song() -> None:
    party = Party(FIRST, SECOND)
    party.player = transport.pause(party.player, after(1))
    party.hear(2, "error", FIRST, SECOND, FIRST, SECOND)
    assert (party.title, party.player.is_playing) == ("A", False)
    assert len(here(party.player, after(3))) == 2


def test_after_so_many_failures_a_party_stops_too() -> None:
    queue = tuple(an_item() for _ in range(2 * MOST_FAILURES))
    party = Party(FIRST, SECOND, queue=queue)
    for _ in range(MOST_FAILURES):
        party.hear(1, "error", FIRST, SECOND)
    assert (party.player.is_playing, party.player.current_index) == (False, MOST_FAILURES - 1)


def test_music_moves_at_once_only_to_a_member_that_can_play_it() -> None:
    party = Party(FIRST, SECOND)
    party.hear(1, "error", FIRST)
    left = outputs.leave(Party(FIRST, SECOND).player, after(1), FIRST)
    for player in (party.player, left):
        handoff = outputs.transfer(player, after(2), an_output(FIRST)).handoff
        assert handoff is not None
        assert handoff.starts_at is None
