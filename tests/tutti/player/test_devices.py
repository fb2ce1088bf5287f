"""Devices: who is here, and what they report."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.tutti.player.conftest import Remote, a_remote
from tests.tutti.player.music import Music
from tutti import library, player
from tutti.context import Floor, Person
from tutti.player.problems import DeviceGone


async def test_a_device_keeps_its_id_across_sessions(phone: Remote, floor: Floor, someone: Person) -> None:
    first = await phone.device("Kitchen")
    again = await a_remote(floor, someone)
    assert await again.device("Another name", device_id=first) == first
    listed = (await phone.do(player.list_devices)).devices
    assert [(each.device_id, each.name) for each in listed] == [(first, "Kitchen")]


async def test_the_newest_session_takes_a_device_over(phone: Remote, desk: Remote) -> None:
    kitchen = await phone.device("Kitchen")
    await desk.device(device_id=kitchen)
    with pytest.raises(DeviceGone):
        await phone.report("paused")
    await desk.report("paused")


async def test_somebody_elses_device_id_gives_a_new_device(
    phone: Remote, floor: Floor, someone_else: Person
) -> None:
    kitchen = await phone.device("Kitchen")
    stranger = await a_remote(floor, someone_else)
    assert await stranger.device(device_id=kitchen) != kitchen


async def test_a_device_is_renamed_shifted_and_forgotten(phone: Remote, songs: list[UUID]) -> None:
    kitchen = await phone.device("Kitchen")
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.change_device, device_id=kitchen, name="Küche", delay_ms=-120)
    assert (await phone.do(player.get_player)).outputs[0].delay_ms == -120
    (listed,) = (await phone.do(player.list_devices)).devices
    assert (listed.name, listed.delay_ms, listed.is_online) == ("Küche", -120, True)
    await phone.do(player.forget_device, device_id=kitchen)
    state = await phone.do(player.get_player)
    assert (state.outputs, state.is_playing) == ((), False)
    with pytest.raises(DeviceGone):
        await phone.do(player.transfer, device_id=kitchen)


async def test_a_device_that_left_is_not_online_until_it_speaks_again(phone: Remote) -> None:
    await phone.device()
    await phone.do(player.leave_device)
    assert not (await phone.do(player.list_devices)).devices[0].is_online
    before = await phone.do(player.get_player)
    await phone.report("paused")
    assert (await phone.do(player.list_devices)).devices[0].is_online
    assert (await phone.do(player.get_player)).version == before.version + 1


async def test_a_sign_of_life_is_no_news(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    music = Music(phone, await phone.do(player.play))
    await music.report()
    before = await phone.do(player.get_player)
    await music.report()
    after = await phone.do(player.get_player)
    assert after.version == before.version
    assert before.output_seen_at is not None
    assert after.output_seen_at is not None
    assert after.output_seen_at > before.output_seen_at


async def test_a_lone_output_is_the_truth_about_the_position(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.pass_time(5)
    await phone.report("playing", 3_000)
    state = await phone.do(player.get_player)
    assert state.position_ms == 3_000
    music = Music(phone, state)
    await music.pass_time(2)
    await music.report()
    assert (await phone.do(player.get_player)).position_ms == state.position_ms


@pytest.mark.parametrize("members", [{"version": 1}, {"item_id": uuid4()}])
async def test_a_report_of_something_else_is_not_believed(
    phone: Remote, songs: list[UUID], members: dict[str, Any]
) -> None:
    await phone.device()
    await phone.add(*songs)
    before = await phone.do(player.play)
    await phone.report("ended", 200_000, **members)
    assert (await phone.do(player.get_player)).item == before.item


async def test_the_output_says_when_a_song_is_over(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.report("ended", 100_000)
    state = await phone.do(player.get_player)
    assert state.item is not None
    assert state.item.title == "B"


async def test_what_cannot_be_played_is_skipped_with_a_reason_and_not_for_ever(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.change_player, repeat_mode="all")
    await phone.do(player.play)
    await phone.report("error")
    state = await phone.do(player.get_player)
    assert state.item is not None
    assert state.item.title == "B"
    assert state.notice is not None
    assert (state.notice.code, state.notice.title) == ("song_skipped", "A")
    for _ in range(4):
        await phone.report("error")
    assert not (await phone.do(player.get_player)).is_playing


async def test_songs_that_are_gone_are_skipped(
    phone: Remote, floor: Floor, someone: Person, songs: list[UUID]
) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(library.delete_song, song_id=songs[1])
    state = await phone.do(player.next_song)
    assert state.item is not None
    assert state.item.title == "C"
    assert state.notice is not None
    assert (state.notice.code, state.notice.title) == ("song_skipped", "B")


async def test_songs_that_are_gone_are_skipped_on_the_way_back_too(phone: Remote, songs: list[UUID]) -> None:
    """Else their failing would lead forward again, and nobody could get back behind them."""
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.next_song)
    await phone.do(player.next_song)
    await phone.do(library.delete_song, song_id=songs[1])
    state = await phone.do(player.previous_song)
    assert state.item is not None
    assert (state.item.title, state.current_index) == ("A", 0)


async def test_a_long_row_of_songs_that_are_gone_is_skipped_too(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(songs[0], *[songs[1]] * 30, songs[2])
    await phone.do(player.play)
    await phone.do(library.delete_song, song_id=songs[1])
    state = await phone.do(player.next_song)
    assert state.item is not None
    assert (state.item.title, state.current_index) == ("C", 31)
