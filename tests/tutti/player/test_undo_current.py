"""Where the music goes on when a change of the queue is taken back."""

from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote, befriended
from tutti import player
from tutti.context import Floor, Person
from tutti.player.queue import Remove, Replace


@pytest.fixture
async def ids(phone: Remote, songs: list[UUID]) -> list[UUID]:
    """A, B and C in the queue; B plays."""
    await phone.device()
    await phone.add(*songs[:3])
    ids = await phone.item_ids()
    await phone.do(player.play, item_id=ids[1])
    return ids


async def play_album(remote: Remote, *songs: UUID) -> player.State:
    return await remote.do(player.edit_queue, operations=(Replace(song_ids=songs, source="album"),))


def at(state: player.State) -> tuple[str | None, int, bool, int]:
    """What is current, where it stands in the queue, whether it plays, and from where."""
    title = state.item.title if state.item else None
    return title, state.current_index, state.is_playing, state.position_ms


def following(state: player.State) -> str | None:
    return state.next.title if state.next else None


async def test_undoing_play_this_album_goes_on_with_what_played_before(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    await play_album(phone, *songs[3:])
    await phone.pass_time(4)
    undone = await phone.do(player.undo_queue)
    assert await phone.item_ids() == ids
    assert (*at(undone), following(undone)) == ("B", 1, True, 0, "C")
    redone = await phone.do(player.redo_queue)
    assert (*at(redone), following(redone)) == ("D", 0, True, 0, "E")
    assert at(await phone.do(player.undo_queue)) == ("B", 1, True, 0)


async def test_redo_goes_back_to_the_song_that_undo_took_away(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    await play_album(phone, *songs[3:])
    await phone.do(player.next_song)
    await phone.do(player.undo_queue)
    assert at(await phone.do(player.redo_queue)) == ("E", 1, True, 0)


async def test_what_was_heard_of_the_album_is_kept_when_that_is_undone(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    await play_album(phone, *songs[3:])
    await phone.report("playing")
    await phone.pass_time(4)
    await phone.do(player.undo_queue)
    heard = {row.song_id: row.played_duration for row in (await phone.do(player.history)).items}
    assert heard[songs[3]] == 4


async def test_outputs_load_what_comes_back(phone: Remote, songs: list[UUID], ids: list[UUID]) -> None:
    await play_album(phone, *songs[3:])
    await phone.report("ready")
    assert [each.ready for each in (await phone.do(player.get_player)).outputs] == [True]
    assert [each.ready for each in (await phone.do(player.undo_queue)).outputs] == [False]


async def test_undoing_what_was_done_in_a_pause_starts_nothing(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    await play_album(phone, *songs[3:])
    await phone.do(player.pause)
    assert at(await phone.do(player.undo_queue)) == ("B", 1, False, 0)


async def test_albums_played_one_after_the_other_come_back_in_turn(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    await play_album(phone, *songs[3:])
    await phone.do(player.next_song)
    await play_album(phone, songs[0])
    assert at(await phone.do(player.undo_queue)) == ("E", 1, True, 0)
    assert at(await phone.do(player.undo_queue)) == ("B", 1, True, 0)


async def test_two_replacements_in_one_edit_are_taken_back_as_one(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    operations = (Replace(song_ids=(songs[3],)), Replace(song_ids=(songs[4],)))
    assert at(await phone.do(player.edit_queue, operations=operations)) == ("E", 0, True, 0)
    assert at(await phone.do(player.undo_queue)) == ("B", 1, True, 0)
    assert await phone.item_ids() == ids


async def test_undoing_the_replacement_of_the_current_song_goes_on_with_that_song(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    operations = (Replace(item_id=ids[1], song_ids=tuple(songs[3:])),)
    assert at(await phone.do(player.edit_queue, operations=operations)) == ("D", 1, True, 0)
    assert at(await phone.do(player.undo_queue)) == ("B", 1, True, 0)
    assert at(await phone.do(player.redo_queue)) == ("D", 1, True, 0)


async def test_what_plays_and_stays_is_not_interrupted_by_what_comes_back(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    playing = await phone.do(player.edit_queue, operations=(Remove(item_ids=(ids[1],)),))
    assert at(playing) == ("C", 1, True, 0)
    undone = await phone.do(player.undo_queue)
    assert (*at(undone), undone.anchored_at) == ("C", 2, True, 0, playing.anchored_at)
    assert await phone.item_ids() == ids


async def test_what_others_play_meanwhile_is_not_interrupted_either(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID], ids: list[UUID]
) -> None:
    friend = await befriended(phone, floor, someone_else)
    player_id = (await play_album(phone, songs[3])).player_id
    playing = await friend.do(player.play, song_id=songs[4], player_id=player_id)
    undone = await phone.do(player.undo_queue)
    assert await phone.titles() == ["A", "B", "C", "E"]
    assert (undone.item, undone.is_playing) == (playing.item, True)
    assert undone.anchored_at == playing.anchored_at


async def test_a_song_that_somebody_else_has_removed_is_not_gone_back_to(
    phone: Remote, floor: Floor, someone_else: Person, songs: list[UUID], ids: list[UUID]
) -> None:
    """B was current when D took the place of A; undo brings back A alone."""
    friend = await befriended(phone, floor, someone_else)
    await phone.do(player.edit_queue, operations=(Replace(item_id=ids[0], song_ids=(songs[3],)),))
    playing = await phone.do(player.play, item_id=(await phone.item_ids())[0])
    operations = (Remove(item_ids=(ids[1],)),)
    await friend.do(player.edit_queue, operations=operations, player_id=playing.player_id)
    assert at(await phone.do(player.undo_queue)) == ("C", 1, True, 0)
    assert await phone.titles() == ["A", "C"]


async def test_under_shuffle_too_the_music_goes_on_where_it_was(
    phone: Remote, songs: list[UUID], ids: list[UUID]
) -> None:
    await phone.do(player.change_player, is_shuffled=True)
    before = await phone.do(player.next_song)
    mixed = await phone.item_ids()
    await play_album(phone, *songs[3:])
    undone = await phone.do(player.undo_queue)
    assert await phone.item_ids() == mixed
    assert (undone.item, undone.current_index, undone.is_playing) == (before.item, 1, True)
