"""Where it plays, and what devices say of it."""

from uuid import UUID, uuid4

import pytest

from tests.tutti.player.builders import a_player, after, an_item, an_output, playing, window_of
from tutti.player.model import outputs
from tutti.player.model.outputs import MOST_FAILURES, Report, Said
from tutti.player.model.state import Handoff, Player, position_at


def said(player: Player, state: Said, position_ms: int = 0, device_id: UUID | None = None) -> Report:
    """What an output (the first unless told otherwise) says of the current item."""
    return Report(
        device_id=device_id or player.outputs[0].device_id,
        item_id=player.item.item_id if player.item else None,
        position_ms=position_ms,
        state=state,
        version=player.version,
    )


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
    named = outputs.believe(arranged, after(2), ready).player
    assert named.handoff is not None
    assert named.handoff.starts_at == after(2.4)
    assert outputs.believe(named, after(2.1), ready).player is named


def test_a_latecomer_plays_along_without_stopping_the_others() -> None:
    before = playing(an_item())
    player = outputs.add_output(before, after(5), an_output(ready=False))
    assert len(player.outputs) == 2
    assert position_at(player, after(5)) == 5_000
    assert outputs.add_output(player, after(6), player.outputs[1]) is player


def test_the_last_of_several_brings_the_start_forward() -> None:
    pair = (an_output(), an_output(ready=False))
    waiting = playing(an_item(), outputs=pair, anchored_at=after(3))
    player = outputs.believe(waiting, after(1), said(waiting, "ready", device_id=pair[1].device_id)).player
    assert player.anchored_at == after(1.4)


def test_readiness_after_the_start_moves_nothing() -> None:
    pair = (an_output(), an_output(ready=False))
    going = playing(an_item(), outputs=pair)
    player = outputs.believe(going, after(4), said(going, "ready", device_id=pair[1].device_id)).player
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


@pytest.mark.parametrize(("real_ms", "heard_ms"), [(2_000, 2_000), (9_000, 5_000)])
def test_a_lone_outputs_position_counts_but_never_more_than_the_time(real_ms: int, heard_ms: int) -> None:
    before = playing(an_item())
    player = outputs.believe(before, after(5), said(before, "playing", real_ms)).player
    assert position_at(player, after(5)) == real_ms
    assert player.hearing is not None
    assert player.hearing.played_ms == heard_ms


def test_a_small_drift_is_no_news() -> None:
    before = playing(an_item())
    assert outputs.believe(before, after(5), said(before, "playing", 4_900)).player is before


def test_the_way_of_a_report_is_not_taken_for_drift() -> None:
    before = playing(an_item())
    report = Report(
        device_id=before.outputs[0].device_id,
        item_id=None,
        position_ms=4_000,
        state="playing",
        version=0,
        measured_at=after(4),
    )
    assert outputs.believe(before, after(5), report).player is before


def test_of_several_none_moves_the_position() -> None:
    before = playing(an_item(), outputs=(an_output(), an_output()))
    assert outputs.believe(before, after(5), said(before, "playing", 1_000)).player is before


def test_while_the_music_moves_a_small_difference_counts_too() -> None:
    handoff = Handoff(to=uuid4(), deadline=after(3))
    before = playing(an_item())
    moving = playing(an_item(), handoff=handoff)
    assert (
        position_at(outputs.believe(before, after(5), said(before, "playing", 4_940)).player, after(5))
        == 5_000
    )
    player = outputs.believe(moving, after(5), said(moving, "playing", 4_940)).player
    assert position_at(player, after(5)) == 4_940
    assert player.handoff == handoff


def test_the_end_is_believed_of_a_lone_output_only() -> None:
    items = (an_item(), an_item())
    alone = playing(items[0])
    window = window_of(*items)
    assert outputs.believe(alone, after(5), said(alone, "ended", 5_000), window).player.item == items[1]
    together = playing(items[0], outputs=(an_output(), an_output()))
    assert outputs.believe(together, after(5), said(together, "ended"), window).player.item == items[0]


def test_after_so_many_failures_the_player_stops_running_on() -> None:
    items = [an_item() for _ in range(2 * MOST_FAILURES)]
    player = playing(items[0], repeat_mode="all", queue_length=len(items))
    for _ in range(MOST_FAILURES):
        window = window_of(*items, at=player.current_index)
        player = outputs.believe(player, after(1), said(player, "error"), window).player
    assert not player.is_playing
    assert player.notice is not None
    assert player.notice.code == "song_skipped"


def test_a_song_that_sounds_forgives_the_failures_before_it() -> None:
    before = playing(an_item(), failures=3)
    assert outputs.believe(before, after(1), said(before, "playing", 1_000)).player.failures == 0


def test_only_the_current_item_and_version_are_believed() -> None:
    player = playing(an_item(), version=7)
    report = said(player, "playing")
    assert outputs.is_believed(player, report)
    assert not outputs.is_believed(playing(an_item(), version=7), report)
    assert not outputs.is_believed(a_player(version=7), report)


def test_a_sign_of_life_of_a_stranger_is_none() -> None:
    before = playing(an_item())
    assert outputs.see(before, after(5), said(before, "playing", device_id=uuid4())) is before
    assert outputs.see(before, after(5), said(before, "stalled")).output_seen_at == after(5)


def test_a_start_that_waits_is_taken_up_by_the_first_device() -> None:
    waiting = playing(an_item(), outputs=(), output_seen_at=None, anchored_at=after(10))
    player = outputs.appear(waiting, after(2), an_output())
    assert (player.anchored_at, player.output_seen_at, len(player.outputs)) == (after(2), after(2), 1)
    assert outputs.appear(player, after(3), an_output()) is player
