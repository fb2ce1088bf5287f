"""Library and search as programs see them: paths, members, statuses."""

from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest

from tests.conftest import ContextOf
from tests.running import Server
from tests.tutti.library.songs import Shelf
from tutti.context import Person

Http = aiohttp.ClientSession


@pytest.fixture
def shelf(context_of: ContextOf) -> Shelf:
    return Shelf(context_of)


@pytest.fixture
async def http(server: Server, someone: Person) -> AsyncIterator[Http]:
    async with server.client(someone) as session:
        yield session


async def test_songs_albums_artists_have_the_members_they_promise(
    http: Http, shelf: Shelf, someone: Person
) -> None:
    song = await shelf.add(someone, "Romanze", "Clara Schumann", album="Romanzen", track_number=1, year=1853)
    async with http.get(
        "songs", params={"sort": "title", "limit": "10", "year": "1853", "mine": "true"}
    ) as answer:
        assert answer.status == 200
        page = await answer.json()
    assert page["nextCursor"] is None
    assert {
        name: page["items"][0][name] for name in ("id", "trackNumber", "durationMs", "streamUrl", "playCount")
    } == {
        "id": str(song.id),
        "trackNumber": 1,
        "durationMs": 215_000,
        "streamUrl": f"/api/v1/songs/{song.id}/stream",
        "playCount": 0,
    }
    async with http.get(f"albums/{song.album_id}") as answer:
        whole = await answer.json()
        assert (whole["album"]["songCount"], whole["songs"][0]["id"]) == (1, str(song.id))
    async with http.get(f"artists/{song.artist_id}") as answer:
        whole = await answer.json()
        assert (whole["artist"]["albumCount"], whole["albums"][0]["title"]) == (1, "Romanzen")
    for path in ("albums", "artists", "me/liked"):
        async with http.get(path) as answer:
            assert set(await answer.json()) == {"items", "nextCursor"}


async def test_a_song_is_changed_liked_rated_deleted_and_restored(
    http: Http, shelf: Shelf, someone: Person
) -> None:
    song = await shelf.add(someone, "Romanze", album="Romanzen")
    path = f"songs/{song.id}"
    async with http.patch(path, json={"title": "Andere", "album": None, "discNumber": 2}) as answer:
        changed = await answer.json()
        assert (answer.status, changed["title"], changed["album"], changed["discNumber"]) == (
            200,
            "Andere",
            None,
            2,
        )
    async with http.put(f"{path}/rating", json={"rating": 5}) as answer:
        assert (await answer.json())["rating"] == 5
    async with http.post(f"me/liked/{song.id}") as answer:
        assert answer.status == 204
    async with http.get("me/liked") as answer:
        assert [each["liked"] for each in (await answer.json())["items"]] == [True]
    async with http.delete(f"me/liked/{song.id}") as answer:
        assert answer.status == 204
    async with http.delete(path) as answer:
        assert answer.status == 204
    async with http.get(path) as answer:
        assert answer.status == 404
    async with http.get("songs", params={"deleted": "true"}) as answer:
        assert [each["id"] for each in (await answer.json())["items"]] == [str(song.id)]
    async with http.post(f"{path}/restore") as answer:
        assert (answer.status, (await answer.json())["deletedAt"]) == (200, None)


@pytest.mark.parametrize(
    "body",
    [
        {"title": ""},
        {"title": "   "},
        {"title": None},
        {"title": "x" * 501},
        {"year": 12},
        {"trackNumber": 0},
        {"visibility": "everybody"},
        {"ownerId": str(uuid4())},
        {"audience": ["public"]},
        {"durationMs": 1},
        {"title": 5},
    ],
)
async def test_a_change_that_makes_no_sense_is_refused_whole(
    http: Http, shelf: Shelf, someone: Person, body: dict[str, object]
) -> None:
    song = await shelf.add(someone, "Romanze")
    async with http.patch(f"songs/{song.id}", json={"genre": "Romantik"} | body) as answer:
        assert answer.status == 400
        assert (await answer.json())["errors"]
    async with http.get(f"songs/{song.id}") as answer:
        assert (await answer.json())["genre"] is None


@pytest.mark.parametrize(
    "query",
    [
        "sort=size",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=nonsense",
        "year=5",
        "unknown=1",
        "albumId=1",
        "sort=",
    ],
)
async def test_a_list_with_wrong_parameters_is_refused(http: Http, query: str) -> None:
    async with http.get(f"songs?{query}") as answer:
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"


async def test_search_answers_strangers_with_what_is_public(
    server: Server, http: Http, shelf: Shelf, someone: Person
) -> None:
    await shelf.add(someone, "Romanze", "Clara Schumann")
    song = await shelf.add(someone, "Romanze für alle", "Clara Schumann", visibility="public")
    async with http.get("search", params={"q": "romanze", "type": "song,album", "limit": "10"}) as answer:
        page = await answer.json()
        assert (answer.status, len(page["items"])) == (200, 2)
        assert set(page) == {"items", "nextCursor", "didYouMean", "tookMs", "backend", "degraded"}
    async with server.client() as stranger:
        for path in ("search", "search/suggestions"):
            async with stranger.get(path, params={"q": "romanse"}) as answer:
                [item] = (await answer.json())["items"]
            assert set(item) == {"type", "id", "title", "subtitle", "coverUrl", "score", "highlight"}
            assert item["id"] == str(song.id)
            assert item["highlight"]["title"][0] == {"text": "Romanze", "hit": True}
        async with stranger.get("songs") as answer:
            assert answer.status == 401
        async with stranger.post(
            "search/index", json={"entityType": "song", "entityId": str(song.id)}
        ) as answer:
            assert answer.status == 401


async def test_reading_again_is_accepted(http: Http, shelf: Shelf, someone: Person) -> None:
    song = await shelf.add(someone, "Romanze")
    wish = {"entityType": "song", "entityId": str(song.id)}
    async with http.post("search/index", json=wish) as answer:
        assert (answer.status, await answer.json()) == (202, wish | {"status": "queued"})
    async with http.post("search/index", json=wish | {"title": "Other"}) as answer:
        assert answer.status == 400
    async with http.post("search/index", json=wish | {"entityId": str(uuid4())}) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "query", ["", "q=" + "a" * 201, "q=a&limit=0", "q=a&limit=500", "q=a&type=SONG", "q=a&x=1"]
)
async def test_a_search_with_wrong_parameters_is_refused(http: Http, query: str) -> None:
    async with http.get(f"search?{query}") as answer:
        assert answer.status == 400


async def test_a_cursor_from_elsewhere_is_gone(http: Http, shelf: Shelf, someone: Person) -> None:
    for _ in range(3):
        await shelf.add(someone, "Romanze")
    async with http.get("search", params={"q": "romanze", "limit": "2"}) as answer:
        cursor = (await answer.json())["nextCursor"]
    async with http.get("search", params={"q": "romanze", "limit": "2", "cursor": cursor}) as answer:
        assert len((await answer.json())["items"]) == 1
    async with http.get("search", params={"q": "other", "cursor": cursor}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (410, "cursor_outdated")
