"""The library against a real database: adding, seeing, changing, deleting, liking."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import msgspec
import pytest

from tests.conftest import ContextOf
from tests.tutti.library.songs import Shelf
from tutti import library, search
from tutti.command import perform
from tutti.context import Floor, Person
from tutti.errors import Forbidden, Invalid, NotFound


@pytest.fixture
def shelf(context_of: ContextOf) -> Shelf:
    return Shelf(context_of)


@pytest.fixture
def guest(someone: Person) -> Person:
    """A stranger on somebody's player, who hears only what is public."""
    return msgspec.structs.replace(someone, id=uuid4(), role="guest", audiences=("public",))


async def jobs(floor: Floor, name: str) -> int:
    async with floor.pool.connection() as connection:
        return int(await connection.fetchval("select count(*) from jobs where name = $1", name))


async def count(floor: Floor, table: str) -> int:
    async with floor.pool.connection() as connection:
        return int(await connection.fetchval(f"select count(*) from {table}"))


async def found(context_of: ContextOf, person: Person, q: str) -> list[tuple[str, str]]:
    answer = await perform(context_of(person), search.find, q=q)
    return sorted((item.type, item.title) for item in answer.items)


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


async def test_after_a_week_song_file_album_and_artist_are_gone(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Solo Artist", album="Solo Album", content=b"same")
    await perform(context_of(someone), library.delete_song, song_id=song.id)
    await perform(context_of(), library.purge, song_id=song.id)
    assert await count(floor, "songs") == 1
    ctx = context_of()
    await ctx.connection()
    ctx.set_now(ctx.now + timedelta(days=8))
    await perform(ctx, library.purge, song_id=song.id)
    for table in ("songs", "media_files", "song_sources", "albums", "artists", "search_index"):
        assert await count(floor, table) == 0, table
    assert await jobs(floor, "library.erase_file") == 1


async def test_the_bytes_stay_while_somebody_else_plays_them(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    mine = await shelf.add(someone, "Romanze", content=b"same")
    await shelf.add(someone_else, "Romanze", content=b"same")
    await perform(context_of(someone), library.delete_song, song_id=mine.id)
    ctx = context_of()
    await ctx.connection()
    ctx.set_now(ctx.now + timedelta(days=8))
    await perform(ctx, library.purge, song_id=mine.id)
    assert (await count(floor, "songs"), await count(floor, "media_files")) == (1, 1)
    assert await jobs(floor, "library.erase_file") == 0


async def test_erasing_deletes_bytes_only_when_nobody_needs_them(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"sound"

    for key in ("media/1", "media/9"):
        await floor.storage.begin(key)
        await floor.storage.write_at(key, 0, body(), limit=100)
    await shelf.add(someone, "Romanze")
    for key in ("media/1", "media/9", "media/9"):
        await perform(context_of(), library.erase_file, storage_key=key)
    assert await floor.storage.size("media/1") == 5
    assert await floor.storage.size("media/9") is None
    assert await perform(context_of(), library.hold_bytes, storage_key="media/1")
    assert not await perform(context_of(), library.hold_bytes, storage_key="media/9")


async def test_room_counts_each_content_once(
    shelf: Shelf, context_of: ContextOf, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, content=b"12345")
    await shelf.add(someone, content=b"123")
    await shelf.add(someone_else, content=b"12345")
    await perform(context_of(someone), library.delete_song, song_id=song.id)
    assert await perform(context_of(), library.stored_bytes, owner_id=someone.id) == 8
    assert await perform(context_of(), library.stored_bytes, owner_id=someone_else.id) == 5


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


async def test_songs_to_play_keep_their_order_and_doubles(
    shelf: Shelf, context_of: ContextOf, someone: Person
) -> None:
    one, two = [(await shelf.add(someone)).id for _ in range(2)]
    playable = await perform(context_of(someone), library.songs_to_play, song_ids=[two, uuid4(), one, two])
    assert [each.song_id for each in playable] == [two, one, two]


async def test_an_artist_shows_albums_and_songs(shelf: Shelf, context_of: ContextOf, someone: Person) -> None:
    song = await shelf.add(someone, "Duett", "Clara", album="Best of", album_artist="Various")
    await shelf.add(someone, "Solo", "Clara", album="Clara alone")
    clara = await perform(context_of(someone), library.show_artist, artist_id=song.artist_id)
    assert [album.title for album in clara.albums] == ["Clara alone"]
    assert [each.title for each in clara.songs] == ["Duett", "Solo"]
    names = [artist.name for artist in (await perform(context_of(someone), library.browse_artists)).items]
    assert names == ["Clara", "Various"]


async def test_reading_again_repairs_the_index(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Clara", album="Romanzen")
    async with floor.pool.connection() as connection:
        await connection.execute("update search_index set title = 'Broken', folded = 'broken', words = ''")
    await perform(context_of(), library.reread_song, entity_id=song.id)
    await perform(context_of(), library.reread_album, entity_id=song.album_id)
    await perform(context_of(), library.reread_artist, entity_id=song.artist_id)
    assert len(await found(context_of, someone, "clara")) == 3
    for job in (library.reread_song, library.reread_album, library.reread_artist):
        await perform(context_of(), job, entity_id=uuid4())


async def test_who_owns_a_song_may_have_it_read_again(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    song = await shelf.add(someone, "Romanze")
    await perform(context_of(someone), search.index, entity_type="song", entity_id=song.id)
    assert await jobs(floor, "library.reread_song") == 1
    with pytest.raises(Forbidden):
        await perform(context_of(someone_else), search.index, entity_type="song", entity_id=song.id)


async def test_a_person_takes_his_library_along_and_is_forgotten(
    shelf: Shelf, context_of: ContextOf, floor: Floor, someone: Person, someone_else: Person
) -> None:
    mine = await shelf.add(someone, "Romanze", "Solo Artist")
    theirs = await shelf.add(someone_else, "Lied", "Other Artist")
    await perform(context_of(someone), library.like, song_id=theirs.id)
    taken = await perform(context_of(someone), library.export_person, person_id=someone.id)
    assert ([song.id for song in taken.songs], [mark.title for mark in taken.marks]) == ([mine.id], ["Lied"])
    await perform(context_of(), library.forget_person, person_id=someone.id)
    assert await found(context_of, someone, "artist") == [("artist", "Other Artist"), ("song", "Lied")]
    assert await count(floor, "songs") == 1
    assert await jobs(floor, "library.erase_file") == 1


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
