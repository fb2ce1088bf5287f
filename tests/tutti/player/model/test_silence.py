"""Outputs that were not heard for a while: what is counted when it turns out that they never stopped."""

from datetime import datetime
from uuid import uuid4

import pytest

from tests.tutti.player.builders import after, an_item, an_output, playing, said, window_of
from tutti.player.model import outputs, silence, transport
from tutti.player.model.settling import settle
from tutti.player.model.state import Handoff, Player

LONG = an_item(seconds=600)


def heard_ms(player: Player) -> int:
    return player.hearing.played_ms if player.hearing else 0


def heard_again(player: Player, now: datetime, position_ms: int) -> Player:
    """Its output says that it plays, and there, when the silence has been written down."""
    report = said(player, "playing", position_ms)
    assert silence.is_unheard(player, now)
    as_if = silence.as_if_heard(player, now, report)
    assert as_if is not None
    settled = settle(as_if, now, window_of(LONG)).player
    assert silence.is_there(settled, now, report)
    return silence.caught_up(settled, now, report)


def test_what_sounded_while_nobody_heard_it_counts_once() -> None:
    stopped = settle(playing(LONG, output_seen_at=after(20)), after(40)).player
    assert heard_ms(stopped) == 20_000
    assert heard_ms(heard_again(stopped, after(40), 40_000)) == 40_000


@pytest.mark.parametrize("seek_s", [20.0, 24.9, 29.9])
def test_what_was_heard_before_a_seek_is_not_counted_again_when_the_silence_is_taken_back(
    seek_s: float,
) -> None:
    sought = transport.seek(playing(LONG, output_seen_at=after(20)), after(seek_s), 100_000)
    stopped = settle(sought, after(40)).player
    assert (stopped.is_playing, stopped.anchored_at) == (False, after(30))
    back = heard_again(stopped, after(40), 100_000 + round((40 - seek_s) * 1000))
    assert heard_ms(back) == 40_000


def test_a_party_that_sought_just_before_the_silence_is_not_counted_twice_either() -> None:
    before = playing(LONG, outputs=(an_output(), an_output()), output_seen_at=after(20))
    stopped = settle(transport.seek(before, after(29.8), 100_000), after(40)).player
    assert stopped.anchored_at == after(30)
    assert heard_ms(heard_again(stopped, after(40), 110_000)) <= 40_000


def test_an_output_counts_as_seen_no_later_than_its_silence_began() -> None:
    """Clients tell by that whether one was seen since."""
    before = playing(LONG, outputs=(an_output(), an_output()), output_seen_at=after(20))
    for seek_s in (24.9, 29.8):
        stopped = settle(transport.seek(before, after(seek_s), 0), after(40)).player
        assert stopped.notice is not None
        assert stopped.output_seen_at is not None
        assert stopped.output_seen_at <= stopped.notice.at


def test_one_that_gave_the_music_away_meanwhile_does_not_speak_for_the_one_that_has_it() -> None:
    handoff = Handoff(to=uuid4(), starts_at=after(21), deadline=after(23))
    before = playing(LONG, output_seen_at=after(20), handoff=handoff)
    report = said(before, "playing", 40_000)
    as_if = silence.as_if_heard(before, after(40), report)
    assert as_if is not None
    settled = settle(as_if, after(40)).player
    assert not silence.is_there(settled, after(40), report)


def test_who_takes_over_at_the_silence_itself_has_not_played_before() -> None:
    before = playing(LONG, output_seen_at=after(20), handoff=Handoff(to=uuid4(), deadline=after(31)))
    stopped = settle(before, after(40)).player
    assert [each.device_id for each in stopped.outputs] == [before.handoff.to if before.handoff else None]
    assert heard_ms(outputs.come(stopped, after(40), stopped.outputs[0].device_id)) == 20_000
    assert stopped.output_seen_at == after(30)
