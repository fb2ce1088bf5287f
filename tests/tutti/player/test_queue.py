"""The queue on real PostgreSQL: what is added, edited and shown."""

from uuid import UUID, uuid4

import pytest

from tests.tutti.player.conftest import Remote
from tutti import library, player
from tutti.player.problems import ItemGone, SongsNotFound
from tutti.player.queue import Move, Remove, Replace


async def test_songs_go_to_the_end_behind_the_current_one_or_to_an_index(
    phone: Remote, songs: list[UUID]
) -> None:
    a, b, c, d, e = songs
    await phone.add(a, b)
    await phone.add(c)
    await phone.add(d, at="next")
    await phone.add(e, at=0)
    assert await phone.titles() == ["E", "A", "D", "B", "C"]
    state = await phone.do(player.get_player)
    assert (state.current_index, state.queue_length) == (1, 5)
    assert state.next is not None
    assert state.next.title == "D"


async def test_the_answer_holds_what_the_seed_asks_for(phone: Remote, songs: list[UUID]) -> None:
    await phone.add(*songs)
    queue = await phone.queue(from_=1, limit=2)
    assert queue.song_ids == tuple(songs[1:3])
    assert (queue.from_, queue.length, queue.current_index) == (1, 5, 0)
    item = queue.items[0]
    assert (item.title, item.duration_ms, item.source) == ("B", 215_000, "queue")
    assert item.added_by is not None
    assert item.added_by.name == phone.person.name


async def test_without_a_start_the_queue_is_shown_around_the_current_item(
    phone: Remote, songs: list[UUID]
) -> None:
    await phone.add(*songs * 20)
    ids = [item.item_id for item in (await phone.queue(from_=60, limit=1)).items]
    await phone.device()
    await phone.do(player.play, item_id=ids[0])
    queue = await phone.queue(limit=41)
    assert queue.from_ == 40
    assert queue.items[20].item_id == ids[0]


async def test_nothing_is_added_when_one_song_is_missing(phone: Remote, songs: list[UUID]) -> None:
    missing = uuid4()
    with pytest.raises(SongsNotFound) as caught:
        await phone.add(songs[0], missing)
    assert caught.value.details["song_ids"] == [missing]
    assert await phone.titles() == []


async def test_an_edit_moves_removes_and_replaces_in_one_change(phone: Remote, songs: list[UUID]) -> None:
    a, b, c, d, e = songs
    before = await phone.add(a, b, c, d)
    ids = await phone.item_ids()
    state = await phone.do(
        player.edit_queue,
        operations=(
            Move(item_id=ids[3], to=0),
            Remove(item_ids=(ids[1], uuid4())),
            Replace(item_id=ids[2], song_ids=(e, e)),
        ),
    )
    assert await phone.titles() == ["D", "A", "E", "E"]
    assert state.queue_version == before.queue_version + 1
    assert state.current_index == 1
    await phone.do(player.undo_queue)
    assert await phone.item_ids() == ids


async def test_an_edit_happens_wholly_or_not_at_all(phone: Remote, songs: list[UUID]) -> None:
    await phone.add(*songs)
    ids = await phone.item_ids()
    with pytest.raises(ItemGone) as gone:
        await phone.do(
            player.edit_queue, operations=(Remove(item_ids=(ids[0],)), Move(item_id=uuid4(), to=0))
        )
    assert await phone.item_ids() == ids
    assert gone.value.details["player"] == await phone.do(player.get_player)


async def test_replacing_the_whole_queue_goes_on_with_its_first_song(
    phone: Remote, songs: list[UUID]
) -> None:
    a, b, c, d, e = songs
    await phone.device()
    await phone.add(a, b, c)
    await phone.do(player.play)
    await phone.do(player.next_song)
    state = await phone.do(player.edit_queue, operations=(Replace(song_ids=(d, e), source="album"),))
    assert state.is_playing
    assert state.item is not None
    assert (state.item.title, state.item.source, state.current_index) == ("D", "album", 0)
    assert await phone.titles() == ["D", "E"]
    await phone.do(player.undo_queue)
    assert await phone.titles() == ["A", "B", "C"]


async def test_taking_out_the_current_song_goes_on_with_the_next(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs[:3])
    await phone.do(player.play)
    ids = await phone.item_ids()
    await phone.do(player.next_song)
    state = await phone.do(player.edit_queue, operations=(Remove(item_ids=(ids[1],)),))
    assert state.item is not None
    assert (state.item.title, state.is_playing, state.current_index) == ("C", True, 1)
    state = await phone.do(player.edit_queue, operations=(Remove(item_ids=(ids[2],)),))
    assert state.item is not None
    assert (state.item.title, state.is_playing) == ("A", False)


async def test_what_changes_nothing_is_no_change(phone: Remote, songs: list[UUID]) -> None:
    before = await phone.add(*songs)
    ids = await phone.item_ids()
    await phone.do(player.edit_queue, operations=(Move(item_id=ids[2], to=2),))
    state = await phone.do(player.edit_queue, operations=(Remove(item_ids=(uuid4(),)),))
    assert state.version == before.version
    await phone.do(player.undo_queue)
    assert await phone.titles() == []


async def test_a_song_that_was_renamed_is_shown_by_its_new_name(phone: Remote, songs: list[UUID]) -> None:
    await phone.device()
    await phone.add(*songs)
    await phone.do(library.change_song, song_id=songs[1], title="So What (Take 2)")
    assert (await phone.titles())[1] == "So What (Take 2)"
    state = await phone.do(player.next_song)
    assert state.item is not None
    assert state.item.title == "So What (Take 2)"
