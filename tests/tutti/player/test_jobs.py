"""What the clock does at players: it misses devices that fell silent, and forgets those that never return."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.running import Server
from tests.tutti.player.conftest import Remote, befriended
from tutti import player
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.player.jobs import BATCH


async def unseen(floor: Floor, device_id: UUID, **ago: int) -> UUID:
    """As if this device had last been seen so long ago."""
    async with floor.pool.connection() as connection:
        await connection.execute(
            "update devices set last_seen_at = now() - $2::interval where id = $1",
            device_id,
            timedelta(**ago),
        )
    return device_id


async def forget(floor: Floor) -> None:
    await perform(Context(floor), player.forget_unseen_devices)


async def listed(phone: Remote) -> set[UUID]:
    return {device.device_id for device in (await phone.do(player.list_devices)).devices}


@pytest.fixture
async def guest(phone: Remote, floor: Floor, someone_else: Person) -> Remote:
    """Somebody else, at this player."""
    return (await befriended(phone, floor, someone_else)).joined(await phone.player_id())


@pytest.mark.parametrize(("days", "stays"), [(6, True), (8, False)])
async def test_the_device_of_a_guest_is_forgotten_after_a_week(
    phone: Remote, guest: Remote, floor: Floor, days: int, stays: bool
) -> None:
    mine = await unseen(floor, await phone.device("Kitchen"), days=8)
    theirs = await unseen(floor, await guest.device("Felix's phone"), days=days)
    await forget(floor)
    assert await listed(phone) == ({mine, theirs} if stays else {mine})


@pytest.mark.parametrize(("days", "stays"), [(179, True), (181, False)])
async def test_the_owners_own_is_forgotten_after_half_a_year(
    phone: Remote, floor: Floor, days: int, stays: bool
) -> None:
    mine = await unseen(floor, await phone.device("Kitchen"), days=days)
    await forget(floor)
    assert await listed(phone) == ({mine} if stays else set())


async def test_where_music_is_to_sound_is_not_forgotten(
    phone: Remote, guest: Remote, floor: Floor, songs: list[UUID]
) -> None:
    theirs = await guest.device("Felix's speaker")
    await phone.add(*songs)
    await phone.do(player.transfer, device_id=theirs)
    await unseen(floor, theirs, days=400)
    await unseen(floor, await phone.device("An old phone"), days=400)
    await forget(floor)
    assert await listed(phone) == {theirs}


async def test_where_music_is_on_its_way_to_is_not_forgotten(
    phone: Remote, guest: Remote, floor: Floor, songs: list[UUID]
) -> None:
    kitchen = await phone.device("Kitchen")
    theirs = await guest.device("Felix's speaker")
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.report("playing")
    state = await phone.do(player.transfer, device_id=theirs)
    assert state.handoff is not None
    await unseen(floor, theirs, days=400)
    await forget(floor)
    assert await listed(phone) == {kitchen, theirs}


async def test_a_list_that_changed_is_told_and_one_that_did_not_is_left_alone(
    server: Server, phone: Remote, guest: Remote, floor: Floor, someone: Person
) -> None:
    mine = await phone.device("Kitchen")
    theirs = await unseen(floor, await guest.device("Felix's phone"), days=8)
    async with server.phone(someone) as desk:
        before = (await phone.do(player.get_player)).version
        await forget(floor)
        told = await desk.hear("devices.changed", version=before + 1)
        assert [each["deviceId"] for each in told["devices"]] == [str(mine)]
        await forget(floor)
        assert (await phone.do(player.get_player)).version == before + 1
    assert theirs not in await listed(phone)


async def test_one_who_comes_back_is_given_a_device_again(phone: Remote, guest: Remote, floor: Floor) -> None:
    theirs = await unseen(floor, await guest.device("Felix's phone"), days=8)
    await forget(floor)
    again = (await guest.do(player.register_device, name="Felix's phone", device_id=theirs)).device_id
    assert await listed(phone) == {again}


async def test_the_devices_of_one_who_was_put_out_are_no_outputs_any_more(
    server: Server, phone: Remote, guest: Remote, songs: list[UUID], someone: Person
) -> None:
    kitchen = await phone.device("Kitchen")
    theirs = await guest.device("Felix's speaker")
    await phone.add(*songs)
    for device_id in (theirs, kitchen):
        await phone.do(player.add_output, device_id=device_id)
    await phone.do(player.play)
    async with server.phone(someone) as watching:
        before = (await phone.do(player.get_player)).version
        for _ in range(2):  # a job may run twice
            await perform(Context(phone.floor), player.forget_devices_of, person_id=guest.person.id)
        told = await watching.hear("devices.changed", version=before + 1)
        assert [each["deviceId"] for each in told["devices"]] == [str(kitchen)]
    state = await phone.do(player.get_player)
    assert [output.device_id for output in state.outputs] == [kitchen]
    assert (state.is_playing, state.version) == (True, before + 1)


async def miss(floor: Floor) -> None:
    await perform(Context(floor), player.miss_silent_devices)


async def test_a_device_that_went_without_a_word_is_told_to_be_away_once(
    server: Server, phone: Remote, desk: Remote, floor: Floor, someone: Person
) -> None:
    """As when its server was killed and its battery died: nobody is left to say that it went."""
    silent = await unseen(floor, await phone.device("Kitchen"), seconds=151)
    speaking = await unseen(floor, await desk.device("Desk"), seconds=140)
    async with server.phone(someone) as watching:
        before = (await desk.do(player.get_player)).version
        await miss(floor)
        told = await watching.hear("devices.changed", version=before + 1)
        is_online = {each["deviceId"]: each["isOnline"] for each in told["devices"]}
        assert is_online == {str(silent): False, str(speaking): True}
        await miss(floor)
        assert (await desk.do(player.get_player)).version == before + 1
        await phone.report("paused")
        told = await watching.hear("devices.changed", version=before + 2)
        assert all(each["isOnline"] for each in told["devices"])


async def test_more_players_than_one_batch_holds_are_all_cleared(phone: Remote, floor: Floor) -> None:
    async with floor.pool.connection() as connection:
        await connection.execute(
            """with people as (
                   insert into users (id, name, role) select gen_random_uuid(), 'Clara', 'member'
                   from generate_series(1, $1) returning id
               ), players as (
                   insert into queues (id, user_id) select gen_random_uuid(), id from people
                   returning id, user_id
               )
               insert into devices (id, queue_id, user_id, name, kind, can_play, last_seen_at)
               select gen_random_uuid(), id, user_id, 'Old', 'browser', true, now() - interval '200 days'
               from players""",
            2 * BATCH + 1,
        )
        await forget(floor)
        assert await connection.fetchval("select count(*) from devices") == 0
