"""Both storages keep one contract: the local disk, and S3 as moto's server speaks it on loopback."""

import asyncio
import errno
import hashlib
import os
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from moto.server import ThreadedMotoServer

from tutti.errors import StorageFull, TooLarge
from tutti.settings import Settings
from tutti.storage import BLOCK, Storage, checked, in_thread, open_storage
from tutti.storage_local import LocalStorage
from tutti.storage_s3 import LEAST_PART, S3Storage, StorageAway

PART = LEAST_PART


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def s3(s3_endpoint: str, request: pytest.FixtureRequest) -> AsyncIterator[S3Storage]:
    bucket = f"b{abs(hash(request.node.nodeid))}"
    found = S3Storage.from_url(f"s3://key:secret@{bucket}/tutti?endpoint={s3_endpoint}")
    await (await found._client()).create_bucket(Bucket=bucket)
    yield found
    await found.close()


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "media")
    found: Storage = request.getfixturevalue("s3")
    return found


async def pieces(content: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def whole(storage: Storage, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([block async for block in storage.read(key, start, length)])


async def test_parts_in_any_order_become_one_object(storage: Storage) -> None:
    content = os.urandom(2 * PART + 1000)
    await storage.begin("incoming/a")
    written = [
        await storage.write_at("incoming/a", at, pieces(content[at : at + PART]), PART)
        for at in (2 * PART, 0, PART)
    ]
    assert [each.size for each in written] == [1000, PART, PART]
    assert written[1].sha256 == hashlib.sha256(content[:PART]).digest()
    await storage.seal("incoming/a")
    await storage.seal("incoming/a")
    await storage.finish("incoming/a", "media/ab/abc")
    assert await storage.size("incoming/a") is None
    assert await storage.size("media/ab/abc") == len(content)
    assert await whole(storage, "media/ab/abc") == content


async def test_parts_in_parallel_keep_their_places(storage: Storage) -> None:
    content = os.urandom(4 * PART)
    await storage.begin("incoming/p")
    await asyncio.gather(
        *(
            storage.write_at("incoming/p", at, pieces(content[at : at + PART]), PART)
            for at in range(0, 4 * PART, PART)
        )
    )
    await storage.seal("incoming/p")
    assert await whole(storage, "incoming/p") == content


async def test_a_part_sent_again_replaces_the_former(storage: Storage) -> None:
    await storage.begin("incoming/r")
    await storage.write_at("incoming/r", 0, pieces(b"wrong!"), 10)
    await storage.write_at("incoming/r", 0, pieces(b"right!"), 10)
    await storage.seal("incoming/r")
    assert await whole(storage, "incoming/r") == b"right!"


async def test_a_range_is_read_without_the_rest(storage: Storage) -> None:
    content = bytes(range(256)) * 3000
    await put(storage, "media/x", content)
    assert await whole(storage, "media/x", 100, 5) == content[100:105]
    assert await whole(storage, "media/x", BLOCK - 3, BLOCK + 9) == content[BLOCK - 3 : 2 * BLOCK + 6]
    assert await whole(storage, "media/x", len(content) - 2) == content[-2:]
    assert await whole(storage, "media/x", 7, 0) == b""


async def test_more_bytes_than_announced_are_refused(storage: Storage) -> None:
    await storage.begin("incoming/big")
    with pytest.raises(TooLarge):
        await storage.write_at("incoming/big", 0, pieces(b"x" * 100_001), 100_000)


async def test_what_is_not_there_says_so(storage: Storage) -> None:
    assert await storage.size("media/none") is None
    with pytest.raises(FileNotFoundError):
        await whole(storage, "media/none")
    with pytest.raises(FileNotFoundError):
        await storage.write_at("incoming/none", 0, pieces(b"x"), 1)
    with pytest.raises(FileNotFoundError):
        async with storage.local_path("media/none"):
            pass
    await storage.delete("media/none")


async def test_a_local_path_shows_the_same_bytes(storage: Storage) -> None:
    await put(storage, "media/x", b"sound")
    async with storage.local_path("media/x") as path:
        assert path.read_bytes() == b"sound"


async def test_deleting_forgets_finished_and_unfinished(storage: Storage) -> None:
    await put(storage, "media/x", b"sound")
    await storage.begin("incoming/y")
    await storage.delete("media/x")
    await storage.delete("incoming/y")
    assert [each.key async for each in storage.stored("media/")] == []
    assert [each.key async for each in storage.stored("incoming/")] == []


async def test_a_listing_shows_everything_below_its_prefix(storage: Storage) -> None:
    await put(storage, "media/ab/one", b"1")
    await put(storage, "media/cd/two", b"22")
    await storage.begin("incoming/three")
    assert [(each.key, each.size) async for each in storage.stored("media/")] == [
        ("media/ab/one", 1),
        ("media/cd/two", 2),
    ]
    assert [each.key async for each in storage.stored("incoming/")] == ["incoming/three"]


@pytest.mark.parametrize(
    "key", ["../etc/passwd", "/etc/passwd", "media/../../x", "media//x", "", "a/.", "A", "a.b"]
)
def test_a_key_cannot_leave_its_folder(key: str) -> None:
    with pytest.raises(ValueError, match="no storage key"):
        checked(key)


async def put(storage: Storage, key: str, content: bytes) -> None:
    await storage.begin(key)
    await storage.write_at(key, 0, pieces(content), len(content))
    await storage.seal(key)


# ── the local disk ────────────────────────────────────────────────────────────────────────────────────────


async def test_files_are_private(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "media")
    await put(storage, "media/ab/x", b"sound")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "media").rglob("*")}
    assert modes == {0o600, 0o700}


async def test_finishing_renames_and_copies_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    await put(storage, "incoming/x", b"sound")
    before = (tmp_path / "incoming/x").stat().st_ino
    await storage.finish("incoming/x", "media/ab/x")
    assert (tmp_path / "media/ab/x").stat().st_ino == before


async def test_a_full_disk_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    """A file-size limit stands for the full disk: the kernel refuses the same write."""
    storage = LocalStorage(tmp_path)
    await storage.begin("incoming/x")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK, former[1]))
    try:
        with pytest.raises(StorageFull):
            await storage.write_at("incoming/x", 0, pieces(b"x" * 4 * BLOCK), 4 * BLOCK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    written = await storage.write_at("incoming/x", 0, pieces(b"y" * 4 * BLOCK), 4 * BLOCK)
    assert written.size == 4 * BLOCK


async def test_no_space_while_syncing_is_a_problem_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    storage = LocalStorage(tmp_path)
    await storage.begin("incoming/x")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFull):
        await storage.write_at("incoming/x", 0, pieces(b"x"), 1)


async def test_a_cancelled_write_ends_its_thread_before_its_file_is_closed() -> None:
    entered, ended, release = asyncio.Event(), [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        ended.append(True)

    task = asyncio.create_task(in_thread(work))
    await entered.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    loop.call_later(0.05, release.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_the_room_is_that_of_the_disk(tmp_path: Path) -> None:
    room = await LocalStorage(tmp_path / "not" / "yet" / "there").room()
    assert room is not None
    assert 0 < room.free <= room.total


# ── S3 ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_presigned_put_binds_length_and_type_and_arrives(s3: S3Storage) -> None:
    signed = await s3.signed_put("incoming/direct", 5, "audio/mpeg", 900)
    assert signed is not None
    query = parse_qs(urlsplit(signed.url).query)
    assert set(query["X-Amz-SignedHeaders"][0].split(";")) == {"content-length", "content-type", "host"}
    assert query["X-Amz-Expires"] == ["900"]
    async with (
        aiohttp.ClientSession() as client,
        client.put(signed.url, data=b"sound", headers=signed.headers) as answer,
    ):
        assert answer.status == 200
    await s3.seal("incoming/direct")
    assert await whole(s3, "incoming/direct") == b"sound"


async def test_a_storage_that_does_not_answer_is_unavailable() -> None:
    away = S3Storage.from_url("s3://key:secret@bucket?endpoint=http://127.0.0.1:9")
    with pytest.raises(StorageAway) as refused:
        await away.size("media/x")
    assert refused.value.retry_after == 5
    await away.close()


async def test_a_missing_bucket_is_unavailable_and_not_an_empty_one(s3_endpoint: str) -> None:
    nowhere = S3Storage.from_url(f"s3://key:secret@nobodys?endpoint={s3_endpoint}")
    with pytest.raises(StorageAway):
        await nowhere.begin("incoming/x")
    await nowhere.close()


# ── the URL ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_url_decides_where_music_is_kept(tmp_path: Path) -> None:
    def opened(url: str) -> Any:
        return open_storage(Settings(data_dir=str(tmp_path), storage_url=url))

    assert opened("").root == tmp_path / "media"
    assert opened("file:///srv/my%20music").root == Path("/srv/my music")
    assert isinstance(opened("s3://bucket/prefix?endpoint=http://127.0.0.1:1"), S3Storage)
    for wrong in ("ftp://x", "s3://", "file://", "/srv/music"):
        with pytest.raises(ValueError, match="STORAGE_URL"):
            opened(wrong)
