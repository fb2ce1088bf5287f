"""An output whose words did not come through for a while, while its music went on."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote
from tests.tutti.player.music import Music
from tutti import player

AWAY_S = 15
AHEAD = timedelta(milliseconds=300)
"""So far is the music from where time alone would have led it, so that its own word tells."""


async def started(phone: Remote, songs: list[UUID]) -> Music:
    """It plays, 4 s in, and said so."""
    await phone.device()
    await phone.add(*songs)
    music = Music(phone, await phone.do(player.play))
    await music.report()
    await music.pass_time(4)
    await music.report()
    music.version = (await phone.do(player.get_player)).version
    return music


async def sought(music: Music, position_ms: int) -> Music:
    """The same phone, elsewhere in the song; its device knows that and said so."""
    elsewhere = Music(music.phone, await music.phone.do(player.seek, position_ms=position_ms))
    await elsewhere.report()
    elsewhere.version = (await music.phone.do(player.get_player)).version
    return elsewhere


async def test_it_never_stopped_where_nobody_has_written_the_silence_down(
    phone: Remote, songs: list[UUID]
) -> None:
    music = await started(phone, songs)
    await music.pass_time(AWAY_S)
    shown = await phone.do(player.get_player)
    assert (shown.is_playing, shown.version) == (False, music.version + 1)
    music.began -= AHEAD
    await music.report(version=music.version)
    state = await phone.do(player.get_player)
    assert music.is_at(state)
    assert state.notice is None
    assert state.version == shown.version + 1, "who was shown the silence must hear that there was none"


@pytest.mark.parametrize("bystander", ["settle", "register", "volume"])
async def test_it_never_stopped_though_somebody_else_wrote_the_silence_down(
    phone: Remote, desk: Remote, songs: list[UUID], bystander: str
) -> None:
    music = await started(phone, songs)
    await music.pass_time(AWAY_S)
    if bystander == "settle":
        await phone.settle()
    elif bystander == "register":
        await desk.device("Desk")
    else:
        await desk.do(player.change_player, volume=0.5)
    stopped = await desk.do(player.get_player)
    own = 0 if bystander == "settle" else 1
    assert (stopped.is_playing, stopped.version) == (False, music.version + 1 + own)
    assert music.stops_at(stopped.position_ms)
    await music.pass_time(2)
    music.began -= AHEAD
    await music.report(version=music.version)
    state = await phone.do(player.get_player)
    assert music.is_at(state)
    assert (state.version, state.notice) == (stopped.version + 1, None)


async def test_all_of_it_was_heard(phone: Remote, songs: list[UUID], so_far: Callable[[], float]) -> None:
    music = await started(phone, songs)
    await music.pass_time(AWAY_S)
    await phone.settle()
    await music.report(version=music.version)
    await music.pass_time(6)
    await phone.do(player.pause)
    (row,) = (await phone.do(player.history)).items
    assert 24 <= row.played_duration <= 25 + so_far(), "all but the moment before its first word"


async def test_a_song_may_have_ended_meanwhile(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    music = await sought(await started(phone, songs), 209_000)
    second = (await phone.item_ids())[1]
    await music.pass_time(AWAY_S)
    await music.report(version=music.version, item_id=second)
    state = await phone.do(player.get_player)
    assert state.item is not None
    assert state.item.item_id == second
    assert music.is_at(state)
    rows = (await phone.do(player.history)).items
    assert [row.song_id for row in rows] == [songs[1], songs[0]]
    assert all(s <= row.played_duration <= s + so_far() for s, row in zip((9, 10), rows, strict=True))


async def test_a_song_may_have_ended_though_the_silence_was_written_down(
    phone: Remote, songs: list[UUID]
) -> None:
    music = await sought(await started(phone, songs), 203_000)
    second = (await phone.item_ids())[1]
    await music.pass_time(AWAY_S)
    assert music.stops_at((await phone.settle()).position_ms)
    await music.report(version=music.version, item_id=second)
    state = await phone.do(player.get_player)
    assert state.item is not None
    assert state.item.item_id == second
    assert music.is_at(state)


async def test_a_pause_by_somebody_who_found_it_silent_holds(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    music = await started(phone, songs)
    await music.pass_time(AWAY_S)
    await phone.settle()
    await desk.do(player.pause)
    await music.report(version=music.version)
    assert not (await phone.do(player.get_player)).is_playing


@pytest.mark.parametrize("wish", ["pause", "seek", "next"])
async def test_what_somebody_did_before_the_silence_holds(
    phone: Remote, desk: Remote, songs: list[UUID], wish: str
) -> None:
    music = await started(phone, songs)
    item = (await phone.item_ids())[0]
    await music.pass_time(3)
    match wish:
        case "pause":
            await desk.do(player.pause)
        case "seek":
            await desk.do(player.seek, position_ms=100_000)
        case _:
            await desk.do(player.next_song)
    await music.pass_time(AWAY_S)
    await music.report(version=music.version, item_id=item)
    assert not (await phone.do(player.get_player)).is_playing


async def test_a_device_whose_machine_slept_did_not_play_for_an_hour(
    phone: Remote, songs: list[UUID], so_far: Callable[[], float]
) -> None:
    music = await started(phone, songs)
    item = (await phone.item_ids())[0]
    await phone.pass_time(3600)
    await phone.report("playing", 5_000, version=music.version, item_id=item)
    state = await phone.do(player.get_player)
    assert not state.is_playing
    assert music.stops_at(state.position_ms)
    (row,) = (await phone.do(player.history)).items
    assert 4 <= row.played_duration <= 4 + so_far()


async def test_a_device_that_is_no_output_starts_nothing(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    music = await started(phone, songs)
    await desk.device("Desk")
    version = (await phone.do(player.get_player)).version
    item = (await phone.item_ids())[0]
    await music.pass_time(AWAY_S)
    music.phone = desk
    await music.report(version=version, item_id=item)
    assert not (await phone.do(player.get_player)).is_playing
