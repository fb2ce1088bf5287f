"""Lists of songs: order, filters, cursors."""

import pytest

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf
from tutti import library
from tutti.command import perform
from tutti.context import Person
from tutti.errors import Invalid


@pytest.mark.parametrize("sort", ["title", "artist", "album", "added", "year"])
async def test_every_order_leafs_through_all_songs_once(
    shelf: Shelf, context_of: ContextOf, someone: Person, sort: str
) -> None:
    for number in range(17):
        await shelf.add(
            someone,
            f"Titel {number % 5}",
            f"Artist {number % 3}",
            album=f"Album {number % 2}" if number % 4 else None,
            track_number=number % 7 or None,
            year=1800 + number % 3 if number % 2 else None,
        )
    seen, cursor = [], None
    while True:
        page = await perform(context_of(someone), library.browse_songs, sort=sort, limit=4, cursor=cursor)
        seen += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert len({song.id for song in seen}) == len(seen) == 17
    keys = {
        "title": lambda song: song.title,
        "artist": lambda song: song.artist,
        "album": lambda song: song.album or "",
        "added": lambda song: -song.created_at.timestamp(),
        "year": lambda song: -(song.year or 0),
    }
    assert seen == sorted(seen, key=keys[sort])


async def test_lists_can_be_narrowed(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    one = await shelf.add(someone, "One", "Clara", album="First", year=1850, genre="Romantik")
    await shelf.add(someone_else, "Two", "Robert", album="Second", year=1840, genre="Pop")
    for wish in (
        {"album_id": one.album_id},
        {"artist_id": one.artist_id},
        {"genre": "romantik"},
        {"year": 1850},
        {"mine": True},
    ):
        page = await perform(context_of(someone), library.browse_songs, **wish)
        assert [song.title for song in page.items] == ["One"], wish
    [album] = (await perform(context_of(someone), library.browse_albums, artist_id=one.artist_id)).items
    assert album.title == "First"


async def test_a_cursor_of_another_list_is_refused(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    for _ in range(3):
        await shelf.add(someone)
    cursor = (await perform(context_of(someone), library.browse_songs, sort="title", limit=2)).next_cursor
    with pytest.raises(Invalid):
        await perform(context_of(someone), library.browse_songs, sort="year", cursor=cursor)
    for made_up in ("x", "AAAA", "WzEsMl0", "é"):
        with pytest.raises(Invalid):
            await perform(context_of(someone), library.liked, cursor=made_up)
