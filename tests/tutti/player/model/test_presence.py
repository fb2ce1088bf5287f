"""Which outputs are there: nobody waits for one that has vanished, nothing counts as heard without one."""

from tests.tutti.player.builders import after, an_item, an_output, playing, said, window_of
from tutti.player.model import outputs, reports, transport
from tutti.player.model.presence import LEAD
from tutti.player.model.settling import settle
from tutti.player.model.state import Player, position_at

ITEMS = (an_item(), an_item())


def a_party(*ready: bool) -> Player:
    """Several devices that play together since START; all of them have just said so."""
    members = tuple(an_output(ready=each, delay_ms=30 * at) for at, each in enumerate(ready))
    return playing(ITEMS[0], outputs=members, queue_length=2)


def speaking(player: Player, seconds: float, *members: int, state: reports.Said = "playing") -> Player:
    """What some of them say at a time."""
    now = after(seconds)
    for member in members:
        report = said(player, state, device_id=player.outputs[member].device_id)
        player = reports.believe(reports.see(player, now, report), now, report).player
    return player


def next_song(player: Player, seconds: float) -> Player:
    return transport.next_song(player, after(seconds), window_of(*ITEMS)).player


def heard_ms(player: Player) -> int:
    return player.hearing.played_ms if player.hearing else 0


def test_a_member_that_left_stays_one_but_nobody_waits_for_it() -> None:
    party = a_party(True, True, True)
    gone = outputs.leave(party, after(1), party.outputs[2].device_id)
    assert gone.outputs == party.outputs
    waiting = next_song(gone, 2)
    assert waiting.anchored_at == after(5)
    ready = speaking(waiting, 3, 0, 1, state="ready")
    assert ready.anchored_at == after(3) + LEAD


def test_a_member_that_vanished_without_a_word_is_waited_for_as_long_as_it_is_counted_upon() -> None:
    party = speaking(a_party(True, True, False), 8, 0, 1)
    assert transport.seek(party, after(6), 0).anchored_at == after(9)
    assert transport.seek(party, after(9), 0).anchored_at == after(10)
    assert transport.seek(party, after(11), 0).anchored_at == after(11) + LEAD


def test_who_said_no_word_after_a_start_is_not_waited_for_again() -> None:
    party = transport.pause(a_party(True, False), after(1))
    first = transport.play(party, after(60), window_of(*ITEMS)).player
    assert first.anchored_at == after(63)
    again = next_song(speaking(first, 61, 0), 64)
    assert speaking(again, 65, 0, state="ready").anchored_at == after(65) + LEAD


def test_a_member_that_comes_back_joins_again_with_its_delay_kept() -> None:
    party = a_party(True, True, True)
    third = party.outputs[2]
    gone = outputs.leave(party, after(1), third.device_id)
    back = outputs.come(gone, after(20), third.device_id)
    assert back.outputs[2].delay_ms == third.delay_ms
    waiting = speaking(next_song(speaking(back, 20, 0, 1), 21), 22, 0, 1, state="ready")
    assert waiting.anchored_at == after(24), "it is waited for again"


def test_who_leaves_while_the_others_wait_lets_them_begin() -> None:
    waiting = speaking(next_song(a_party(True, True), 1), 1.5, 0, state="ready")
    assert waiting.anchored_at == after(4)
    assert outputs.leave(waiting, after(2), waiting.outputs[1].device_id).anchored_at == after(2) + LEAD
    assert outputs.remove_output(waiting, after(2), waiting.outputs[1].device_id).anchored_at == after(2)


def test_when_all_are_gone_nothing_waits_and_the_time_stands_after_ten_seconds() -> None:
    party = a_party(True, True)
    for member in party.outputs:
        party = outputs.leave(party, after(1), member.device_id)
    going = next_song(party, 2)
    assert going.anchored_at == after(2)
    stopped = settle(going, after(60)).player
    assert (stopped.is_playing, position_at(stopped, after(60))) == (False, 8_000)
    assert stopped.notice is not None
    assert stopped.notice.code == "output_lost"
    assert transport.play(stopped, after(70), window_of(*ITEMS)).player.anchored_at == after(70)


def test_the_last_one_that_vanishes_stops_the_time_though_others_left_before() -> None:
    party = a_party(True, True)
    party = outputs.leave(party, after(1), party.outputs[1].device_id)
    party = speaking(party, 5, 0)
    stopped = settle(party, after(60)).player
    assert (stopped.is_playing, stopped.position_ms) == (False, 15_000)


def test_music_moves_at_once_from_where_nobody_is() -> None:
    lone = playing(ITEMS[0])
    gone = outputs.leave(lone, after(4), lone.outputs[0].device_id)
    target = an_output(ready=False)
    moved = outputs.transfer(gone, after(6), target)
    assert ([each.device_id for each in moved.outputs], moved.handoff) == ([target.device_id], None)
    assert moved.anchored_at == after(6)


def test_the_only_one_left_is_believed_when_it_says_that_the_song_is_over() -> None:
    party = a_party(True, True)
    party = outputs.leave(party, after(1), party.outputs[1].device_id)
    over = reports.believe(party, after(5), said(party, "ended", 5_000), window_of(*ITEMS)).player
    assert over.item == ITEMS[1]


def test_pressing_play_is_no_proof_that_anything_sounds() -> None:
    paused = transport.pause(playing(ITEMS[0]), after(1))
    ghost = transport.play(paused, after(60), window_of(*ITEMS)).player
    assert heard_ms(transport.pause(ghost, after(69))) == 1_000


def test_from_an_outputs_first_word_on_it_is_heard() -> None:
    paused = transport.pause(playing(ITEMS[0]), after(1))
    begun = transport.play(paused, after(60), window_of(*ITEMS)).player
    assert heard_ms(transport.pause(speaking(begun, 60.2, 0, state="stalled"), after(64.2))) == 5_000


def test_what_passes_after_an_output_left_is_not_heard_until_it_is_back() -> None:
    lone = playing(ITEMS[0])
    device_id = lone.outputs[0].device_id
    gone = outputs.leave(lone, after(4), device_id)
    assert heard_ms(transport.pause(gone, after(9))) == 4_000
    back = outputs.come(gone, after(9), device_id)
    assert heard_ms(transport.pause(back, after(11))) == 6_000


def test_a_device_that_has_not_said_a_word_yet_is_not_heard() -> None:
    lone = playing(ITEMS[0])
    second = an_output(ready=False)
    both = outputs.add_output(lone, after(2), second)
    only_second = outputs.remove_output(both, after(3), lone.outputs[0].device_id)
    assert heard_ms(transport.pause(only_second, after(9))) == 3_000
