"""What is cleared away, and above all what is not."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.tutti.uploads.conftest import CHUNK, Hands, Uploader, stored_files
from tutti import library, uploads
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.storage import Storage
from tutti.uploads.model import media_key

CONTENT = os.urandom(CHUNK)


async def tidy(floor: Floor) -> None:
    await perform(Context(floor), uploads.tidy)


async def put(storage: Storage, key: str, content: bytes = b"sound", *, days_old: float = 0) -> Path:
    async def body() -> Any:
        yield content

    await storage.begin(key)
    await storage.write_at(key, 0, body(), len(content))
    async with storage.local_path(key) as path:
        then = time.time() - days_old * 86_400
        os.utime(path, (then, then))
    return path


async def test_an_idle_upload_ends_and_its_owner_is_told(
    uploader: Uploader, floor: Floor, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    idle, busy = await uploader.send_all(CONTENT), await uploader.send_all(CONTENT)
    async with floor.pool.connection() as connection:
        await connection.execute(
            "update upload_sessions set expires_at = now() - interval '1 second' where id = $1",
            idle.upload_id,
        )
    heard.clear()
    await tidy(floor)
    assert (await uploader.get(idle.upload_id)).status == "expired"
    assert (await uploader.get(busy.upload_id)).status == "uploading"
    assert set(stored_files(floor)) == {f"incoming/{busy.upload_id}"}
    assert [(body["params"]["uploadId"], body["params"]["stage"]) for _, body in heard] == [
        (str(idle.upload_id), "expired")
    ]


async def test_bytes_of_uploads_that_are_over_go_at_once(uploader: Uploader, floor: Floor) -> None:
    over = await uploader.send_all(CONTENT)
    async with floor.pool.connection() as connection:
        await connection.execute("update upload_sessions set status = 'cancelled'")
    await put(floor.storage, f"incoming/{uuid4()}")
    await put(floor.storage, "incoming/not-an-id")
    await tidy(floor)
    assert set(stored_files(floor)) == {"incoming/not-an-id"}
    assert over.uploaded_chunks == [0]


async def test_bytes_that_a_worker_needs_stay(uploader: Uploader, hands: Hands, floor: Floor) -> None:
    sent = await uploader.send_all(CONTENT)
    await uploader.complete(sent.upload_id)
    await tidy(floor)
    assert set(stored_files(floor)) == {f"incoming/{sent.upload_id}"}


async def test_a_file_without_a_song_goes_after_a_day(
    uploader: Uploader, hands: Hands, floor: Floor, song_bytes: bytes
) -> None:
    """Renamed, and then its upload was ended before the commit."""
    left, young = b"left over", b"young"
    for content, days in ((left, 2), (young, 0.5)):
        sent = await uploader.send_all(content)
        digest = hashlib.sha256(content).digest()
        async with floor.pool.connection() as connection:
            await connection.execute(
                "update upload_sessions set status = 'cancelled', content_sha256 = $2 where id = $1",
                sent.upload_id,
                digest,
            )
        await put(floor.storage, media_key(digest), content, days_old=days)
    song = await uploader.send_all(song_bytes)
    await uploader.complete(song.upload_id)
    await hands.do()
    kept = media_key(hashlib.sha256(song_bytes).digest())
    async with floor.storage.local_path(kept) as path:
        os.utime(path, (1, 1))
    await tidy(floor)
    assert set(stored_files(floor)) == {kept, media_key(hashlib.sha256(young).digest())}


async def test_a_file_that_no_upload_knows_is_left_where_it_is(uploader: Uploader, floor: Floor) -> None:
    """After restoring yesterday's backup it may be today's music."""
    unknown = media_key(hashlib.sha256(b"today's").digest())
    await put(floor.storage, unknown, days_old=30)
    await put(floor.storage, "media/readme", days_old=30)
    await tidy(floor)
    assert set(stored_files(floor)) == {unknown, "media/readme"}


async def test_content_that_somebody_is_uploading_again_stays(uploader: Uploader, floor: Floor) -> None:
    digest = hashlib.sha256(CONTENT).digest()
    over, working = await uploader.send_all(CONTENT), await uploader.send_all(CONTENT)
    async with floor.pool.connection() as connection:
        await connection.execute("update upload_sessions set content_sha256 = $1", digest)
        await connection.execute(
            "update upload_sessions set status = case when id = $1 then 'cancelled' else 'indexing' end",
            over.upload_id,
        )
    await put(floor.storage, media_key(digest), CONTENT, days_old=2)
    await tidy(floor)
    assert media_key(digest) in stored_files(floor)
    assert f"incoming/{working.upload_id}" in stored_files(floor)


async def test_uploads_that_are_long_over_are_forgotten(uploader: Uploader, floor: Floor) -> None:
    old, recent, running = [await uploader.begin(CONTENT) for _ in range(3)]
    async with floor.pool.connection() as connection:
        await connection.execute("update upload_sessions set updated_at = now() - interval '31 days'")
        await connection.execute(
            "update upload_sessions set status = 'cancelled' where id <> $1", running.upload_id
        )
        await connection.execute(
            "update upload_sessions set updated_at = now() where id = $1", recent.upload_id
        )
    await tidy(floor)
    async with floor.pool.connection() as connection:
        left = {row["id"] for row in await connection.fetch("select id from upload_sessions")}
    assert left == {recent.upload_id, running.upload_id}
    assert old.upload_id not in left


async def test_a_deleted_song_is_not_swept_but_by_the_library(
    uploader: Uploader, hands: Hands, floor: Floor, song_bytes: bytes
) -> None:
    sent = await uploader.send_all(song_bytes)
    await uploader.complete(sent.upload_id)
    await hands.do()
    done = await uploader.get(sent.upload_id)
    assert done.song_id is not None
    await perform(uploader.ctx, library.delete_song, song_id=done.song_id)
    key = media_key(hashlib.sha256(song_bytes).digest())
    async with floor.storage.local_path(key) as path:
        os.utime(path, (1, 1))
    await tidy(floor)
    assert set(stored_files(floor)) == {key}


@pytest.mark.parametrize("status", ["pending", "uploading", "assembling", "checking", "indexing"])
async def test_every_open_state_keeps_its_bytes(uploader: Uploader, floor: Floor, status: str) -> None:
    sent = await uploader.send_all(CONTENT)
    async with floor.pool.connection() as connection:
        await connection.execute("update upload_sessions set status = $1", status)
    await tidy(floor)
    assert set(stored_files(floor)) == {f"incoming/{sent.upload_id}"}
