"""What outputs say of themselves."""

from uuid import uuid4

import pytest

from tests.tutti.player.builders import a_player, after, an_item, an_output, playing, said, window_of
from tutti.player.model import reports
from tutti.player.model.reports import MOST_FAILURES, Report
from tutti.player.model.state import Handoff, position_at


@pytest.mark.parametrize(("real_ms", "heard_ms"), [(2_000, 2_000), (9_000, 5_000)])
def test_a_lone_outputs_position_counts_but_never_more_than_the_time(real_ms: int, heard_ms: int) -> None:
    before = playing(an_item())
    player = reports.believe(before, after(5), said(before, "playing", real_ms)).player
    assert position_at(player, after(5)) == real_ms
    assert player.hearing is not None
    assert player.hearing.played_ms == heard_ms


def test_a_small_drift_is_no_news() -> None:
    before = playing(an_item())
    assert reports.believe(before, after(5), said(before, "playing", 4_900)).player is before


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
    assert reports.believe(before, after(5), report).player is before


def test_of_several_none_moves_the_position() -> None:
    before = playing(an_item(), outputs=(an_output(), an_output()))
    assert reports.believe(before, after(5), said(before, "playing", 1_000)).player is before


def test_while_the_music_moves_a_small_difference_counts_too() -> None:
    handoff = Handoff(to=uuid4(), deadline=after(3))
    before = playing(an_item())
    moving = playing(an_item(), handoff=handoff)
    assert (
        position_at(reports.believe(before, after(5), said(before, "playing", 4_940)).player, after(5))
        == 5_000
    )
    player = reports.believe(moving, after(5), said(moving, "playing", 4_940)).player
    assert position_at(player, after(5)) == 4_940
    assert player.handoff == handoff


def test_the_end_is_believed_of_a_lone_output_only() -> None:
    items = (an_item(), an_item())
    alone = playing(items[0])
    window = window_of(*items)
    assert reports.believe(alone, after(5), said(alone, "ended", 5_000), window).player.item == items[1]
    together = playing(items[0], outputs=(an_output(), an_output()))
    assert reports.believe(together, after(5), said(together, "ended"), window).player.item == items[0]


def test_after_so_many_failures_the_player_stops_running_on() -> None:
    items = [an_item() for _ in range(2 * MOST_FAILURES)]
    player = playing(items[0], repeat_mode="all", queue_length=len(items))
    for _ in range(MOST_FAILURES):
        window = window_of(*items, at=player.current_index)
        player = reports.believe(player, after(1), said(player, "error"), window).player
    assert not player.is_playing
    assert player.notice is not None
    assert player.notice.code == "song_skipped"


def test_a_song_that_sounds_forgives_the_failures_before_it() -> None:
    before = playing(an_item(), failures=3)
    assert reports.believe(before, after(1), said(before, "playing", 1_000)).player.failures == 0


def test_only_the_current_item_and_version_are_believed() -> None:
    player = playing(an_item(), version=7)
    report = said(player, "playing")
    assert reports.is_believed(player, report)
    assert not reports.is_believed(playing(an_item(), version=7), report)
    assert not reports.is_believed(a_player(version=7), report)


def test_a_sign_of_life_of_a_stranger_is_none() -> None:
    before = playing(an_item())
    assert reports.see(before, after(5), said(before, "playing", device_id=uuid4())) is before
    assert reports.see(before, after(5), said(before, "stalled")).output_seen_at == after(5)


def test_who_plays_already_is_not_waited_for_either() -> None:
    pair = (an_output(ready=False), an_output(ready=False))
    waiting = playing(an_item(), outputs=pair, anchored_at=after(3))
    for each in pair:
        report = said(waiting, "playing", device_id=each.device_id)
        waiting = reports.believe(waiting, after(1), report).player
    assert waiting.anchored_at == after(1.4)
