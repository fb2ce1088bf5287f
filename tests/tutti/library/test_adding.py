"""Adding songs: a file, its song, album, artist and search row, in one transaction."""

import asyncio
from hashlib import sha256

import pytest

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf, count, found
from tutti import library
from tutti.command import perform
from tutti.context import Floor, Person


async def test_an_added_song_is_listed_found_and_playable(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(
        someone, "Romanze", "Clara Schumann", album="Drei Romanzen", track_number=2, year=1853
    )
    assert (song.mine, song.visibility, song.duration_ms) == (True, "members", 215_000)
    assert song.stream_url == f"/api/v1/songs/{song.id}/stream"
    [seen] = (await perform(context_of(someone_else), library.browse_songs)).items
    assert (seen.id, seen.mine, seen.album, seen.track_number) == (song.id, False, "Drei Romanzen", 2)
    assert await found(context_of, someone_else, "romanze") == [
        ("album", "Drei Romanzen"),
        ("song", "Romanze"),
    ]
    assert await found(context_of, someone_else, "schumann") == [
        ("album", "Drei Romanzen"),
        ("artist", "Clara Schumann"),
        ("song", "Romanze"),
    ]
    [playable] = await perform(context_of(someone_else), library.songs_to_play, song_ids=[song.id])
    assert (playable.title, playable.artist, playable.playable) == ("Romanze", "Clara Schumann", True)


async def test_adding_the_same_file_twice_makes_one_song(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person
) -> None:
    one = await shelf.add(someone, "Romanze", content=b"same")
    other = await shelf.add(someone, "Romanze", content=b"same")
    assert one.id == other.id
    assert await count(floor, "songs") == await count(floor, "media_files") == 1


async def test_adding_the_same_file_at_the_same_time_makes_one_song(
    shelf: Shelf, floor: Floor, someone: Person
) -> None:
    songs = await asyncio.gather(*(shelf.add(someone, "Romanze", content=b"same") for _ in range(6)))
    assert len({song.id for song in songs}) == 1
    assert await count(floor, "songs") == 1


async def test_two_people_share_the_bytes_but_not_the_song(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    mine = await shelf.add(someone, "Romanze", content=b"same")
    theirs = await shelf.add(someone_else, "Romanze", content=b"same")
    assert mine.id != theirs.id
    files = [
        await perform(context_of(someone), library.file_of_song, song_id=each.id) for each in (mine, theirs)
    ]
    assert files[0] == files[1]
    assert files[0].storage_key == "media/1"


async def test_find_by_hash_knows_only_ones_own(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, "Romanze", content=b"same")
    digest = sha256(b"same").digest()
    known = await perform(context_of(someone), library.find_by_hash, owner_id=someone.id, sha256=digest)
    assert known is not None
    assert known.id == song.id
    assert await perform(context_of(), library.find_by_hash, owner_id=someone_else.id, sha256=digest) is None
    await perform(context_of(someone), library.delete_song, song_id=song.id)
    assert await perform(context_of(), library.find_by_hash, owner_id=someone.id, sha256=digest) is None


async def test_songs_of_one_album_added_at_once_are_all_on_it(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    await asyncio.gather(
        *(
            shelf.add(
                someone, f"Szene {n}", "Robert Schumann", album="Kinderszenen", track_number=n, visibility=v
            )
            for n, v in enumerate(["members", "private", "public"] * 3, 1)
        )
    )
    [album] = (await perform(context_of(someone), library.browse_albums)).items
    assert (album.title, album.song_count, album.duration_ms) == ("Kinderszenen", 9, 9 * 215_000)
    whole = await perform(context_of(someone), library.show_album, album_id=album.id)
    assert [song.track_number for song in whole.songs] == list(range(1, 10))


async def test_members_hear_of_new_songs(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, bytes]] = []
    monkeypatch.setattr(floor.publisher, "publish", lambda topic, message: told.append((topic, message)))
    song = await shelf.add(someone, "Romanze")
    await perform(context_of(someone), library.change_song, song_id=song.id, visibility="private")
    assert [topic for topic, _ in told] == [
        "audience:members",
        "audience:members",
        f"audience:user:{someone.id}",
    ]
    assert b'"change":"added"' in told[0][1]
