"""A song over HTTP: whole, in parts, unchanged, and cut off when its session ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from hashlib import sha256
from uuid import uuid4

import aiohttp
import pytest

from server.media import RUNNING
from tests.conftest import ContextOf
from tests.running import Server, changed, running_server, server_process
from tests.tutti.library.songs import Shelf
from tutti import library
from tutti.command import perform
from tutti.context import Floor, Person
from tutti.library import Song
from tutti.settings import Settings

Http = aiohttp.ClientSession
LONG = 32 << 20
SOUND = bytes(range(256)) * 2_000
TAG = f'"{sha256(SOUND).hexdigest()}"'


@pytest.fixture
def shelf(context_of: ContextOf) -> Shelf:
    return Shelf(context_of)


async def store(floor: Floor, key: str, sound: bytes) -> None:
    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(sound), 1 << 20):
            yield sound[start : start + (1 << 20)]

    await floor.storage.begin(key)
    await floor.storage.write_at(key, 0, body(), limit=len(sound))
    await floor.storage.seal(key)


@pytest.fixture
async def song(shelf: Shelf, floor: Floor, someone: Person) -> Song:
    """A song whose bytes are SOUND."""
    await store(floor, "media/1", SOUND)
    return await shelf.add(someone, "Für Élise", "Beethoven", content=SOUND)


@pytest.fixture
async def http(server: Server, someone: Person) -> AsyncIterator[aiohttp.ClientSession]:
    async with server.client(someone) as session:
        yield session


def path(song: Song) -> str:
    return f"songs/{song.id}/stream"


async def test_the_whole_song_with_headers_that_let_nothing_run(http: Http, song: Song) -> None:
    async with http.get(path(song)) as answer:
        assert answer.status == 200
        assert await answer.read() == SOUND
        headers = answer.headers
    assert headers["Content-Type"] == "audio/mpeg"
    assert headers["Content-Length"] == str(len(SOUND))
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["ETag"] == TAG
    assert headers["Cache-Control"] == "private, max-age=0, must-revalidate"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "filename*=UTF-8''Beethoven%20-%20F%C3%BCr%20%C3%89lise.mp3" in headers["Content-Disposition"]
    assert "X-Request-Id" in headers
    assert "Deprecation" not in headers


async def test_head_says_the_same_without_the_bytes(http: Http, song: Song) -> None:
    async with http.head(path(song)) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == str(len(SOUND))
        assert answer.headers["ETag"] == TAG
        assert await answer.read() == b""
    async with http.head(path(song), headers={"Range": "bytes=10-19"}) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (206, "10")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-1", 0, 1),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=300000-", 300_000, len(SOUND) - 1),
        ("bytes=100-", 100, len(SOUND) - 1),
        ("bytes=-500", len(SOUND) - 500, len(SOUND) - 1),
        ("bytes=5-99999999", 5, len(SOUND) - 1),
    ],
)
async def test_a_part_of_it(http: Http, song: Song, asked: str, start: int, end: int) -> None:
    async with http.get(path(song), headers={"Range": asked}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{len(SOUND)}"
        assert await answer.read() == SOUND[start : end + 1]


async def test_one_connection_serves_part_after_part(server: Server, someone: Person, song: Song) -> None:
    connector = aiohttp.TCPConnector(limit=1)
    headers = await server.bearer(someone)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
        for start in range(0, len(SOUND), 70_000):
            asked = {"Range": f"bytes={start}-{start + 69_999}"}
            async with http.get(f"{server.api}/{path(song)}", headers=asked) as answer:
                assert await answer.read() == SOUND[start : start + 70_000]
        async with http.get(f"{server.api}/{path(song)}") as answer:
            assert await answer.read() == SOUND


async def test_a_part_behind_the_end_is_refused_with_the_size(http: Http, song: Song) -> None:
    async with http.get(path(song), headers={"Range": f"bytes={len(SOUND)}-"}) as answer:
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(SOUND)}"
        assert answer.content_type == "application/problem+json"
        assert (await answer.json())["size"] == len(SOUND)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=x"])
async def test_what_is_no_single_part_gets_the_whole(http: Http, song: Song, asked: str) -> None:
    async with http.get(path(song), headers={"Range": asked}) as answer:
        assert (answer.status, len(await answer.read())) == (200, len(SOUND))


async def test_a_part_of_another_state_gets_the_whole(http: Http, song: Song) -> None:
    for if_range, status in (
        (TAG, 206),
        ('"other"', 200),
        (f"W/{TAG}", 200),
        ("Fri, 20 Nov 2026 22:00:00 GMT", 200),
    ):
        async with http.get(path(song), headers={"Range": "bytes=0-9", "If-Range": if_range}) as answer:
            assert answer.status == status
            assert await answer.read() == (SOUND[:10] if status == 206 else SOUND)


async def test_what_the_client_has_is_not_sent_again(http: Http, song: Song) -> None:
    for known in (TAG, f"W/{TAG}", f'"x", {TAG}', "*"):
        async with http.get(path(song), headers={"If-None-Match": known}) as answer:
            assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", TAG)
    async with http.get(path(song), headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200
    async with http.get(path(song), headers={"If-Match": '"other"'}) as answer:
        assert answer.status == 412


async def test_the_address_without_a_version_names_its_successor(
    server: Server, http: Http, song: Song
) -> None:
    async with http.get(f"{server.url}/api/songs/{song.id}/stream") as answer:
        assert (answer.status, await answer.read()) == (200, SOUND)
        assert answer.headers["Deprecation"].startswith("@")
        assert f"/api/v1/songs/{song.id}/stream" in answer.headers["Link"]


async def test_strangers_and_the_uninvited_hear_nothing(
    server: Server, shelf: Shelf, someone: Person, someone_else: Person, song: Song
) -> None:
    secret = await shelf.add(someone, "Secret", visibility="private")
    async with server.client() as stranger, stranger.get(path(song)) as answer:
        assert answer.status == 401
    async with server.client(someone_else) as other:
        async with other.get(path(song)) as answer:
            assert answer.status == 200
        for hidden in (f"songs/{secret.id}/stream", f"songs/{uuid4()}/stream"):
            async with other.get(hidden) as answer:
                assert answer.status == 404
        async with other.get("songs/nonsense/stream") as answer:
            assert answer.status == 400


async def test_a_song_whose_bytes_are_gone_says_so(http: Http, shelf: Shelf, someone: Person) -> None:
    lost = await shelf.add(someone, "Lost")
    async with http.get(path(lost)) as answer:
        assert answer.status == 404
        assert (await answer.json())["code"] == "bytes_missing"


async def long_song(floor: Floor, shelf: Shelf, owner: Person) -> Song:
    """More than the network can hold."""
    sound = b"\x00\xff" * (LONG // 2)
    song = await shelf.add(owner, "Long", content=sound)
    async with floor.pool.connection() as connection:
        key = await connection.fetchval("select storage_key from media_files where size = $1", len(sound))
    await store(floor, key, sound)
    return song


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks after the sessions: only the word that one has ended cuts its streams."""
    monkeypatch.setattr("server.healing.EVERY_S", 60)
    monkeypatch.setattr("server.healing.SOON_S", 60)


@pytest.mark.usefixtures("no_poll")
async def test_ending_the_session_elsewhere_cuts_the_stream(
    two_servers: tuple[Server, Server], floor: Floor, shelf: Shelf, someone: Person
) -> None:
    one, other = two_servers
    song = await long_song(floor, shelf, someone)
    async with one.client(someone) as listener, other.client(someone) as remote:
        async with listener.get("auth/sessions") as answer:
            [mine] = [each for each in (await answer.json())["items"] if each["current"]]
        async with listener.get(path(song)) as answer:
            await answer.content.readexactly(1 << 20)
            async with remote.delete(f"auth/sessions/{mine['id']}") as ended:
                assert ended.status == 204
            await nothing_runs(one)  # though nobody has read on, so that it cannot have come to its end
            assert await read_slowly(answer) < LONG - (1 << 20)
        async with listener.get(path(song)) as answer:
            assert answer.status == 401


async def nothing_runs(server: Server) -> None:
    assert server.app is not None
    for _ in range(500):
        if not server.app[RUNNING]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"still running: {server.app[RUNNING]}")


async def read_slowly(answer: aiohttp.ClientResponse) -> int:
    """Read until it breaks off; answers how many bytes came. Raises AssertionError for a whole body."""
    received = 0
    with suppress(aiohttp.ClientPayloadError):
        async for block in answer.content.iter_chunked(1 << 16):
            received += len(block)
            await asyncio.sleep(0.001)
        raise AssertionError("the body ended as if it were whole")
    return received


async def test_a_listener_who_leaves_holds_nothing(
    server: Server, floor: Floor, shelf: Shelf, someone: Person
) -> None:
    song = await long_song(floor, shelf, someone)
    async with server.client(someone) as http:
        for _ in range(5):
            with suppress(aiohttp.ClientError):
                async with http.get(path(song)) as answer:
                    await answer.content.readexactly(1000)
    await nothing_runs(server)


async def test_one_session_has_so_many_streams_at_once(
    settings: Settings, floor: Floor, shelf: Shelf, someone: Person
) -> None:
    song = await long_song(floor, shelf, someone)
    async with running_server(changed(settings, streams_per_session=2), floor) as server:
        async with server.client(someone) as http, http.get(path(song)), http.get(path(song)):
            async with http.get(path(song)) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            async with server.client(someone) as another, another.get(path(song)) as answer:
                assert answer.status == 200
        await nothing_runs(server)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_both_event_loops_send_the_same_bytes(
    settings: Settings, floor: Floor, someone: Person, song: Song, loop: str
) -> None:
    with server_process(changed(settings, event_loop=loop), floor) as (server, _process):
        async with server.client(someone) as http:
            async with http.get(path(song)) as answer:
                assert await answer.read() == SOUND
            async with http.get(path(song), headers={"Range": "bytes=-300000"}) as answer:
                assert await answer.read() == SOUND[-300_000:]


async def test_a_deleted_song_is_silent_until_it_is_restored(
    http: Http, context_of: ContextOf, someone: Person, song: Song
) -> None:
    await perform(context_of(someone), library.delete_song, song_id=song.id)
    async with http.get(path(song)) as answer:
        assert answer.status == 404
    await perform(context_of(someone), library.restore_song, song_id=song.id)
    async with http.get(path(song)) as answer:
        assert answer.status == 200
