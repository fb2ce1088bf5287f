"""What people do with the music."""

from uuid import uuid4

import pytest

from tests.tutti.player.builders import a_player, after, an_item, an_output, playing, window_of
from tutti.player.model import transport
from tutti.player.model.state import Handoff, RepeatMode, position_at


def test_playing_twice_changes_nothing() -> None:
    item = an_item()
    before = playing(item)
    assert transport.play(before, after(5), window_of(item)).player is before


def test_playing_goes_on_where_it_was_paused() -> None:
    item = an_item()
    paused = transport.pause(playing(item), after(5))
    player = transport.play(paused, after(60), window_of(item)).player
    assert position_at(player, after(62)) == 7_000


def test_playing_nothing_changes_nothing() -> None:
    empty = a_player()
    assert transport.play(empty, after(1), window_of(an_item())).player is empty


def test_playing_at_the_end_of_the_queue_begins_again() -> None:
    items = (an_item(seconds=100), an_item(seconds=100))
    over = a_player(
        item=items[1], position_ms=100_000, current_index=1, queue_length=2, outputs=(an_output(),)
    )
    player = transport.play(over, after(1), window_of(*items, at=1)).player
    assert (player.item, player.next, player.is_playing, player.position_ms) == (items[0], items[1], True, 0)


def test_several_outputs_are_given_an_instant_ahead() -> None:
    item = an_item()
    ready = a_player(item=item, outputs=(an_output(), an_output()))
    assert transport.play(ready, after(1), window_of(item)).player.anchored_at == after(1.4)
    loading = a_player(item=item, outputs=(an_output(), an_output(ready=False)))
    assert transport.play(loading, after(1), window_of(item)).player.anchored_at == after(4)


def test_before_an_arranged_start_the_position_stands() -> None:
    item = an_item()
    player = transport.play(
        a_player(item=item, position_ms=500, outputs=(an_output(), an_output())), after(1), window_of(item)
    ).player
    assert position_at(player, after(1.2)) == 500
    assert position_at(player, after(1.5)) == 600


def test_pausing_keeps_the_position_and_what_was_heard() -> None:
    player = transport.pause(playing(an_item()), after(5))
    assert (player.is_playing, player.position_ms) == (False, 5_000)
    assert player.hearing is not None
    assert player.hearing.spans == ((0, 5_000),)


def test_pausing_does_a_handoff_at_once() -> None:
    handoff = Handoff(to=uuid4(), deadline=after(3))
    player = transport.pause(playing(an_item(), handoff=handoff), after(1))
    assert [output.device_id for output in player.outputs] == [handoff.to]
    assert player.handoff is None


def test_next_leaves_only_the_item_it_names() -> None:
    items = (an_item(), an_item())
    before = playing(items[0])
    window = window_of(*items)
    assert transport.next_song(before, after(1), window, items[1].item_id).player is before
    assert transport.next_song(before, after(1), window, items[0].item_id).player.item == items[1]


def test_next_goes_on_even_under_repeat_one() -> None:
    items = (an_item(), an_item())
    assert (
        transport.next_song(playing(items[0], repeat_mode="one"), after(1), window_of(*items)).player.item
        == items[1]
    )


def test_next_on_a_new_item_lets_the_output_load_it() -> None:
    items = (an_item(), an_item())
    player = transport.next_song(playing(items[0]), after(1), window_of(*items)).player
    assert [output.ready for output in player.outputs] == [False]


def test_next_while_paused_stays_paused() -> None:
    items = (an_item(), an_item())
    player = transport.next_song(a_player(item=items[0]), after(1), window_of(*items)).player
    assert (player.item, player.is_playing) == (items[1], False)


def test_previous_at_the_front_restarts_or_goes_round() -> None:
    items = (an_item(), an_item())
    window = window_of(*items)
    restarted = transport.previous_song(playing(items[0]), after(2), window).player
    assert (restarted.item, position_at(restarted, after(2))) == (items[0], 0)
    round_ = transport.previous_song(playing(items[0], repeat_mode="all"), after(2), window).player
    assert (round_.item, round_.current_index, round_.next) == (items[1], 1, items[0])


def test_two_thumbs_past_three_seconds_restart_the_song_once() -> None:
    items = (an_item(), an_item())
    window = window_of(*items, at=1)
    before = playing(items[1], current_index=1)
    first = transport.previous_song(before, after(50), window, items[1].item_id, 50_000).player
    assert (first.item, position_at(first, after(50))) == (items[1], 0)
    other = transport.previous_song(first, after(50.3), window, items[1].item_id, 50_100).player
    assert other is first


def test_one_person_who_presses_twice_gets_the_song_before() -> None:
    items = (an_item(), an_item())
    window = window_of(*items, at=1)
    before = playing(items[1], current_index=1)
    first = transport.previous_song(before, after(50), window, items[1].item_id, 50_000).player
    again = transport.previous_song(first, after(50.2), window, items[1].item_id, 200).player
    assert again.item == items[0]


def test_what_the_thumb_saw_decides_and_not_how_long_the_wish_took() -> None:
    items = (an_item(), an_item())
    window = window_of(*items, at=1)
    before = playing(items[1], current_index=1)
    assert transport.previous_song(before, after(4), window, items[1].item_id, 2_900).player.item == items[0]
    assert transport.previous_song(before, after(4), window, items[1].item_id).player.item == items[1]


def test_two_thumbs_at_the_front_begin_again_once() -> None:
    item = an_item()
    for repeat_mode in ("none", "all"):
        before = playing(item, repeat_mode=repeat_mode)
        first = transport.previous_song(before, after(2), window_of(item), item.item_id, 2_000).player
        assert position_at(first, after(2)) == 0
        other = transport.previous_song(first, after(2.4), window_of(item), item.item_id, 2_100).player
        assert other is first


@pytest.mark.parametrize("repeat_mode", ["all", "one", "none"])
def test_two_thumbs_on_the_only_song_go_on_once(repeat_mode: RepeatMode) -> None:
    item = an_item()
    before = playing(item, repeat_mode=repeat_mode)
    first = transport.next_song(before, after(50), window_of(item), item.item_id, 50_000).player
    assert first.is_playing == (repeat_mode == "all")
    other = transport.next_song(first, after(50.3), window_of(item), item.item_id, 50_200).player
    assert other is first


def test_the_only_song_is_begun_again_by_every_press_of_one_person() -> None:
    item = an_item()
    before = playing(item, repeat_mode="all")
    first = transport.next_song(before, after(50), window_of(item), item.item_id, 50_000).player
    again = transport.next_song(first, after(52), window_of(item), item.item_id, 1_900).player
    assert again.anchored_at == after(52)


def test_seeking_is_kept_within_the_song() -> None:
    before = a_player(item=an_item(seconds=100))
    assert transport.seek(before, after(1), -5).position_ms == 0
    assert transport.seek(before, after(1), 10**9).position_ms == 100_000


def test_loudness_is_kept_between_silent_and_full() -> None:
    assert transport.loudness(a_player(), volume=7.0).volume == 1.0
    assert transport.loudness(a_player(), volume=-1.0).volume == 0.0
    assert transport.loudness(a_player(volume=0.5), muted=True).volume == 0.5


def test_an_item_taken_out_is_followed_by_its_successor() -> None:
    items = (an_item(), an_item())
    gone = window_of(*items)
    without = type(gone)(index=0, length=1, after=items[1:], head=items[1:], tail=items[1:])
    player, ended, _ahead = transport.requeue(playing(items[0]), after(5), without)
    assert (player.item, player.is_playing, player.queue_length) == (items[1], True, 1)
    assert [row.played_duration for row in ended] == [5]


def test_an_emptied_queue_leaves_nothing() -> None:
    player, ended, _ahead = transport.requeue(playing(an_item()), after(5), type(window_of(an_item()))())
    assert (player.item, player.next, player.is_playing, player.position_ms) == (None, None, False, 0)
    assert len(ended) == 1
