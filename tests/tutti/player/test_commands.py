"""Steering a player on real PostgreSQL."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.tutti.player.conftest import Remote
from tutti import library, player
from tutti.player.problems import ItemGone, NothingPlayable, PlayerMoved, QueueEmpty, SongsNotFound


async def test_a_player_exists_from_the_first_look_on(phone: Remote, desk: Remote) -> None:
    seen = await phone.do(player.get_player)
    assert seen.item is None
    assert not seen.is_playing
    assert (await desk.do(player.get_player)).player_id == seen.player_id


async def test_playing_an_empty_queue_says_so(phone: Remote) -> None:
    with pytest.raises(QueueEmpty):
        await phone.do(player.play)


async def test_playing_a_queue_of_songs_that_are_gone_says_that_and_not_that_it_is_empty(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs[:2])
    await phone.do(player.play)
    for song_id in songs[:2]:
        await phone.do(library.delete_song, song_id=song_id)
    assert not (await phone.do(player.next_song)).is_playing
    with pytest.raises(NothingPlayable) as caught:
        await phone.do(player.play)
    assert caught.value.code == "nothing_playable"
    assert caught.value.details["player"].queue_length == 2
    await phone.do(player.clear_queue)
    with pytest.raises(QueueEmpty):
        await phone.do(player.play)


async def test_the_first_device_that_plays_is_the_one_output(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    kitchen = await phone.device()
    await desk.device("Desk")
    await phone.add(*songs)
    state = await phone.do(player.play)
    assert state.is_playing
    assert [output.device_id for output in state.outputs] == [kitchen]
    assert state.item is not None
    assert state.item.title == "A"
    assert state.next is not None
    assert state.next.title == "B"
    again = await desk.do(player.play)
    assert again.version == state.version
    assert again.outputs == state.outputs


async def test_a_remote_without_sound_starts_the_device_last_seen(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    speaker = await desk.device("Speaker")
    await phone.device("Remote", can_play=False)
    await phone.add(*songs)
    assert [each.device_id for each in (await phone.do(player.play)).outputs] == [speaker]


async def test_a_start_without_any_device_waits_for_one(phone: Remote, songs: list[UUID]) -> None:
    await phone.add(*songs)
    waiting = await phone.do(player.play)
    assert waiting.is_playing
    assert waiting.outputs == ()
    assert waiting.anchored_at > waiting.updated_at
    late = await phone.device()
    state = await phone.do(player.get_player)
    assert [output.device_id for output in state.outputs] == [late]
    assert state.anchored_at <= state.updated_at


async def test_pause_twice_changes_nothing(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.pass_time(4)
    first = await phone.do(player.pause)
    assert not first.is_playing
    assert 4_000 <= first.position_ms < 4_000 + so_far() * 1000
    assert await phone.do(player.pause) == first


async def test_two_thumbs_skip_once(phone: Remote, desk: Remote, songs: list[UUID]) -> None:
    await phone.device()
    state = await phone.add(*songs)
    assert state.item is not None
    first = await phone.do(player.next_song, from_item_id=state.item.item_id)
    second = await desk.do(player.next_song, from_item_id=state.item.item_id)
    assert first.item is not None
    assert first.item.title == "B"
    assert second == first


async def test_next_at_the_end_stops_and_an_added_song_goes_on_from_there(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(songs[0])
    await phone.do(player.play)
    stopped = await phone.do(player.next_song)
    assert not stopped.is_playing
    assert stopped.item is not None
    assert stopped.position_ms == stopped.item.duration_ms
    added = await phone.add(songs[1])
    assert added.next is not None
    assert added.next.title == "B"
    state = await phone.do(player.play)
    assert state.item is not None
    assert state.item.title == "B"
    assert state.current_index == 1


async def test_previous_restarts_past_three_seconds_and_else_goes_back(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.next_song)
    await phone.pass_time(4)
    restarted = await phone.do(player.previous_song)
    assert restarted.item is not None
    assert (restarted.item.title, restarted.position_ms) == ("B", 0)
    back = await phone.do(player.previous_song)
    assert back.item is not None
    assert (back.item.title, back.is_playing) == ("A", True)


async def test_two_thumbs_begin_the_song_again_once_and_one_goes_on_back(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.next_song)
    await phone.pass_time(8)
    item = (await phone.item_ids())[1]
    first = await phone.do(player.previous_song, from_item_id=item, from_position_ms=8_000)
    second = await desk.do(player.previous_song, from_item_id=item, from_position_ms=8_050)
    assert second == first
    assert (first.item and first.item.title, first.position_ms) == ("B", 0)
    again = await phone.do(player.previous_song, from_item_id=item, from_position_ms=200)
    assert again.item is not None
    assert again.item.title == "A"


async def test_seeking_past_the_end_ends_the_song(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.seek, position_ms=10**9)
    state = await phone.do(player.get_player)
    assert state.item is not None
    assert state.item.title == "B"


async def test_playing_a_song_puts_it_behind_the_current_one(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs[:3])
    await phone.do(player.play)
    state = await phone.do(player.play, song_id=songs[4], source="search")
    assert state.item is not None
    assert (state.item.title, state.item.source, state.current_index) == ("E", "search", 1)
    assert await phone.titles() == ["A", "E", "B", "C"]
    again = await phone.do(player.play, song_id=songs[4])
    assert again.version == state.version


async def test_playing_an_item_jumps_to_it(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    third = (await phone.item_ids())[2]
    state = await phone.do(player.play, item_id=third, position_ms=5_000)
    assert state.item is not None
    assert (state.item.title, state.position_ms, state.current_index) == ("C", 5_000, 2)
    with pytest.raises(ItemGone):
        await phone.do(player.play, item_id=uuid4())


async def heard_to_the_end(phone: Remote) -> player.State:
    """Everything was played, and nothing follows."""
    await phone.device()
    state = await phone.do(player.play)
    while state.is_playing:
        state = await phone.do(player.next_song)
    assert state.item is not None
    assert state.position_ms == state.item.duration_ms
    return state


@pytest.mark.parametrize("is_shuffled", [False, True])
@pytest.mark.parametrize("named_by", ["item_id", "song_id"])
async def test_naming_the_last_song_after_the_queue_has_ended_plays_that_one(
    phone: Remote, songs: list[UUID], named_by: str, is_shuffled: bool
) -> None:
    await phone.add(*songs[:3])
    await phone.do(player.change_player, is_shuffled=is_shuffled)
    over = await heard_to_the_end(phone)
    order = await phone.item_ids()
    state = await phone.do(player.play, **{named_by: getattr(over.item, named_by)}, position_ms=5_000)
    assert (state.item, state.current_index, state.next) == (over.item, 2, None)
    assert (state.is_playing, state.position_ms) == (True, 5_000)
    assert await phone.item_ids() == order


async def test_naming_nothing_after_the_queue_has_ended_begins_it_again(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs[:3])
    await heard_to_the_end(phone)
    state = await phone.do(player.play)
    assert state.item is not None
    assert (state.item.title, state.is_playing, state.position_ms) == ("A", True, 0)


async def test_a_song_that_is_not_mine_to_hear_is_not_played(phone: Remote) -> None:
    with pytest.raises(SongsNotFound):
        await phone.do(player.play, song_id=uuid4())


async def test_an_outdated_version_gets_the_present_state(phone: Remote, songs: list[UUID]) -> None:
    state = await phone.add(*songs)
    await phone.do(player.change_player, volume=0.5, if_version=state.version)
    with pytest.raises(PlayerMoved) as caught:
        await phone.do(player.change_player, volume=0.7, if_version=state.version)
    assert caught.value.details["player"].volume == 0.5


async def test_volume_repeat_and_shuffle_are_everybodys(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs)
    await phone.do(player.change_player, volume=0.25, muted=True, repeat_mode="all", is_shuffled=True)
    seen = await desk.do(player.get_player)
    assert (seen.volume, seen.muted, seen.repeat_mode, seen.is_shuffled) == (0.25, True, "all", True)


async def test_shuffle_plays_every_item_once_and_goes_back_to_the_former_order(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs, *songs)
    await phone.do(player.play)
    before = await phone.item_ids()
    state = await phone.do(player.change_player, is_shuffled=True)
    assert state.current_index == 0
    heard = []
    while state.is_playing and state.item is not None:
        heard.append(state.item.item_id)
        state = await phone.do(player.next_song)
    assert sorted(heard) == sorted(before)
    assert heard == await phone.item_ids()
    assert heard[0] == before[0]
    await phone.do(player.change_player, is_shuffled=False)
    assert await phone.item_ids() == before


async def test_jumping_under_shuffle_lets_every_other_item_keep_its_turn(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs, *songs)
    await phone.do(player.change_player, is_shuffled=True)
    order = await phone.item_ids()
    state = await phone.do(player.play, item_id=order[7])
    assert state.current_index == 1
    heard = {order[0]}
    while state.is_playing and state.item is not None:
        assert state.item.item_id not in heard
        heard.add(state.item.item_id)
        state = await phone.do(player.next_song)
    assert heard == set(order)


async def test_songs_end_and_others_begin_without_anybody(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.seek, position_ms=214_000)
    await phone.pass_time(3)
    shown = await phone.do(player.get_player)
    assert shown.item is not None
    assert shown.item.title == "B"
    settled = await phone.settle()
    assert settled.item == shown.item
    assert settled.version == shown.version
    assert 2 <= (settled.updated_at - settled.anchored_at).total_seconds() < 2 + so_far()


async def test_a_vanished_output_stops_the_time(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.pass_time(60)
    settled = await phone.settle()
    assert not settled.is_playing
    assert settled.position_ms == 10_000
    assert settled.notice is not None
    assert settled.notice.code == "output_lost"


async def test_an_output_that_comes_back_in_time_is_not_noticed(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    before = await phone.do(player.play)
    await phone.report("playing")
    await phone.pass_time(7)
    await phone.report("playing", 7_000)
    await phone.pass_time(7)
    state = await phone.do(player.get_player)
    assert state.is_playing
    assert state.item == before.item


async def test_an_output_that_played_on_out_of_reach_is_believed(phone: Remote, songs: list[UUID]) -> None:
    """The database was away for a minute, the music was not."""
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    state = await phone.do(player.get_player)
    assert state.item is not None
    await phone.pass_time(60)
    await phone.do(
        player.report_device,
        state="playing",
        item_id=state.item.item_id,
        position_ms=59_900,
        version=state.version,
    )
    assert (await phone.settle()).is_playing
