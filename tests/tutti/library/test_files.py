"""The bytes of songs: what may be played, and the room they take."""

from uuid import uuid4

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf
from tutti import library
from tutti.command import perform
from tutti.context import Person


async def test_room_counts_each_content_once(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, content=b"12345")
    await shelf.add(someone, content=b"123")
    await shelf.add(someone_else, content=b"12345")
    await perform(context_of(someone), library.delete_song, song_id=song.id)
    assert await perform(context_of(), library.stored_bytes, owner_id=someone.id) == 8
    assert await perform(context_of(), library.stored_bytes, owner_id=someone_else.id) == 5


async def test_songs_to_play_keep_their_order_and_doubles(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    one, two = [(await shelf.add(someone)).id for _ in range(2)]
    playable = await perform(context_of(someone), library.songs_to_play, song_ids=[two, uuid4(), one, two])
    assert [each.song_id for each in playable] == [two, one, two]
