"""Former orders of a queue are kept as far as undo goes back, and no further."""

from uuid import UUID

from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.player.editing import FORGET_EVERY
from tutti.player.model.changes import REACH


async def mix(remote: Remote, times: int) -> list[list[UUID]]:
    """Shuffle on, off, on …; every order that was played by, the one before all of it first."""
    orders = [await remote.item_ids()]
    is_shuffled = (await remote.do(player.get_player)).is_shuffled
    for _ in range(times):
        is_shuffled = not is_shuffled
        await remote.do(player.change_player, is_shuffled=is_shuffled)
        orders.append(await remote.item_ids())
    return orders


async def kept(remote: Remote) -> int:
    """How many orders are kept with their items."""
    async with remote.floor.pool.connection() as connection:
        return int(
            await connection.fetchval("select count(*) from shuffled_orders where item_ids <> '{}'") or 0
        )


async def test_a_queue_mixed_for_ever_keeps_only_the_orders_that_undo_can_reach(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs * 3)
    orders = await mix(phone, REACH + 80)
    assert await kept(phone) <= (REACH + FORGET_EVERY) // 2 + 1
    for order in reversed(orders[-60:-1]):
        await phone.do(player.undo_queue)
        assert await phone.item_ids() == order
    for order in orders[-59:]:
        await phone.do(player.redo_queue)
        assert await phone.item_ids() == order


async def test_the_last_two_hundred_changes_are_taken_back_to_the_very_order(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs * 3)
    orders = await mix(phone, REACH + 10)
    for _ in range(REACH - 1):
        await phone.do(player.undo_queue)
    assert await kept(phone) <= REACH + FORGET_EVERY
    await phone.do(player.undo_queue)
    assert await phone.item_ids() == orders[10]


async def test_beyond_its_reach_undo_still_ends_shuffling_and_invents_no_order(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs * 3)
    orders = await mix(phone, REACH + 2 * FORGET_EVERY)
    for turn in range(1, REACH + 2 * FORGET_EVERY + 1):
        state = await phone.do(player.undo_queue)
        assert state.is_shuffled == (turn % 2 == 1)
        if not state.is_shuffled:
            assert await phone.item_ids() == orders[0]


async def test_orders_that_nobody_can_go_back_to_are_let_go_by_the_clock(
    phone: Remote, floor: Floor, songs: list[UUID]
) -> None:
    await phone.add(*songs)
    orders = await mix(phone, 6)
    assert await kept(phone) == 3
    await perform(Context(floor), player.forget_orders)
    assert await kept(phone) == 3
    await phone.do(player.undo_queue)
    await phone.do(player.undo_queue)
    await perform(Context(floor), player.forget_orders)
    for order in orders[-2:]:
        await phone.do(player.redo_queue)
        assert await phone.item_ids() == order
    for _ in range(6):
        await phone.do(player.undo_queue)
    await phone.add(songs[0])
    await perform(Context(floor), player.forget_orders)
    assert await kept(phone) == 0
