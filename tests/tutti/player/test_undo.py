"""What can be taken back: my own last changes, on the queue as it is today."""

from typing import Any
from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote, befriended
from tutti import player
from tutti.context import Floor, Person
from tutti.player.problems import NothingToRedo, NothingToUndo
from tutti.player.queue import Move, Remove, Replace


async def test_clearing_stops_and_undo_brings_everything_back(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.do(player.next_song)
    ids = await phone.item_ids()
    state = await phone.do(player.clear_queue)
    assert (state.item, state.is_playing, state.queue_length) == (None, False, 0)
    state = await phone.do(player.undo_queue)
    assert await phone.item_ids() == ids
    assert state.item is not None
    assert (state.item.title, state.current_index, state.is_playing) == ("B", 1, False)


async def test_undo_goes_back_step_by_step_and_redo_forward(phone: Remote, songs: list[UUID]) -> None:
    a, b, c, *_ = songs
    await phone.add(a)
    await phone.add(b)
    await phone.add(c)
    await phone.do(player.undo_queue)
    assert await phone.titles() == ["A", "B"]
    await phone.do(player.undo_queue)
    assert await phone.titles() == ["A"]
    await phone.do(player.redo_queue)
    assert await phone.titles() == ["A", "B"]
    await phone.do(player.undo_queue)
    assert await phone.titles() == ["A"]
    await phone.do(player.redo_queue)
    await phone.do(player.redo_queue)
    assert await phone.titles() == ["A", "B", "C"]
    with pytest.raises(NothingToRedo):
        await phone.do(player.redo_queue)


async def test_undo_goes_on_behind_what_it_has_put_back(phone: Remote, songs: list[UUID]) -> None:
    a, b, *_ = songs
    await phone.add(a)
    await phone.add(b)
    ids = await phone.item_ids()
    await phone.do(player.edit_queue, operations=(Remove(item_ids=(ids[1],)),))
    await phone.do(player.clear_queue)
    for expected in (["A"], ["A", "B"], ["A"], []):
        await phone.do(player.undo_queue)
        assert await phone.titles() == expected
    for expected in (["A"], ["A", "B"], ["A"], []):
        await phone.do(player.redo_queue)
        assert await phone.titles() == expected


async def test_what_others_took_out_and_put_back_is_still_mine_to_undo(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else)
    player_id = (await phone.add(songs[0])).player_id
    await friend.do(player.clear_queue, player_id=player_id)
    await friend.do(player.undo_queue, player_id=player_id)
    assert await phone.titles() == ["A"]
    await phone.do(player.undo_queue)
    assert await phone.titles() == []
    await phone.do(player.redo_queue)
    assert await phone.titles() == ["A"]


async def test_a_second_replacement_in_one_edit_replaces_the_first(phone: Remote, songs: list[UUID]) -> None:
    a, b, c, *_ = songs
    await phone.add(a)
    await phone.do(player.edit_queue, operations=(Replace(song_ids=(b,)), Replace(song_ids=(c,))))
    assert await phone.titles() == ["C"]
    await phone.do(player.undo_queue)
    assert await phone.titles() == ["A"]
    await phone.do(player.redo_queue)
    assert await phone.titles() == ["C"]


async def test_a_new_change_ends_what_could_be_redone(phone: Remote, songs: list[UUID]) -> None:
    await phone.add(songs[0])
    await phone.do(player.undo_queue)
    await phone.add(songs[1])
    with pytest.raises(NothingToRedo):
        await phone.do(player.redo_queue)
    await phone.do(player.undo_queue)
    with pytest.raises(NothingToUndo):
        await phone.do(player.undo_queue)


async def test_undo_takes_back_only_what_i_did_and_leaves_what_others_removed(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    a, b, c, *_ = songs
    friend = await befriended(phone, floor, someone_else)
    state = await phone.add(a, b)
    mine = await phone.item_ids()
    await friend.add(c, player_id=state.player_id)
    await friend.do(player.edit_queue, operations=(Remove(item_ids=(mine[0],)),), player_id=state.player_id)
    await phone.do(player.undo_queue)
    assert await phone.titles() == ["C"]
    await phone.do(player.redo_queue)
    assert await phone.titles() == ["B", "C"]
    await friend.do(player.undo_queue, player_id=state.player_id)
    assert await phone.titles() == ["A", "B", "C"]


async def test_shuffle_is_a_change_of_the_queue_that_undo_takes_back(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs * 4)
    ids = await phone.item_ids()
    await phone.do(player.change_player, is_shuffled=True)
    mixed = await phone.item_ids()
    assert mixed != ids
    assert not (await phone.do(player.undo_queue)).is_shuffled
    assert await phone.item_ids() == ids
    assert (await phone.do(player.redo_queue)).is_shuffled
    assert await phone.item_ids() == mixed
    await phone.do(player.change_player, is_shuffled=False)
    await phone.do(player.undo_queue)
    assert await phone.item_ids() == mixed


async def test_a_move_is_undone_in_the_order_it_was_made_in(phone: Remote, songs: list[UUID]) -> None:
    await phone.add(*songs)
    ids = await phone.item_ids()
    await phone.do(player.edit_queue, operations=(Move(item_id=ids[4], to=1),))
    await phone.do(player.change_player, is_shuffled=True)
    state = await phone.do(player.undo_queue)
    assert not state.is_shuffled
    await phone.do(player.undo_queue)
    assert await phone.item_ids() == ids


async def test_two_hundred_changes_back_can_be_undone(phone: Remote, songs: list[UUID]) -> None:
    for _ in range(230):
        await phone.add(songs[0], at="next")
    for _ in range(200):
        await phone.do(player.undo_queue)
    assert len(await phone.titles()) == 30


async def test_a_move_to_the_front_is_undone_under_the_other_order_too(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else)
    state = await phone.add(*songs)
    ids = await phone.item_ids()
    await friend.do(player.edit_queue, operations=(Move(item_id=ids[0], to=4),), player_id=state.player_id)
    await phone.do(player.change_player, is_shuffled=True)
    await friend.do(player.undo_queue, player_id=state.player_id)
    await phone.do(player.change_player, is_shuffled=False)
    assert await phone.item_ids() == ids


async def shuffle(remote: Remote, is_shuffled: bool, **parameters: Any) -> list[UUID]:
    await remote.do(player.change_player, is_shuffled=is_shuffled, **parameters)
    return await remote.item_ids() if not parameters else []


async def test_however_often_it_is_mixed_anew_each_order_comes_back(phone: Remote, songs: list[UUID]) -> None:
    await phone.add(*songs * 4)
    first = await phone.item_ids()
    orders = [first, *[await shuffle(phone, number % 2 == 0) for number in range(5)]]
    assert orders[0] == orders[2] == orders[4]
    assert len({tuple(order) for order in orders}) == 4
    for order in reversed(orders[:-1]):
        await phone.do(player.undo_queue)
        assert await phone.item_ids() == order
    for order in orders[1:]:
        await phone.do(player.redo_queue)
        assert await phone.item_ids() == order


async def test_a_shuffle_by_somebody_else_does_not_lose_the_order_i_go_back_to(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else)
    player_id = (await phone.add(*songs * 4)).player_id
    mine = await shuffle(phone, True)
    await shuffle(phone, False)
    await shuffle(friend, True, player_id=player_id)
    theirs = await phone.item_ids()
    await phone.do(player.undo_queue)
    assert await phone.item_ids() == mine
    await phone.do(player.redo_queue)
    assert await phone.item_ids() == theirs


async def test_what_others_added_and_removed_meanwhile_stays_so_when_an_order_comes_back(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else)
    player_id = (await phone.add(*songs * 3)).player_id
    mine = await shuffle(phone, True)
    await shuffle(phone, False)
    await friend.do(player.edit_queue, operations=(Remove(item_ids=(mine[4],)),), player_id=player_id)
    await shuffle(phone, True)
    await friend.add(songs[0], player_id=player_id)
    await friend.do(player.edit_queue, operations=(Remove(item_ids=(mine[7],)),), player_id=player_id)
    await phone.do(player.undo_queue)
    await phone.do(player.undo_queue)
    now = await phone.item_ids()
    assert [item for item in now if item in mine] == [*mine[:4], *mine[5:7], *mine[8:]]
    assert len(now) == 14
    await friend.do(player.undo_queue, player_id=player_id)
    assert [item for item in await phone.item_ids() if item in mine] == [*mine[:4], *mine[5:]]


async def test_a_move_in_a_mixed_order_is_undone_there_though_it_was_mixed_again(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs * 3)
    mixed = await shuffle(phone, True)
    await phone.do(player.edit_queue, operations=(Move(item_id=mixed[9], to=2),))
    await shuffle(phone, False)
    await shuffle(phone, True)
    for _ in range(3):
        await phone.do(player.undo_queue)
    assert await phone.item_ids() == mixed
