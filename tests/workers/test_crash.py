"""Workers that are killed, stopped and woken, as processes of their own."""

import asyncio
import hashlib
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.audio_files import AudioFile
from tests.conftest import ContextOf
from tests.running import Process, Worker, changed
from tests.tutti.uploads.conftest import Uploader, stored_files
from tests.workers.conftest import Rows
from tutti import library, uploads
from tutti.command import perform
from tutti.context import Floor, Person
from tutti.settings import Settings
from tutti.uploads import UploadState

ROUNDS = 4
AT_ONCE = 4


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    """A lease that ends soon after its worker."""
    return changed(settings, job_lease_s=1.0, worker_threads=3)


@pytest.fixture
def uploader(context_of: ContextOf, someone: Person) -> Uploader:
    return Uploader(context_of, someone)


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.stop()


async def until(found: Callable[[], Any], within_s: float = 180) -> Any:
    """The first true answer."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not (answer := await found()):
        assert loop.time() < deadline, "it took too long"
        await asyncio.sleep(0.02)
    return answer


async def test_a_worker_killed_at_random_moments_loses_and_doubles_nothing(
    hasty: Settings, floor: Floor, uploader: Uploader, audio_file: AudioFile, rows: Rows
) -> None:
    files = [audio_file("mp3", 3.0, hertz=300 + 10 * n).read_bytes() for n in range(ROUNDS * AT_ONCE)]
    digests = {hashlib.sha256(content).hexdigest() for content in files}
    assert len(digests) == len(files)
    moments = random.Random(20260301)
    worker, sent = Worker(hasty), []
    with running(worker.relay, worker.worker):
        for start in range(0, len(files), AT_ONCE):
            some = [await uploader.send_all(content) for content in files[start : start + AT_ONCE]]
            for upload in some:
                await uploader.complete(upload.upload_id)
            await until(lambda: some_are("running", floor))
            await asyncio.sleep(moments.uniform(0, 0.1))
            worker.worker.kill()
            worker.worker.start()
            sent += some
        states = await until(lambda: all_ended(uploader, sent))
    assert [(state.status, state.problem) for state in states] == [("ready", None)] * len(files)
    songs = (await perform(uploader.ctx, library.browse_songs)).items
    assert len({song.id for song in songs}) == len(songs) == len(files)
    assert sum(row["attempts"] for row in await rows.all("uploads.ingest")) > len(files), "no kill hit a job"
    await perform(uploader.ctx, uploads.tidy)
    assert stored_files(floor) == {f"media/{digest[:2]}/{digest}": digest for digest in digests}


async def test_a_worker_that_sleeps_through_its_lease_adds_nothing_when_it_wakes(
    hasty: Settings, floor: Floor, uploader: Uploader, audio_file: AudioFile, rows: Rows
) -> None:
    content = audio_file("mp3", 3.0, hertz=777).read_bytes()
    sleepy, relay, awake = (
        Process("workers", hasty),
        Process("workers.relay", hasty),
        Process("workers", hasty),
    )
    with running(relay, sleepy):
        upload = await uploader.send_all(content)
        await uploader.complete(upload.upload_id)
        await until(lambda: some_are("running", floor))
        sleepy.kill(signal.SIGSTOP)
        with running(awake):
            (state,) = await until(lambda: all_ended(uploader, [upload]))
            sleepy.kill(signal.SIGCONT)
            await asyncio.sleep(2)
    assert state.status == "ready"
    assert len((await perform(uploader.ctx, library.browse_songs)).items) == 1
    (row,) = await rows.all("uploads.ingest")
    assert (row["state"], row["fence"] >= 1) == ("done", True)
    assert len(stored_files(floor)) == 1


async def test_jobs_survive_a_redis_that_lost_everything(
    hasty: Settings, floor: Floor, uploader: Uploader, audio_file: AudioFile
) -> None:

    content = audio_file("mp3", 3.0, hertz=888).read_bytes()
    relay, worker = Process("workers.relay", hasty), Process("workers", hasty)
    with running(relay):
        upload = await uploader.send_all(content)
        await uploader.complete(upload.upload_id)
        await until(lambda: some_are("sent", floor))
        async with Redis.from_url(hasty.redis_url) as client:
            async for key in client.scan_iter(f"{hasty.redis_namespace}:jobs:*"):
                await client.delete(key)
        with running(worker):
            (state,) = await until(lambda: all_ended(uploader, [upload]))
    assert state.status == "ready"


async def test_every_part_stops_when_it_is_asked_to(hasty: Settings, floor: Floor) -> None:
    processes = [Process(name, hasty) for name in ("workers", "workers.relay", "workers.schedule")]
    with running(*processes):
        await until(lambda: all_are_at_work(floor))
        for process in processes:
            process.kill(signal.SIGTERM)
    codes = [process._process.returncode for process in processes if process._process is not None]
    assert codes == [0, 0, 0]


async def all_are_at_work(floor: Floor) -> bool:
    """A job was enqueued by the clock, sent by the relay and done by the worker."""
    async with floor.pool.connection() as connection:
        return bool(await connection.fetchval("select count(*) from jobs where state = 'done'"))


async def some_are(state: str, floor: Floor) -> bool:
    async with floor.pool.connection() as connection:
        found = await connection.fetchval(
            "select count(*) from jobs where name = 'uploads.ingest' and state = $1", state
        )
        left = await connection.fetchval("select count(*) from jobs where state not in ('done', 'failed')")
    return bool(found) or not left


async def all_ended(uploader: Uploader, sent: list[UploadState]) -> list[UploadState] | None:
    states = [await uploader.get(upload.upload_id) for upload in sent]
    return states if all(state.status in ("ready", "failed") for state in states) else None
