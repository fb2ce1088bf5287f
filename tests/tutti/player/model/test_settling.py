"""What time alone does to a player."""

import pytest

from tests.tutti.player.builders import a_player, after, an_item, an_output, playing, window_of
from tutti.player.model.settling import MOST_STEPS, due_at, needs_window, settle
from tutti.player.model.state import Handoff, Output, changed


def test_a_player_that_stands_never_changes_by_itself() -> None:
    standing = a_player(item=an_item(), queue_length=1)
    assert due_at(standing) is None
    assert settle(standing, after(10**6)).player is standing


def test_within_a_song_nothing_changes() -> None:
    before = playing(an_item(seconds=100))
    assert settle(before, after(5)).player is before


def test_an_ended_song_is_followed_by_the_next_from_its_beginning() -> None:
    first, second = an_item(seconds=4), an_item(seconds=100)
    player, ended = settle(playing(first), after(6), window_of(first, second))
    assert (player.item, player.current_index, player.anchored_at) == (second, 1, after(4))
    assert [(row.song_id, row.played_duration, row.completed) for row in ended] == [(first.song_id, 4, True)]


def test_several_short_songs_may_end_at_once() -> None:
    songs = [an_item(seconds=2) for _ in range(4)]
    player, ended = settle(playing(songs[0]), after(5), window_of(*songs))
    assert (player.item, player.next, player.anchored_at) == (songs[2], songs[3], after(4))
    assert len(ended) == 2


def test_without_a_window_the_player_waits_at_the_end_of_its_song() -> None:
    before = playing(an_item(seconds=4))
    assert needs_window(before, after(6))
    assert settle(before, after(6)).player is before


def test_the_last_song_stops_at_its_end() -> None:
    item = an_item(seconds=4)
    player, ended = settle(playing(item), after(6), window_of(item))
    assert (player.item, player.is_playing, player.position_ms) == (item, False, 4_000)
    assert len(ended) == 1


@pytest.mark.parametrize(("repeat_mode", "index"), [("one", 1), ("all", 0)])
def test_repeat_goes_on_with_the_same_song_or_from_the_start(repeat_mode: str, index: int) -> None:
    items = (an_item(seconds=100), an_item(seconds=4))
    before = playing(items[1], repeat_mode=repeat_mode, current_index=1, queue_length=2)
    player, ended = settle(before, after(6), window_of(*items, at=1))
    assert (player.item, player.current_index, player.is_playing) == (items[index], index, True)
    assert len(ended) == 1


def test_songs_known_to_be_gone_are_skipped_and_told() -> None:
    items = (an_item("A", seconds=4), an_item("B"), an_item("C"))
    player, _ended = settle(playing(items[0]), after(5), window_of(*items, unplayable=(items[1],)))
    assert player.item == items[2]
    assert player.notice is not None
    assert (player.notice.code, player.notice.title) == ("song_skipped", "B")


def test_ten_seconds_after_the_last_sign_of_life_the_time_stands() -> None:
    before = playing(an_item(seconds=100), output_seen_at=after(3))
    assert due_at(before) == after(13)
    player, ended = settle(before, after(60))
    assert (player.is_playing, player.position_ms, ended) == (False, 13_000, ())
    assert player.notice is not None
    assert player.notice.code == "output_lost"


def test_what_nobody_was_there_to_play_was_not_heard() -> None:
    player, _ended = settle(playing(an_item(seconds=100), output_seen_at=after(3)), after(60))
    assert player.hearing is not None
    assert player.hearing.played_ms == 3_000


def test_a_start_that_no_device_takes_up_ends() -> None:
    before = playing(an_item(), outputs=(), output_seen_at=None, anchored_at=after(10))
    assert settle(before, after(9)).player is before
    player, _ended = settle(before, after(11))
    assert (player.is_playing, player.position_ms) == (False, 0)
    assert player.notice is not None
    assert player.notice.code == "no_output"


def test_a_handoff_is_done_at_its_instant() -> None:
    target = an_output()
    handoff = Handoff(to=target.device_id, delay_ms=40, starts_at=after(2), deadline=after(3))
    player, _ended = settle(playing(an_item(), handoff=handoff), after(2.5))
    assert player.outputs == (Output(device_id=target.device_id, delay_ms=40, ready=True),)
    assert (player.handoff, player.is_playing, player.hearing) == (None, True, None)


def test_a_start_that_still_waits_begins_where_it_is_handed_over_to() -> None:
    pair = (an_output(), an_output(ready=False))
    handoff = Handoff(to=pair[0].device_id, starts_at=after(1), deadline=after(3))
    before = playing(an_item(), outputs=pair, anchored_at=after(3), handoff=handoff)
    player, _ended = settle(before, after(2))
    assert ([each.device_id for each in player.outputs], player.anchored_at) == ([handoff.to], after(1))


def test_a_song_that_so_begins_earlier_may_have_ended_already() -> None:
    items = (an_item(seconds=1), an_item())
    pair = (an_output(), an_output(ready=False))
    handoff = Handoff(to=pair[0].device_id, starts_at=after(1), deadline=after(3))
    before = playing(items[0], outputs=pair, anchored_at=after(3), handoff=handoff)
    assert not needs_window(before, after(1.5))
    assert needs_window(before, after(2.5))
    player, _ended = settle(before, after(2.5), window_of(*items))
    assert (player.item, player.anchored_at) == (items[1], after(2))


def test_a_handoff_that_is_not_ready_leaves_the_music_where_it_is() -> None:
    target = an_output()
    before = playing(an_item(), handoff=Handoff(to=target.device_id, deadline=after(3)))
    player, _ended = settle(before, after(4))
    assert (player.outputs, player.handoff, player.is_playing) == (before.outputs, None, True)
    assert player.notice is not None
    assert (player.notice.code, player.notice.device_id) == ("device_not_ready", target.device_id)


def test_a_song_of_unknown_length_does_not_end_by_itself() -> None:
    item = an_item(seconds=0)
    before = playing(item, output_seen_at=after(3600))
    assert settle(before, after(3600), window_of(item)).player is before


def test_songs_too_short_to_follow_stop_the_player_instead_of_the_server() -> None:
    item = an_item(seconds=0.001)
    before = playing(item, repeat_mode="one")
    player, ended = settle(before, after(9), window_of(item))
    assert not player.is_playing
    assert len(ended) == MOST_STEPS


def test_nothing_is_changed_when_nothing_differs() -> None:
    player = a_player()
    assert changed(player, volume=player.volume) is player
