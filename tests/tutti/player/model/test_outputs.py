"""Where it plays: one output, several, and the handoff between two."""

from uuid import uuid4

import pytest

from tests.tutti.player.builders import after, an_item, an_output, playing, said
from tutti.player.model import outputs, reports
from tutti.player.model.presence import here
from tutti.player.model.settling import settle
from tutti.player.model.state import Handoff, Notice, position_at


def test_music_moves_to_where_it_is_already_without_any_change() -> None:
    player = playing(an_item())
    assert outputs.transfer(player, after(1), player.outputs[0]) is player


def test_a_transfer_back_gives_a_handoff_up() -> None:
    player = playing(an_item(), handoff=Handoff(to=uuid4(), deadline=after(3)))
    assert outputs.transfer(player, after(1), player.outputs[0]).handoff is None


def test_a_second_wish_to_the_same_device_keeps_the_first_deadline() -> None:
    target = an_output()
    once = outputs.transfer(playing(an_item()), after(1), target)
    assert outputs.transfer(once, after(2), target) is once


def test_a_member_that_holds_the_song_takes_over_without_waiting() -> None:
    first, second = an_output(), an_output()
    player = outputs.transfer(playing(an_item(), outputs=(first, second)), after(1), second)
    assert player.handoff is not None
    assert player.handoff.starts_at == after(1.4)


def test_readiness_is_named_once() -> None:
    target = an_output(ready=False)
    arranged = outputs.transfer(playing(an_item()), after(1), target)
    ready = said(arranged, "ready", device_id=target.device_id)
    named = reports.believe(arranged, after(2), ready).player
    assert named.handoff is not None
    assert named.handoff.starts_at == after(2.4)
    assert reports.believe(named, after(2.1), ready).player is named


def test_a_latecomer_plays_along_without_stopping_the_others() -> None:
    before = playing(an_item())
    player = outputs.add_output(before, after(5), an_output(ready=False))
    assert len(player.outputs) == 2
    assert position_at(player, after(5)) == 5_000
    assert outputs.add_output(player, after(6), player.outputs[1]) is player


def test_the_last_of_several_brings_the_start_forward() -> None:
    pair = (an_output(), an_output(ready=False))
    waiting = playing(an_item(), outputs=pair, anchored_at=after(3))
    player = reports.believe(waiting, after(1), said(waiting, "ready", device_id=pair[1].device_id)).player
    assert player.anchored_at == after(1.4)


def test_readiness_after_the_start_moves_nothing() -> None:
    pair = (an_output(), an_output(ready=False))
    going = playing(an_item(), outputs=pair)
    player = reports.believe(going, after(4), said(going, "ready", device_id=pair[1].device_id)).player
    assert player.anchored_at == going.anchored_at


def test_without_its_last_output_the_music_pauses() -> None:
    before = playing(an_item())
    player = outputs.remove_output(before, after(5), before.outputs[0].device_id)
    assert (player.outputs, player.is_playing, player.position_ms) == ((), False, 5_000)


def test_when_the_old_device_is_taken_away_the_music_moves_at_once() -> None:
    target = an_output(ready=False, delay_ms=20)
    moving = outputs.transfer(playing(an_item()), after(1), target)
    player = outputs.remove_output(moving, after(2), moving.outputs[0].device_id)
    assert [(each.device_id, each.delay_ms) for each in player.outputs] == [(target.device_id, 20)]
    assert player.handoff is None
    assert player.is_playing
    assert position_at(player, after(3)) == 3_000


def test_a_start_that_waited_for_the_device_that_was_taken_away_waits_no_longer() -> None:
    waiting = playing(an_item(), anchored_at=after(3))
    moving = outputs.transfer(waiting, after(0), an_output(ready=False))
    player = outputs.remove_output(moving, after(1), moving.outputs[0].device_id)
    assert (player.is_playing, player.anchored_at) == (True, after(1))


def test_a_delay_that_is_set_while_the_music_moves_arrives_with_it() -> None:
    target = an_output(ready=False)
    moving = outputs.transfer(playing(an_item()), after(1), target)
    player = outputs.set_delay(moving, target.device_id, 50)
    assert player.handoff is not None
    assert player.handoff.delay_ms == 50
    assert outputs.set_delay(moving, moving.outputs[0].device_id, 50).handoff == moving.handoff


def test_the_target_of_a_handoff_can_be_taken_away() -> None:
    before = playing(an_item(), handoff=Handoff(to=uuid4(), deadline=after(3)))
    assert before.handoff is not None
    player = outputs.remove_output(before, after(1), before.handoff.to)
    assert (player.handoff, player.is_playing) == (None, True)


@pytest.mark.parametrize("is_named", [False, True])
def test_when_the_target_of_a_handoff_leaves_the_music_stays_where_it_is(is_named: bool) -> None:
    target = an_output(ready=False)
    moving = outputs.transfer(playing(an_item()), after(1), target)
    if is_named:
        moving = reports.believe(moving, after(2), said(moving, "ready", device_id=target.device_id)).player
    player = outputs.leave(moving, after(2.2), target.device_id)
    assert (player.outputs, player.handoff, player.is_playing) == (moving.outputs, None, True)
    assert player.notice == Notice(code="device_not_ready", at=after(2.2), device_id=target.device_id)
    later = settle(player, after(9)).player
    assert (later.outputs, later.is_playing) == (moving.outputs, True)


def test_a_member_to_which_the_music_was_to_move_may_leave_too() -> None:
    pair = (an_output(), an_output())
    moving = outputs.transfer(playing(an_item(), outputs=pair), after(1), pair[1])
    player = outputs.leave(moving, after(1.2), pair[1].device_id)
    assert (player.outputs, player.handoff) == (pair, None)
    assert here(player, after(1.2)) == pair[:1]


def test_that_another_one_leaves_does_not_keep_the_music_from_moving() -> None:
    moving = outputs.transfer(playing(an_item()), after(1), an_output(ready=False))
    assert outputs.leave(moving, after(2), uuid4()) is moving
    assert outputs.leave(moving, after(2), moving.outputs[0].device_id).handoff == moving.handoff


def test_a_start_that_waits_is_taken_up_by_the_first_device() -> None:
    waiting = playing(an_item(), outputs=(), output_seen_at=None, anchored_at=after(10))
    player = outputs.appear(waiting, after(2), an_output())
    assert (player.anchored_at, player.output_seen_at, len(player.outputs)) == (after(2), after(2), 1)
    assert outputs.appear(player, after(3), an_output()) is player
