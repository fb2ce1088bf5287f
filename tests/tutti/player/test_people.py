"""What the player keeps of a person, and how it forgets."""

from uuid import UUID

from tests.tutti.player.conftest import Remote, befriended
from tutti import player
from tutti.context import Floor, Person


async def test_a_person_gets_history_and_devices(phone: Remote, songs: list[UUID]) -> None:
    kitchen = await phone.device("Kitchen")
    await phone.add(*songs)
    await phone.do(player.play)
    await phone.report("playing")
    await phone.pass_time(3)
    await phone.do(player.next_song)
    export = await phone.do(player.export_person, person_id=phone.person.id)
    assert [row.song_id for row in export.history] == [songs[0]]
    assert [(row.id, row.name) for row in export.devices] == [(kitchen, "Kitchen")]


async def test_a_forgotten_person_leaves_only_nameless_items_at_others(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else)
    await friend.device("Friend's phone")
    state = await phone.do(player.get_player)
    await friend.add(songs[0], player_id=state.player_id)
    assert (await phone.queue()).items[0].added_by is not None
    await friend.do(player.forget_person, person_id=someone_else.id)
    assert (await phone.queue()).items[0].added_by is None
    export = await friend.do(player.export_person, person_id=someone_else.id)
    assert (export.history, export.devices) == ([], [])
