"""The same path with S3-compatible storage, as moto's server speaks it on loopback."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from uuid import uuid4

import aiohttp
import pytest
from moto.server import ThreadedMotoServer

from tests.running import changed
from tests.tutti.uploads.conftest import Hands, Uploader
from tutti import library, uploads
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.floor import open_floor
from tutti.storage_s3 import LEAST_PART, ObjectChanged, S3Storage, StorageAway
from tutti.uploads.model import media_key
from tutti.uploads.problems import ChunksMissing

BUCKET = f"b{uuid4().hex}"
"""Another for each test run; moto's servers share what they hold."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def in_s3(floor: Floor, endpoint: str) -> AsyncIterator[Floor]:
    url = f"s3://key:secret@{BUCKET}/{uuid4().hex}?endpoint={endpoint}"
    async with open_floor(changed(floor.settings, storage_url=url)) as opened:
        storage = opened.storage
        assert isinstance(storage, S3Storage)
        await (await storage._client()).create_bucket(Bucket=BUCKET)  # answers the same when it is there
        yield opened


@pytest.fixture
def uploader(in_s3: Floor, someone: Person) -> Uploader:
    return Uploader(lambda person=None, session=None: Context(in_s3, person=person), someone)


@pytest.fixture
def long_song(song_bytes: bytes) -> bytes:
    """More than one part of S3's least size: an MP3 may be followed by anything."""
    return song_bytes + bytes(LEAST_PART)


async def keys(floor: Floor) -> set[str]:
    incoming = [each.key async for each in floor.storage.stored("incoming/")]
    media = [each.key async for each in floor.storage.stored("media/")]
    return {*incoming, *media}


async def test_chunks_become_a_song_in_s3(uploader: Uploader, in_s3: Floor, long_song: bytes) -> None:
    sent = await uploader.send_all(long_song)
    assert (sent.chunk_size, sent.total_chunks) == (LEAST_PART, 2)
    await uploader.complete(sent.upload_id)
    await Hands(in_s3).do()
    done = await uploader.get(sent.upload_id)
    assert (done.status, done.problem) == ("ready", None)
    key = media_key(hashlib.sha256(long_song).digest())
    assert await keys(in_s3) == {key}
    assert b"".join([block async for block in in_s3.storage.read(key)]) == long_song


async def test_a_presigned_put_becomes_a_song(uploader: Uploader, in_s3: Floor, song_bytes: bytes) -> None:
    link = await perform(
        uploader.ctx,
        uploads.presigned_url,
        file_name="a.mp3",
        file_size=len(song_bytes),
        mime_type="audio/mpeg",
    )
    assert link.url.startswith("http://127.0.0.1:")
    with pytest.raises(ChunksMissing):
        await uploader.complete(link.upload_id)
    async with (
        aiohttp.ClientSession() as client,
        client.put(link.url, data=song_bytes, headers=link.headers) as response,
    ):
        assert response.status == 200
    assert (await uploader.complete(link.upload_id)).status == "assembling"
    await Hands(in_s3).do()
    done = await uploader.get(link.upload_id)
    assert done.status == "ready"
    assert len((await perform(uploader.ctx, library.browse_songs)).items) == 1


async def test_cancelled_and_expired_uploads_leave_nothing_in_s3(
    uploader: Uploader, in_s3: Floor, long_song: bytes
) -> None:
    cancelled, idle = await uploader.send_all(long_song), await uploader.send_all(long_song)
    await perform(uploader.ctx, uploads.cancel, upload_id=cancelled.upload_id)
    async with in_s3.pool.connection() as connection:
        await connection.execute("update upload_sessions set expires_at = now() - interval '1 hour'")
    assert await keys(in_s3) == {f"incoming/{idle.upload_id}"}
    await perform(Context(in_s3), uploads.tidy)
    assert await keys(in_s3) == set()


async def test_while_s3_is_away_uploads_wait_and_then_go_on(
    uploader: Uploader, in_s3: Floor, long_song: bytes
) -> None:
    begun = await uploader.begin(long_song)
    await uploader.send(begun, 0, long_song)
    away = S3Storage.from_url(f"s3://key:secret@{BUCKET}?endpoint=http://127.0.0.1:9")
    without = Uploader(
        lambda person=None, session=None: Context(replace(in_s3, storage=away), person=person),
        uploader.person,
    )
    with pytest.raises(StorageAway) as refused:
        await without.send(begun, 1, long_song)
    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    with pytest.raises(StorageAway):
        await without.begin(long_song)
    async with in_s3.pool.connection() as connection:
        await connection.execute("update upload_chunks set lease_until = now() where lease is not null")
    await uploader.send(begun, 1, long_song)
    await uploader.complete(begun.upload_id)
    await Hands(replace(in_s3, storage=away)).do()
    assert (await uploader.get(begun.upload_id)).status == "assembling"
    async with in_s3.pool.connection() as connection:
        await connection.execute("update jobs set run_at = now()")
    await Hands(in_s3).do()
    assert (await uploader.get(begun.upload_id)).status == "ready"
    await away.close()


async def test_what_was_checked_is_what_is_kept(uploader: Uploader, in_s3: Floor) -> None:
    """A presigned URL can be used twice; the second body must not slip in behind the check."""
    storage = in_s3.storage

    async def body(content: bytes) -> AsyncIterator[bytes]:
        yield content

    async def put(content: bytes) -> None:
        await storage.begin("incoming/x")
        await storage.write_at("incoming/x", 0, body(content), len(content))
        await storage.seal("incoming/x")

    await put(b"checked")
    async with storage.local_path("incoming/x"):
        await put(b"slipped in")
    with pytest.raises(ObjectChanged):
        await storage.finish("incoming/x", "media/x")
    assert await storage.size("media/x") is None
