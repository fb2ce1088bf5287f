"""An output whose words did not come through for a while, while its music went on."""

from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote
from tutti import player

AWAY_S = 15


async def started(phone: Remote, songs: list[UUID]) -> int:
    """It plays, 4 s in, and said so; answers the version that its device knows."""
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.report("playing")
    await phone.pass_time(4)
    await phone.report("playing", 4_000)
    return (await phone.do(player.get_player)).version


def position_ms(state: player.State) -> float:
    assert state.is_playing
    return state.position_ms + (state.updated_at - state.anchored_at).total_seconds() * 1000


async def test_it_never_stopped_where_nobody_has_written_the_silence_down(
    phone: Remote, songs: list[UUID]
) -> None:
    version = await started(phone, songs)
    await phone.pass_time(AWAY_S)
    shown = await phone.do(player.get_player)
    assert (shown.is_playing, shown.version) == (False, version + 1)
    await phone.report("playing", 19_100, version=version)
    state = await phone.do(player.get_player)
    assert abs(position_ms(state) - 19_100) < 100
    assert state.notice is None
    assert state.version == shown.version + 1, "who was shown the silence must hear that there was none"


@pytest.mark.parametrize("bystander", ["settle", "register", "volume"])
async def test_it_never_stopped_though_somebody_else_wrote_the_silence_down(
    phone: Remote, desk: Remote, songs: list[UUID], bystander: str
) -> None:
    version = await started(phone, songs)
    await phone.pass_time(AWAY_S)
    if bystander == "settle":
        await phone.settle()
    elif bystander == "register":
        await desk.device("Desk")
    else:
        await desk.do(player.change_player, volume=0.5)
    stopped = await desk.do(player.get_player)
    own = 0 if bystander == "settle" else 1
    assert (stopped.is_playing, stopped.version) == (False, version + 1 + own)
    assert abs(stopped.position_ms - 14_000) < 100
    await phone.pass_time(2)
    await phone.report("playing", 21_100, version=version)
    state = await phone.do(player.get_player)
    assert abs(position_ms(state) - 21_100) < 100
    assert (state.version, state.notice) == (stopped.version + 1, None)


async def test_all_of_it_was_heard(phone: Remote, songs: list[UUID]) -> None:
    version = await started(phone, songs)
    await phone.pass_time(AWAY_S)
    await phone.settle()
    await phone.report("playing", 19_000, version=version)
    await phone.pass_time(6)
    await phone.do(player.pause)
    (row,) = (await phone.do(player.history)).items
    assert row.played_duration in (24, 25), "all but the moment before its first word"


async def test_a_song_may_have_ended_meanwhile(phone: Remote, songs: list[UUID]) -> None:
    await started(phone, songs)
    await phone.do(player.seek, position_ms=209_000)
    version = (await phone.do(player.get_player)).version
    second = (await phone.item_ids())[1]
    await phone.report("playing", 209_000)
    await phone.pass_time(AWAY_S)
    await phone.report("playing", 9_000, version=version, item_id=second)
    state = await phone.do(player.get_player)
    assert state.item is not None
    assert state.item.item_id == second
    assert abs(position_ms(state) - 9_000) < 200
    rows = (await phone.do(player.history)).items
    assert [(row.song_id, row.played_duration) for row in rows] == [(songs[1], 9), (songs[0], 10)]


async def test_a_song_may_have_ended_though_the_silence_was_written_down(
    phone: Remote, songs: list[UUID]
) -> None:
    await started(phone, songs)
    await phone.do(player.seek, position_ms=203_000)
    second = (await phone.item_ids())[1]
    await phone.report("playing", 203_000)
    version = (await phone.do(player.get_player)).version
    await phone.pass_time(AWAY_S)
    assert abs((await phone.settle()).position_ms - 213_000) < 100
    await phone.report("playing", 3_000, version=version, item_id=second)
    state = await phone.do(player.get_player)
    assert state.item is not None
    assert state.item.item_id == second
    assert abs(position_ms(state) - 3_000) < 200


async def test_a_pause_by_somebody_who_found_it_silent_holds(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    version = await started(phone, songs)
    await phone.pass_time(AWAY_S)
    await phone.settle()
    await desk.do(player.pause)
    await phone.report("playing", 19_000, version=version)
    assert not (await phone.do(player.get_player)).is_playing


@pytest.mark.parametrize("wish", ["pause", "seek", "next"])
async def test_what_somebody_did_before_the_silence_holds(
    phone: Remote, desk: Remote, songs: list[UUID], wish: str
) -> None:
    version = await started(phone, songs)
    item = (await phone.item_ids())[0]
    await phone.pass_time(3)
    match wish:
        case "pause":
            await desk.do(player.pause)
        case "seek":
            await desk.do(player.seek, position_ms=100_000)
        case _:
            await desk.do(player.next_song)
    await phone.pass_time(AWAY_S)
    await phone.report("playing", 22_000, version=version, item_id=item)
    assert not (await phone.do(player.get_player)).is_playing


async def test_a_device_whose_machine_slept_did_not_play_for_an_hour(
    phone: Remote, songs: list[UUID]
) -> None:
    version = await started(phone, songs)
    item = (await phone.item_ids())[0]
    await phone.pass_time(3600)
    await phone.report("playing", 5_000, version=version, item_id=item)
    state = await phone.do(player.get_player)
    assert not state.is_playing
    assert abs(state.position_ms - 14_000) < 100
    (row,) = (await phone.do(player.history)).items
    assert row.played_duration == 4


async def test_a_device_that_is_no_output_starts_nothing(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    await started(phone, songs)
    await desk.device("Desk")
    version = (await phone.do(player.get_player)).version
    item = (await phone.item_ids())[0]
    await phone.pass_time(AWAY_S)
    await desk.report("playing", 19_000, version=version, item_id=item)
    assert not (await phone.do(player.get_player)).is_playing
