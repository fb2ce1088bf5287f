"""Several devices at one player: what they cannot play, and who of them goes away."""

from time import monotonic
from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.context import Floor


async def a_party(phone: Remote, desk: Remote, songs: list[UUID]) -> tuple[UUID, UUID]:
    """Both play the same since a moment, and have said so."""
    kitchen, office = await phone.device("Kitchen"), await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.play, device_id=kitchen)
    await phone.do(player.add_output, device_id=office)
    await phone.report("playing")
    await desk.report("playing")
    return kitchen, office


async def title(phone: Remote) -> str:
    item = (await phone.do(player.get_player)).item
    assert item is not None
    return item.title


async def test_a_song_that_neither_can_play_is_skipped_and_told(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    await a_party(phone, desk, songs)
    state = await phone.do(player.get_player)
    assert state.item is not None
    for device in (phone, desk, phone, desk):
        await device.report("error", item_id=state.item.item_id, version=state.version)
    after = await phone.do(player.get_player)
    assert (await title(phone), after.is_playing) == ("B", True)
    assert after.notice is not None
    assert (after.notice.code, after.notice.title) == ("song_skipped", "A")
    assert after.version == state.version + 1, "one change, though both said so twice"


async def test_a_song_whose_length_nobody_knows_is_over_when_both_have_played_it(
    phone: Remote, desk: Remote, songs: list[UUID], floor: Floor
) -> None:
    async with floor.pool.connection() as connection:
        await connection.execute("update songs set duration_ms = 0")
    await a_party(phone, desk, songs)
    await phone.report("ended", 200_000)
    await phone.report("stalled", 200_000)
    assert await title(phone) == "A"
    await desk.report("ended", 200_000)
    assert await title(phone) == "B"


async def test_the_end_that_one_still_plays_is_not_cut(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    await a_party(phone, desk, songs)
    before = await phone.do(player.get_player)
    await phone.report("ended", 200_000)
    await desk.report("playing", 199_000)
    await phone.report("ended", 200_000)
    state = await phone.do(player.get_player)
    assert (state.version, state.item, state.anchored_at) == (before.version, before.item, before.anchored_at)


@pytest.mark.parametrize("is_ready", [False, True])
async def test_music_does_not_move_to_a_device_that_leaves_before_its_instant(
    phone: Remote, desk: Remote, songs: list[UUID], is_ready: bool
) -> None:
    kitchen, office = await phone.device("Kitchen"), await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.play, device_id=kitchen)
    await phone.report("playing")
    await phone.do(player.transfer, device_id=office)
    if is_ready:
        await desk.report("ready")
    await desk.do(player.leave_device)
    left = await phone.do(player.get_player)
    assert left.handoff is None
    assert left.notice is not None
    assert (left.notice.code, left.notice.device_id) == ("device_not_ready", office)
    await phone.pass_time(1)
    state = await phone.settle()
    assert [output.device_id for output in state.outputs] == [kitchen]
    assert state.is_playing


async def test_what_was_heard_before_a_seek_counts_once_though_words_were_lost_after_it(
    phone: Remote, songs: list[UUID]
) -> None:
    began = monotonic()
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.report("playing")
    await phone.pass_time(5)
    await phone.do(player.seek, position_ms=100_000)
    version = (await phone.do(player.get_player)).version
    await phone.pass_time(15)
    assert not (await phone.settle()).is_playing
    await phone.report("playing", 115_000, version=version)
    await phone.do(player.pause)
    (row,) = (await phone.do(player.history)).items
    assert row.played_duration <= 20 + monotonic() - began
