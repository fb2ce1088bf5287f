"""Likes, stars and plays."""

from uuid import UUID

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf
from tutti import library
from tutti.command import perform
from tutti.context import Person


async def test_likes_are_ones_own_and_in_order(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    songs = [await shelf.add(someone) for _ in range(5)]
    for song in songs:
        await perform(context_of(someone_else), library.like, song_id=song.id)
    await perform(context_of(someone_else), library.like, song_id=songs[0].id)
    assert (await perform(context_of(someone), library.liked)).items == []
    seen: list[UUID] = []
    cursor = None
    while True:
        page = await perform(context_of(someone_else), library.liked, limit=2, cursor=cursor)
        seen += [song.id for song in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == [song.id for song in reversed(songs)]
    for _twice in range(2):
        await perform(context_of(someone_else), library.unlike, song_id=songs[2].id)
    assert songs[2].id not in [
        song.id for song in (await perform(context_of(someone_else), library.liked)).items
    ]


async def test_stars_and_plays_are_ones_own(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone)
    assert (await perform(context_of(someone_else), library.rate_song, song_id=song.id, rating=4)).rating == 4
    for _ in range(2):
        await perform(
            context_of(someone_else), library.count_play, person_id=someone_else.id, song_id=song.id
        )
    theirs = await perform(context_of(someone_else), library.show_song, song_id=song.id)
    assert (theirs.rating, theirs.play_count) == (4, 2)
    mine = await perform(context_of(someone), library.show_song, song_id=song.id)
    assert (mine.rating, mine.play_count) == (None, 0)
    assert (
        await perform(context_of(someone_else), library.rate_song, song_id=song.id, rating=None)
    ).rating is None
