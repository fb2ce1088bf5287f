"""Who may do what at somebody else's player."""

from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote, a_remote, befriended
from tutti import player
from tutti.context import Floor, Person
from tutti.errors import NotFound
from tutti.player.problems import RightMissing


async def test_strangers_know_of_nothing(phone: Remote, floor: Floor, someone_else: Person) -> None:
    state = await phone.do(player.get_player)
    stranger = await a_remote(floor, someone_else)
    for command in (player.get_player, player.pause, player.get_queue, player.history, player.list_devices):
        with pytest.raises(NotFound):
            await stranger.do(command, player_id=state.player_id)


async def test_a_friend_does_what_he_was_given_the_right_to(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else)
    state = await phone.add(*songs)
    paused = await friend.do(player.pause, player_id=state.player_id)
    assert paused.player_id == state.player_id


async def test_what_was_heard_is_the_owners_alone(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    """Every right that a guest can be given is none to read what his host listens to."""
    friend = await befriended(phone, floor, someone_else)
    state = await phone.add(*songs)
    with pytest.raises(RightMissing):
        await friend.do(player.history, player_id=state.player_id)
    assert (await phone.do(player.history, player_id=state.player_id)).items == ()


@pytest.mark.parametrize("comes", ["registers", "reports"])
async def test_who_may_only_look_takes_up_no_start_that_waits(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID], comes: str
) -> None:
    guest = (await befriended(phone, floor, someone_else, "see", "add")).joined(await phone.player_id())
    if comes == "reports":
        await guest.device("Guest's phone")
    await phone.add(*songs)
    await phone.do(player.play)
    if comes == "reports":
        await guest.report("paused")
    else:
        await guest.device("Guest's phone")
    assert (await phone.do(player.get_player)).outputs == ()
    kitchen = await phone.device("Kitchen")
    assert [each.device_id for each in (await phone.do(player.get_player)).outputs] == [kitchen]


async def test_who_may_steer_takes_up_a_start_that_waits(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    guest = (await befriended(phone, floor, someone_else)).joined(await phone.player_id())
    await phone.add(*songs)
    await phone.do(player.play)
    speaker = await guest.device("Guest's phone")
    assert [each.device_id for each in (await phone.do(player.get_player)).outputs] == [speaker]


async def test_music_starts_by_itself_on_devices_of_the_house_only(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    guest = (await befriended(phone, floor, someone_else, "see")).joined(await phone.player_id())
    theirs = await guest.device("Guest's phone")
    await phone.add(*songs)
    assert (await phone.do(player.play)).outputs == ()
    moved = await phone.do(player.play, device_id=theirs)
    assert [each.device_id for each in moved.outputs] == [theirs], "the host may choose any device"


async def test_the_owner_has_every_right_and_a_guest_those_he_was_given(
    phone: Remote, floor: Floor, someone_else: Person
) -> None:
    assert await phone.do(player.rights_here) == ("see", "add", "control", "volume")
    friend = await befriended(phone, floor, someone_else, "volume", "see")
    guest = friend.joined(await phone.player_id())
    assert await guest.do(player.rights_here) == ("see", "volume")


async def test_loudness_takes_its_own_right_in_company_too(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else, "see", "control")
    state = await phone.add(*songs)
    with pytest.raises(RightMissing):
        await friend.do(player.change_player, player_id=state.player_id, volume=0.1, repeat_mode="all")
    now = await phone.do(player.get_player)
    assert (now.volume, now.repeat_mode) == (1.0, "none")
    await friend.do(player.change_player, player_id=state.player_id, repeat_mode="all")
    await phone.do(player.change_player, volume=0.5, repeat_mode="none")
    assert (await phone.do(player.get_player)).volume == 0.5
