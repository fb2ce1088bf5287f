"""From bytes to a song: the right ones once, the wrong ones never, whatever dies on the way."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.audio_files import FORMATS, AudioFile
from tests.running import changed
from tests.tutti.uploads.conftest import CHUNK, JOBS, Hands, Uploader, stored_files
from tutti import event, library, search, uploads
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.uploads import UploadState, jobs
from tutti.uploads.problems import BytesLost, GaveUp, WrongDigest
from workers.running import Runner


async def taken_in(uploader: Uploader, hands: Hands, content: bytes, **wishes: Any) -> UploadState:
    sent = await uploader.send_all(content, **wishes)
    await uploader.complete(sent.upload_id)
    await hands.do()
    return await uploader.get(sent.upload_id)


async def test_an_upload_becomes_a_song_that_is_found(
    uploader: Uploader, hands: Hands, song_bytes: bytes, floor: Floor
) -> None:
    done = await taken_in(uploader, hands, song_bytes)
    assert (done.status, done.problem, done.received) == ("ready", None, len(song_bytes))
    song = await perform(uploader.ctx, library.show_song, song_id=done.song_id)
    assert (song.title, song.artist, song.album, song.duration_ms // 1000) == (
        "Widmung",
        "Robert Schumann",
        "Myrthen",
        40,
    )
    found = await perform(uploader.ctx, search.find, q="widmung", type="song")
    assert [item.id for item in found.items] == [str(done.song_id)]
    digest = hashlib.sha256(song_bytes).hexdigest()
    assert stored_files(floor) == {f"media/{digest[:2]}/{digest}": digest}


@pytest.mark.parametrize("form", FORMATS)
async def test_every_format_becomes_a_song(
    form: str, uploader: Uploader, hands: Hands, audio_file: AudioFile
) -> None:
    content = audio_file(form, 2.0).read_bytes()
    done = await taken_in(uploader, hands, content, file_name="Lied ohne Worte.bin", mime_type="text/plain")
    assert done.status == "ready"
    song = await perform(uploader.ctx, library.show_song, song_id=done.song_id)
    assert (song.suffix, song.title) == (form, "Lied ohne Worte")


async def test_the_same_content_twice_is_one_song_and_one_file(
    uploader: Uploader, somebody_else: Uploader, hands: Hands, song_bytes: bytes, floor: Floor
) -> None:
    first = await taken_in(uploader, hands, song_bytes)
    again = await taken_in(uploader, hands, song_bytes)
    theirs = await taken_in(somebody_else, hands, song_bytes)
    assert again.song_id == first.song_id
    assert theirs.song_id != first.song_id
    assert theirs.file_id == first.file_id
    assert len(stored_files(floor)) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"It was a dark and stormy night. " * 20_000, "not_audio"), (b"\xff", "not_audio")],
    ids=["a text named .mp3", "one byte"],
)
async def test_what_is_no_music_leaves_nothing_behind(
    uploader: Uploader, hands: Hands, floor: Floor, content: bytes, problem: str
) -> None:
    failed = await taken_in(uploader, hands, content)
    assert (failed.status, failed.problem, failed.song_id) == ("failed", problem, None)
    assert failed.detail is not None
    assert "MP3, FLAC" in failed.detail
    assert stored_files(floor) == {}
    assert (await perform(uploader.ctx, library.browse_songs)).items == []


async def test_a_wrong_digest_is_refused(
    uploader: Uploader, hands: Hands, song_bytes: bytes, floor: Floor
) -> None:
    failed = await taken_in(uploader, hands, song_bytes, sha256="ab" * 32)
    assert (failed.status, failed.detail) == ("failed", WrongDigest.sentence)
    assert stored_files(floor) == {}


async def test_a_chunk_overwritten_by_a_straggler_is_noticed(
    uploader: Uploader, hands: Hands, song_bytes: bytes, floor: Floor
) -> None:
    """Even without a digest of the whole: every chunk must still be what was acknowledged."""
    sent = await uploader.send_all(song_bytes)
    path = Path(floor.settings.data) / "media" / "incoming" / str(sent.upload_id)
    with path.open("r+b") as file:
        file.seek(CHUNK + 10)
        file.write(b"?")
    await uploader.complete(sent.upload_id)
    await hands.do()
    assert (await uploader.get(sent.upload_id)).problem == "wrong_digest"


async def test_lost_bytes_fail_with_a_reason(
    uploader: Uploader, hands: Hands, song_bytes: bytes, floor: Floor
) -> None:
    sent = await uploader.send_all(song_bytes)
    await uploader.complete(sent.upload_id)
    shutil.rmtree(Path(floor.settings.data) / "media")
    await hands.do()
    assert (await uploader.get(sent.upload_id)).detail == BytesLost.sentence


async def test_the_quota_is_checked_at_the_end_too(
    uploader: Uploader, song_bytes: bytes, floor: Floor
) -> None:
    sent = await uploader.send_all(song_bytes)
    await uploader.complete(sent.upload_id)
    poor = replace(floor, settings=changed(floor.settings, upload_quota_bytes=len(song_bytes) - 1))
    await Hands(poor).do()
    assert (await uploader.get(sent.upload_id)).problem == "quota_used_up"


async def test_cancelling_wins_over_a_worker_until_its_commit(
    uploader: Uploader, hands: Hands, song_bytes: bytes, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled_meanwhile(ctx: Context, upload: Any, digest: bytes, probe: Any) -> None:
        await perform(uploader.ctx, uploads.cancel, upload_id=upload.id)
        await add_song(ctx, upload, digest, probe)

    add_song = jobs._add_song
    monkeypatch.setattr(jobs, "_add_song", cancelled_meanwhile)
    done = await taken_in(uploader, hands, song_bytes)
    assert (done.status, done.song_id) == ("cancelled", None)
    assert stored_files(floor) == {}
    assert (await perform(uploader.ctx, library.browse_songs)).items == []


STEPS = ["_where", "_verified", "_add_song", "_move", "library.add_song", "library.file_of_song", "tell"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_job_that_dies_at_any_step_is_done_by_the_next(
    *,
    uploader: Uploader,
    hands: Hands,
    song_bytes: bytes,
    floor: Floor,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    moment: str,
) -> None:
    """The process that dies is played by an exception; the real kill -9 is in tests/workers/test_crash.py."""
    place: Any = library if step.startswith("library.") else jobs
    name = step.removeprefix("library.")
    with monkeypatch.context() as patch:
        patch.setattr(place, name, dying(getattr(place, name), moment))
        sent = await uploader.send_all(song_bytes)
        await uploader.complete(sent.upload_id)
        await hands.do()
        assert (await uploader.get(sent.upload_id)).status in ("assembling", "checking", "indexing")
    async with floor.pool.connection() as connection:
        await connection.execute("update jobs set run_at = now()")
    await hands.do()
    done = await uploader.get(sent.upload_id)
    assert done.status == "ready"
    digest = hashlib.sha256(song_bytes).hexdigest()
    assert stored_files(floor) == {f"media/{digest[:2]}/{digest}": digest}
    assert len((await perform(uploader.ctx, library.browse_songs)).items) == 1


def dying(step: Callable[..., Any], moment: str) -> Callable[..., Any]:
    """The step, with an end before or after it."""

    async def slow(*arguments: Any, **named: Any) -> Any:
        if moment == "after":
            await step(*arguments, **named)
        raise InterruptedError("the power is gone")

    def quick(*arguments: Any, **named: Any) -> Any:
        if moment == "after":
            step(*arguments, **named)
        raise InterruptedError("the power is gone")

    return slow if asyncio.iscoroutinefunction(step) else quick


async def test_two_workers_on_one_upload_make_one_song(
    uploader: Uploader, hands: Hands, song_bytes: bytes, floor: Floor
) -> None:
    """The second one took the job over while the first one slept; the first one's commit comes too late."""
    sent = await uploader.send_all(song_bytes)
    await uploader.complete(sent.upload_id)
    (job_id,) = await hands.waiting("uploads.ingest")
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def sleepy(ctx: Context, upload_id: UUID) -> None:
        arrived.set()
        await go_on.wait()
        await jobs.ingest(ctx, upload_id)

    slow = {"uploads.ingest": JOBS["uploads.ingest"]._replace(function=sleepy)}
    first = asyncio.create_task(Runner(floor, slow).run(job_id))
    await arrived.wait()
    async with floor.pool.connection() as connection:
        await connection.execute("update jobs set state = 'queued', lease_until = null")
    await hands.do()
    go_on.set()
    await first
    assert (await uploader.get(sent.upload_id)).status == "ready"
    assert len((await perform(uploader.ctx, library.browse_songs)).items) == 1


async def test_a_job_that_never_works_is_told_to_the_owner(
    uploader: Uploader, hands: Hands, song_bytes: bytes, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> str:
        raise RuntimeError("out of order")

    monkeypatch.setattr(jobs, "_where", broken)
    sent = await uploader.send_all(song_bytes)
    await uploader.complete(sent.upload_id)
    for _ in range(JOBS["uploads.ingest"].max_attempts):
        async with floor.pool.connection() as connection:
            await connection.execute("update jobs set run_at = now()")
        await hands.do()
    failed = await uploader.get(sent.upload_id)
    assert (failed.status, failed.problem, failed.detail) == ("failed", "gave_up", GaveUp.sentence)
    async with floor.pool.connection() as connection:
        row = await connection.fetchrow(
            "select state, attempts, error from jobs where name = 'uploads.ingest'"
        )
    assert (row["state"], row["attempts"]) == ("failed", 5)
    assert "out of order" in row["error"]


async def test_every_step_is_told_to_all_devices(
    uploader: Uploader, hands: Hands, song_bytes: bytes, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    done = await taken_in(uploader, hands, song_bytes)
    mine = [(topic, body) for topic, body in heard if body.get("method") == "upload.progress"]
    assert {topic for topic, _ in mine} == {event.person(uploader.person.id)}
    stages = [body["params"]["stage"] for _, body in mine]
    assert list(dict.fromkeys(stages)) == ["uploading", "assembling", "checking", "indexing", "ready"]
    last = mine[-1][1]["params"]
    assert last["songId"] == str(done.song_id)
    assert last["received"] == last["total"] == len(song_bytes)
    news = [body["params"] for _, body in heard if body.get("method") == "library.changed"]
    assert [each["songId"] for each in news] == [str(done.song_id)] * len(news)
    assert news


async def test_progress_is_told_ten_times_a_second_at_most(
    uploader: Uploader, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    content = os.urandom(40 * CHUNK)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await uploader.send_all(content)
    took = loop.time() - began
    told = [body for _, body in heard if body.get("method") == "upload.progress"]
    assert 1 <= len(told) <= took * 10 + 2
    assert told[-1]["params"]["received"] == len(content)
