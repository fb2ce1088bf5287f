"""Where it plays: the handoff between two devices, and several together."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.player.problems import DeviceCannotPlay


async def test_paused_music_moves_at_once(phone: Remote, desk: Remote, songs: list[UUID]) -> None:
    await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.pause)
    state = await phone.do(player.transfer, device_id=office)
    assert [output.device_id for output in state.outputs] == [office]
    assert state.handoff is None


async def test_playing_music_moves_at_an_instant_named_when_the_target_is_ready(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    kitchen = await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.play)
    arranged = await desk.do(player.transfer, device_id=office)
    assert [output.device_id for output in arranged.outputs] == [kitchen]
    assert arranged.handoff is not None
    assert (arranged.handoff.to, arranged.handoff.starts_at) == (office, None)
    await desk.report("ready")
    named = (await phone.do(player.get_player)).handoff
    assert named is not None
    assert named.starts_at is not None
    await phone.pass_time(1)
    moved = await phone.settle()
    assert [output.device_id for output in moved.outputs] == [office]
    assert (moved.handoff, moved.is_playing) == (None, True)


async def test_when_the_target_is_not_ready_the_music_stays_and_the_person_is_told(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    kitchen = await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.play)
    await desk.do(player.transfer, device_id=office)
    await phone.pass_time(4)
    state = await phone.settle()
    assert [output.device_id for output in state.outputs] == [kitchen]
    assert state.is_playing
    assert state.notice is not None
    assert (state.notice.code, state.notice.device_id) == ("device_not_ready", office)


async def test_playing_on_a_second_device_moves_the_music(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.play)
    arranged = await desk.do(player.play, device_id=office)
    assert arranged.handoff is not None
    jumped = await desk.do(player.play, device_id=office, song_id=songs[3])
    assert [output.device_id for output in jumped.outputs] == [office]
    assert jumped.handoff is None


async def test_a_remote_control_cannot_become_the_output(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    remote = await desk.device("Remote", can_play=False)
    with pytest.raises(DeviceCannotPlay):
        await phone.do(player.transfer, device_id=remote)


async def test_several_outputs_begin_together_when_the_last_is_ready(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    kitchen = await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.add_output, device_id=kitchen)
    await phone.do(player.add_output, device_id=office)
    waiting = await phone.do(player.play)
    assert timedelta(seconds=2.9) < waiting.anchored_at - waiting.updated_at <= timedelta(seconds=3)
    await phone.report("ready")
    assert (await phone.do(player.get_player)).anchored_at == waiting.anchored_at
    await desk.report("ready")
    started = await phone.do(player.get_player)
    assert started.anchored_at < waiting.anchored_at
    assert started.anchored_at > started.updated_at
    assert all(output.ready for output in started.outputs)


async def test_outputs_that_become_ready_in_the_same_moment_all_count(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    kitchen = await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.add_output, device_id=kitchen)
    await phone.do(player.add_output, device_id=office)
    waiting = await phone.do(player.play)
    await phone.report("ready")
    await desk.report("ready", version=waiting.version)
    started = await phone.do(player.get_player)
    assert all(output.ready for output in started.outputs)
    assert started.anchored_at < waiting.anchored_at


async def test_a_change_while_the_target_says_that_it_is_ready_does_not_undo_the_handoff(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    await phone.device()
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.play)
    arranged = await phone.do(player.transfer, device_id=office)
    await phone.do(player.change_player, volume=0.3)
    await desk.report("ready", version=arranged.version)
    handoff = (await phone.do(player.get_player)).handoff
    assert handoff is not None
    assert handoff.starts_at is not None


async def test_a_slow_member_does_not_stop_the_others(phone: Remote, desk: Remote, songs: list[UUID]) -> None:
    kitchen = await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.add_output, device_id=kitchen)
    await phone.do(player.add_output, device_id=office)
    await phone.do(player.play)
    await phone.report("ready")
    await phone.pass_time(5)
    state = await phone.settle()
    assert state.is_playing
    await desk.report("stalled", 100)
    after = await phone.do(player.get_player)
    assert (after.anchored_at, after.position_ms) == (state.anchored_at, state.position_ms)


async def test_a_member_that_went_away_is_not_waited_for_and_comes_back_by_itself(
    phone: Remote, desk: Remote, songs: list[UUID]
) -> None:
    kitchen = await phone.device("Kitchen")
    office = await desk.device("Desk")
    await phone.add(*songs)
    await phone.do(player.add_output, device_id=kitchen)
    await phone.do(player.add_output, device_id=office)
    await phone.do(player.change_device, device_id=office, delay_ms=40)
    await desk.do(player.leave_device)
    waiting = await phone.do(player.play)
    await phone.report("ready")
    started = await phone.do(player.get_player)
    assert started.anchored_at < waiting.anchored_at
    await desk.device(device_id=office)
    await phone.report("playing")
    again = await phone.do(player.next_song)
    assert [output.delay_ms for output in again.outputs] == [0, 40]
    await phone.report("ready")
    assert (await phone.do(player.get_player)).anchored_at == again.anchored_at, "it is waited for again"


async def test_without_its_last_output_the_music_pauses(phone: Remote, songs: list[UUID]) -> None:
    kitchen = await phone.device("Kitchen")
    await phone.add(*songs)
    await phone.do(player.play)
    state = await phone.do(player.remove_output, device_id=kitchen)
    assert (state.outputs, state.is_playing) == ((), False)
