"""A client that was away hears what it missed."""

from uuid import UUID

from tests.tutti.player.conftest import Remote, apply
from tutti import player
from tutti.player.queue import Move, Remove


async def test_a_client_that_is_behind_gets_what_it_missed(phone: Remote, songs: list[UUID]) -> None:
    state = await phone.add(*songs[:3])
    mirror = list(await phone.item_ids())
    ids = list(mirror)
    await phone.add(songs[3], at=1)
    await phone.do(
        player.edit_queue, operations=(Move(item_id=ids[2], to=0), Remove(item_ids=(ids[0], ids[1])))
    )
    await phone.do(player.undo_queue)
    missed = await phone.queue(since=state.queue_version)
    assert missed.changes is not None
    assert missed.items == ()
    assert [change.queue_version for change in missed.changes] == [
        state.queue_version + 1,
        state.queue_version + 2,
        state.queue_version + 3,
    ]
    for change in missed.changes:
        apply(mirror, change)
    assert mirror == await phone.item_ids()


async def test_a_client_that_missed_too_much_gets_items_instead(phone: Remote, songs: list[UUID]) -> None:
    state = await phone.add(*songs)
    await phone.do(player.change_player, is_shuffled=True)
    behind = await phone.queue(since=state.queue_version)
    assert behind.changes is None
    assert len(behind.items) == 5
    assert (await phone.queue(since=state.queue_version + 1)).changes == ()
