"""An artist and what there is of him."""

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf
from tutti import library
from tutti.command import perform
from tutti.context import Person


async def test_an_artist_shows_albums_and_songs(shelf: Shelf, context_of: ContextOf, someone: Person) -> None:
    song = await shelf.add(someone, "Duett", "Clara", album="Best of", album_artist="Various")
    await shelf.add(someone, "Solo", "Clara", album="Clara alone")
    clara = await perform(context_of(someone), library.show_artist, artist_id=song.artist_id)
    assert [album.title for album in clara.albums] == ["Clara alone"]
    assert [each.title for each in clara.songs] == ["Duett", "Solo"]
    names = [artist.name for artist in (await perform(context_of(someone), library.browse_artists)).items]
    assert names == ["Clara", "Various"]
