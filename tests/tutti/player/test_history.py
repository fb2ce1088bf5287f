"""What was heard: right under pause, seek, handoff and vanished outputs."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote
from tests.tutti.player.music import Music
from tutti import library, player
from tutti.errors import Invalid


async def test_pauses_do_not_count(phone: Remote, songs: list[UUID], so_far: Callable[[], float]) -> None:
    await started(phone, songs)
    await phone.pass_time(6)
    await phone.do(player.pause)
    await phone.pass_time(3600)
    await begin(phone)
    await phone.pass_time(5)
    await phone.do(player.next_song)
    played = await ended(phone)
    assert [each.song_id for each in played] == [songs[0]]
    assert 11 <= played[0].played_duration <= 11 + so_far()
    assert played[0].user_id == phone.person.id


async def test_what_is_being_heard_now_comes_first(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    await started(phone, songs)
    await phone.pass_time(7)
    (now,) = (await phone.do(player.history)).items
    assert (now.id, now.song_id) == (None, songs[0])
    assert 7 <= now.played_duration <= 7 + so_far()


async def test_seeking_over_a_part_is_not_hearing_it(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    await started(phone, songs)
    await phone.pass_time(5)
    await phone.do(player.seek, position_ms=210_000)
    await phone.report("playing", 210_000)
    await phone.pass_time(6)
    await phone.settle()
    (first,) = await ended(phone)
    assert 10 <= first.played_duration <= 10 + so_far()
    assert not first.completed


async def test_a_song_heard_to_its_end_is_complete_and_counted(phone: Remote, songs: list[UUID]) -> None:
    await started(phone, songs)
    for position in range(5_000, 215_000, 5_000):
        await phone.pass_time(5)
        await phone.report("playing", position)
    await phone.pass_time(5)
    await phone.settle()
    (row,) = await ended(phone)
    assert (row.completed, row.source) == (True, "queue")
    assert 213 <= row.played_duration <= 216
    song = await phone.do(library.show_song, song_id=songs[0])
    assert song.play_count == 1


async def test_a_vanished_output_is_not_heard_on(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    await started(phone, songs)
    music = Music(phone, await phone.do(player.get_player))
    await music.pass_time(4)
    await music.report()
    await phone.pass_time(60)
    await phone.settle()
    await phone.do(player.next_song)
    (row,) = (await phone.do(player.history)).items
    assert 4 <= row.played_duration <= 4 + so_far()


async def test_a_play_that_no_device_takes_up_is_not_heard(
    phone: Remote, desk: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    """The device is dead; somebody presses play and pause from elsewhere."""
    await started(phone, songs)
    await phone.pass_time(2)
    await desk.do(player.pause)
    await phone.pass_time(600)
    await desk.do(player.play)
    await phone.pass_time(9)
    await desk.do(player.pause)
    (now,) = (await desk.do(player.history)).items
    assert 2 <= now.played_duration <= 2 + so_far()


async def test_what_passes_while_the_device_is_away_is_not_heard(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    await started(phone, songs)
    await phone.pass_time(4)
    await phone.do(player.leave_device)
    await phone.pass_time(2)
    await phone.device()
    await phone.pass_time(3)
    await phone.do(player.pause)
    (now,) = (await phone.do(player.history)).items
    assert 7 <= now.played_duration <= 7 + so_far()


async def test_a_handoff_does_not_break_a_hearing_in_two(
    phone: Remote, desk: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    await started(phone, songs)
    office = await desk.device("Desk")
    await phone.pass_time(4)
    await phone.do(player.transfer, device_id=office)
    await desk.report("ready")
    await phone.pass_time(4)
    await phone.settle()
    await phone.do(player.next_song)
    (row,) = await ended(phone)
    assert 8 <= row.played_duration <= 8 + so_far()


async def test_where_a_song_came_from_is_kept(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.do(player.play, song_id=songs[0], source="search")
    await phone.report("playing")
    await phone.pass_time(2)
    assert (await phone.do(player.history)).items[0].source == "search"


async def test_pages_follow_one_another(phone: Remote, songs: list[UUID]) -> None:
    await started(phone, songs)
    for _ in range(4):
        await phone.pass_time(1)
        await phone.do(player.next_song)
    await phone.do(player.clear_queue)
    first = await phone.do(player.history, limit=2)
    assert [row.song_id for row in first.items] == [songs[4], songs[3]]
    second = await phone.do(player.history, limit=2, cursor=first.next_cursor)
    assert [row.song_id for row in second.items] == [songs[2], songs[1]]
    third = await phone.do(player.history, limit=2, cursor=second.next_cursor)
    assert [row.song_id for row in third.items] == [songs[0]]
    assert third.next_cursor is None


async def test_a_cursor_of_somebodys_own_making_is_refused(phone: Remote) -> None:
    with pytest.raises(Invalid):
        await phone.do(player.history, cursor="nonsense")


async def ended(phone: Remote) -> list[player.Played]:
    """The hearings that are over."""
    return [row for row in (await phone.do(player.history)).items if row.id is not None]


async def started(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await begin(phone)


async def begin(phone: Remote) -> None:
    """Play, and it sounds."""
    await phone.do(player.play)
    await phone.report("playing", (await phone.do(player.get_player)).position_ms)
