"""Songs against a real database: who sees, changes and deletes them."""

import msgspec
import pytest

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf, found, jobs
from tutti import library, search
from tutti.command import perform
from tutti.context import Floor, Person
from tutti.errors import Forbidden, Invalid, NotFound


async def test_private_songs_are_known_to_nobody_else(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person, admin: Person
) -> None:
    song = await shelf.add(someone, "Secret", "Hidden Artist", album="Hidden Album", visibility="private")
    assert len(await found(context_of, someone, "hidden")) == 3
    for person in (someone_else, admin):
        assert await found(context_of, person, "hidden") == []
        assert (await perform(context_of(person), library.browse_songs)).items == []
        assert (await perform(context_of(person), library.browse_albums)).items == []
        assert (await perform(context_of(person), library.browse_artists)).items == []
        assert await perform(context_of(person), library.songs_to_play, song_ids=[song.id]) == []
        for command, name, value in (
            (library.show_song, "song_id", song.id),
            (library.show_album, "album_id", song.album_id),
            (library.show_artist, "artist_id", song.artist_id),
            (library.file_of_song, "song_id", song.id),
            (library.like, "song_id", song.id),
            (library.delete_song, "song_id", song.id),
            (library.restore_song, "song_id", song.id),
        ):
            with pytest.raises(NotFound):
                await perform(context_of(person), command, **{name: value})


async def test_guests_hear_what_is_public_only(
    shelf: Shelf, context_of: ContextOf, someone: Person, guest: Person
) -> None:
    await shelf.add(someone, "For Members")
    open_song = await shelf.add(someone, "For All", visibility="public")
    assert [song.id for song in (await perform(context_of(guest), library.browse_songs)).items] == [
        open_song.id
    ]


async def test_changing_visibility_takes_the_song_away_from_others(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Solo Artist", album="Solo Album")
    assert len(await found(context_of, someone_else, "solo")) == 3
    await perform(context_of(someone), library.change_song, song_id=song.id, visibility="private")
    assert await found(context_of, someone_else, "solo") == []
    assert len(await found(context_of, someone, "solo")) == 3
    with pytest.raises(NotFound):
        await perform(context_of(someone_else), library.show_song, song_id=song.id)


async def test_a_changed_song_moves_to_its_new_artist_and_album(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Clara Shumann", album="Romanzen", year=1853)
    after = await perform(
        context_of(someone),
        library.change_song,
        song_id=song.id,
        artist="Clara Schumann",
        year=None,
        title="Romanze I",
    )
    assert (after.title, after.artist, after.album, after.album_artist, after.year) == (
        "Romanze I",
        "Clara Schumann",
        "Romanzen",
        "Clara Schumann",
        None,
    )
    assert (
        await found(context_of, someone, "shumann") == []
        or (await perform(context_of(someone), search.find, q="shumann")).did_you_mean == "Schumann"
    )
    [artist] = (await perform(context_of(someone), library.browse_artists)).items
    assert (artist.name, artist.song_count, artist.album_count) == ("Clara Schumann", 1, 1)
    alone = await perform(context_of(someone), library.change_song, song_id=song.id, album=None)
    assert alone.album_id is None
    assert (await perform(context_of(someone), library.browse_albums)).items == []


async def test_what_is_not_named_stays_as_it_was(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    song = await shelf.add(
        someone, "Romanze", album="Romanzen", album_artist="Various", genre="Romantik", track_number=3
    )
    after = await perform(context_of(someone), library.change_song, song_id=song.id, title="Andere")
    assert msgspec.structs.replace(after, title=song.title, updated_at=song.updated_at) == song


async def test_a_corrected_name_is_tidied_as_a_tag_is(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Clara Schumann")
    wish = {"title": "\u202eRomanze\r\nII\u0007", "artist": " Clara\u2028Wieck ", "genre": "\u200e "}
    after = await perform(context_of(someone), library.change_song, song_id=song.id, **wish)
    assert (after.title, after.artist, after.genre) == ("Romanze II", "Clara Wieck", None)
    with pytest.raises(Invalid) as caught:
        await perform(context_of(someone), library.change_song, song_id=song.id, album_artist="\u202e\u0007")
    assert caught.value.errors is not None
    assert caught.value.errors[0]["pointer"] == "/albumArtist"


async def test_others_may_not_change_what_they_hear(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person, admin: Person
) -> None:
    song = await shelf.add(someone, "Romanze")
    for attempt in (
        perform(context_of(someone_else), library.change_song, song_id=song.id, title="Mine now"),
        perform(context_of(someone_else), library.delete_song, song_id=song.id),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert (
        await perform(context_of(admin), library.change_song, song_id=song.id, title="Set right")
    ).title == "Set right"


async def test_a_deleted_song_comes_back_with_everything(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Solo Artist", album="Solo Album")
    await perform(context_of(someone), library.like, song_id=song.id)
    for _twice in range(2):
        await perform(context_of(someone), library.delete_song, song_id=song.id)
    assert await jobs(floor, "library.purge") == 1
    assert await found(context_of, someone, "solo") == []
    assert (await perform(context_of(someone), library.browse_songs)).items == []
    assert (await perform(context_of(someone), library.liked)).items == []
    [binned] = (await perform(context_of(someone), library.browse_songs, deleted=True)).items
    assert (binned.id, binned.stream_url) == (song.id, None)
    assert (await perform(context_of(someone_else), library.browse_songs, deleted=True)).items == []
    with pytest.raises(NotFound):
        await perform(context_of(someone), library.file_of_song, song_id=song.id)
    for _twice in range(2):
        back = await perform(context_of(someone), library.restore_song, song_id=song.id)
        assert (back.deleted_at, back.liked) == (None, True)
    assert len(await found(context_of, someone_else, "solo")) == 3


async def test_uploading_what_lies_in_the_bin_brings_it_back(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    song = await shelf.add(someone, "Romanze", content=b"same")
    await perform(context_of(someone), library.delete_song, song_id=song.id)
    back = await shelf.add(someone, "Romanze", content=b"same")
    assert (back.id, back.deleted_at) == (song.id, None)


async def test_who_owns_a_song_may_have_it_read_again(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, "Romanze")
    await perform(context_of(someone), search.index, entity_type="song", entity_id=song.id)
    assert await jobs(floor, "library.reread_song") == 1
    with pytest.raises(Forbidden):
        await perform(context_of(someone_else), search.index, entity_type="song", entity_id=song.id)
