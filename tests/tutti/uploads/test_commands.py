"""Beginning, looking after, completing and cancelling an upload."""

import asyncio
import hashlib
import os
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from tests.conftest import ContextOf
from tests.running import changed
from tests.tutti.uploads.conftest import CHUNK, Hands, Uploader, stored_files
from tutti import uploads
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.errors import Invalid, Problem, SignInNeeded, StorageFull
from tutti.storage import Room
from tutti.uploads.problems import (
    BadFileName,
    ChunksMissing,
    EmptyFile,
    FileTooLarge,
    GuestsDoNotUpload,
    NoSuchUpload,
    QuotaUsedUp,
    TooManyUploads,
    UploadClosed,
    UploadOver,
)

CONTENT = os.urandom(2 * CHUNK + 100)


async def test_an_upload_begins_with_its_chunks_laid_out(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT, metadata={"from": "a shelf"})
    assert (begun.chunk_size, begun.total_chunks, begun.uploaded_chunks) == (CHUNK, 3, [])
    assert (begun.status, begun.received, begun.metadata) == ("pending", 0, {"from": "a shelf"})
    assert 23 < (begun.expires_at - begun.created_at).total_seconds() / 3600 < 25
    assert await uploader.get(begun.upload_id) == begun


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({"file_size": 0}, EmptyFile),
        ({"file_size": -1}, Invalid),
        ({"file_size": 2 * 1024**3 + 1}, FileTooLarge),
        ({"file_name": "../../etc/passwd"}, BadFileName),
        ({"file_name": ""}, BadFileName),
        ({"sha256": "no digest"}, Invalid),
        ({"mime_type": "a" * 101}, Invalid),
        ({"metadata": {"x": "y" * 5000}}, Invalid),
    ],
)
async def test_what_cannot_become_a_song_is_refused_with_a_sentence(
    uploader: Uploader, floor: Floor, wish: dict[str, Any], refusal: type[Problem]
) -> None:
    with pytest.raises(refusal) as refused:
        await uploader.begin(CONTENT, **wish)
    said = refused.value.errors[0]["detail"] if refused.value.errors else refused.value.sentence
    assert len(said) > 15
    assert stored_files(floor) == {}
    assert (await perform(uploader.ctx, uploads.unfinished)).items == []


async def test_strangers_begin_nothing(context_of: ContextOf) -> None:
    with pytest.raises(SignInNeeded):
        await perform(context_of(), uploads.init, file_name="a.mp3", file_size=1)


async def test_guests_add_no_music(context_of: ContextOf, someone: Person) -> None:
    guest = msgspec.structs.replace(someone, role="guest")
    for command in (uploads.init, uploads.presigned_url):
        with pytest.raises(GuestsDoNotUpload):
            await perform(context_of(guest), command, file_name="a.mp3", file_size=1)


async def test_nobody_sees_or_ends_anothers_upload(uploader: Uploader, somebody_else: Uploader) -> None:
    mine = await uploader.begin(CONTENT)
    for command in (uploads.get, uploads.complete, uploads.cancel):
        with pytest.raises(NoSuchUpload):
            await perform(somebody_else.ctx, command, upload_id=mine.upload_id)
        with pytest.raises(NoSuchUpload):
            await perform(uploader.ctx, command, upload_id=uuid4())
    assert (await perform(somebody_else.ctx, uploads.unfinished)).items == []


async def test_unfinished_uploads_are_listed_page_by_page(uploader: Uploader) -> None:
    begun = [(await uploader.begin(CONTENT, file_name=f"{n}.mp3")).upload_id for n in range(5)]
    first = await perform(uploader.ctx, uploads.unfinished, limit=3)
    rest = await perform(uploader.ctx, uploads.unfinished, limit=3, cursor=first.next_cursor)
    assert [each.upload_id for each in [*first.items, *rest.items]] == begun
    assert rest.next_cursor is None
    for limit in (0, 201):
        with pytest.raises(Invalid):
            await perform(uploader.ctx, uploads.unfinished, limit=limit)
    with pytest.raises(Invalid):
        await perform(uploader.ctx, uploads.unfinished, cursor="not ours")


async def test_an_interrupted_upload_tells_what_is_there(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    await uploader.send(begun, 2, CONTENT)
    await uploader.send(begun, 0, CONTENT)
    found = (await perform(uploader.ctx, uploads.unfinished)).items[0]
    assert (found.uploaded_chunks, found.received, found.status) == ([0, 2], CHUNK + 100, "uploading")


async def test_completing_needs_every_chunk_and_names_the_missing(uploader: Uploader, hands: Hands) -> None:
    begun = await uploader.begin(CONTENT)
    await uploader.send(begun, 1, CONTENT)
    with pytest.raises(ChunksMissing) as refused:
        await uploader.complete(begun.upload_id)
    assert refused.value.details == {"missing": [0, 2], "missing_count": 2}
    assert await hands.waiting("uploads.ingest") == []


async def test_completing_twice_makes_one_job(uploader: Uploader, hands: Hands) -> None:
    sent = await uploader.send_all(CONTENT)
    first, second = await uploader.complete(sent.upload_id), await uploader.complete(sent.upload_id)
    assert first.status == second.status == "assembling"
    assert len(await hands.waiting("uploads.ingest")) == 1


async def test_many_who_complete_at_once_make_one_job(uploader: Uploader, hands: Hands) -> None:
    sent = await uploader.send_all(CONTENT)
    answers = await asyncio.gather(*(uploader.complete(sent.upload_id) for _ in range(8)))
    assert {answer.status for answer in answers} == {"assembling"}
    assert len(await hands.waiting("uploads.ingest")) == 1


async def test_cancelling_forgets_the_bytes_and_can_be_repeated(uploader: Uploader, floor: Floor) -> None:
    sent = await uploader.send_all(CONTENT)
    assert len(stored_files(floor)) == 1
    for _ in range(2):
        await perform(uploader.ctx, uploads.cancel, upload_id=sent.upload_id)
    assert stored_files(floor) == {}
    assert (await uploader.get(sent.upload_id)).status == "cancelled"
    with pytest.raises(UploadOver):
        await uploader.complete(sent.upload_id)
    with pytest.raises(UploadOver):
        await uploader.send(sent, 0, CONTENT)


async def test_a_chunk_after_completing_is_refused(uploader: Uploader) -> None:
    sent = await uploader.send_all(CONTENT)
    await uploader.complete(sent.upload_id)
    with pytest.raises(UploadClosed):
        await uploader.send(sent, 0, CONTENT)


async def test_an_upload_without_a_chunk_for_a_day_is_over(uploader: Uploader, floor: Floor) -> None:
    sent = await uploader.send_all(CONTENT)
    async with floor.pool.connection() as connection:
        await connection.execute("update upload_sessions set expires_at = now() - interval '1 second'")
    with pytest.raises(UploadOver):
        await uploader.complete(sent.upload_id)
    assert (await perform(uploader.ctx, uploads.unfinished)).items == []


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────


def limited(floor: Floor, person: Person, **settings: Any) -> Context:
    """A context under other settings."""
    return Context(replace(floor, settings=changed(floor.settings, **settings)), person=person)


async def test_the_quota_counts_what_is_reserved(floor: Floor, someone: Person) -> None:
    ctx = limited(floor, someone, upload_quota_bytes=1000)
    await perform(ctx, uploads.init, file_name="a.mp3", file_size=600)
    with pytest.raises(QuotaUsedUp) as refused:
        await perform(ctx, uploads.init, file_name="b.mp3", file_size=401)
    assert refused.value.details == {"limit": 1000, "used": 600}
    await perform(ctx, uploads.init, file_name="c.mp3", file_size=400)


async def test_uploads_begun_at_once_cannot_share_the_last_bytes(floor: Floor, someone: Person) -> None:
    begun = await asyncio.gather(
        *(
            perform(
                limited(floor, someone, upload_quota_bytes=1000),
                uploads.init,
                file_name="a.mp3",
                file_size=600,
            )
            for _ in range(6)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, BaseException) for each in begun) == 1


async def test_the_quota_counts_the_songs(
    floor: Floor, uploader: Uploader, hands: Hands, song_bytes: bytes
) -> None:
    sent = await uploader.send_all(song_bytes)
    await uploader.complete(sent.upload_id)
    await hands.do()
    ctx = limited(floor, uploader.person, upload_quota_bytes=len(song_bytes) + 100)
    with pytest.raises(QuotaUsedUp) as refused:
        await perform(ctx, uploads.init, file_name="b.mp3", file_size=101)
    assert refused.value.details["used"] == len(song_bytes)


async def test_there_is_an_end_to_unfinished_uploads(floor: Floor, someone: Person) -> None:
    ctx = limited(floor, someone, uploads_waiting=2)
    for _ in range(2):
        await perform(ctx, uploads.init, file_name="a.mp3", file_size=1)
    with pytest.raises(TooManyUploads):
        await perform(ctx, uploads.init, file_name="a.mp3", file_size=1)


async def test_a_full_disk_refuses_new_uploads_until_it_has_some_room(
    floor: Floor, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 100_000

    async def room() -> Room:
        return Room(free, 1_000_000)

    monkeypatch.setattr(floor.storage, "room", room)
    ctx = limited(floor, someone, storage_reserve_bytes=1)
    await perform(ctx, uploads.init, file_name="a.mp3", file_size=40_000)
    with pytest.raises(StorageFull) as refused:  # 40,000 of the free bytes are promised already
        await perform(ctx, uploads.init, file_name="b.mp3", file_size=15_000)
    assert refused.value.status == 507
    free = 125_000
    with pytest.raises(StorageFull):
        await perform(ctx, uploads.init, file_name="b.mp3", file_size=15_000)
    free = 140_000
    await perform(ctx, uploads.init, file_name="b.mp3", file_size=15_000)


async def test_an_upload_that_gets_no_place_leaves_no_row(
    uploader: Uploader, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(key: str) -> None:
        raise StorageFull

    monkeypatch.setattr(floor.storage, "begin", full)
    with pytest.raises(StorageFull):
        await uploader.begin(CONTENT)
    assert (await perform(uploader.ctx, uploads.unfinished)).items == []


# ── content that is known ─────────────────────────────────────────────────────────────────────────────────


async def test_content_that_the_person_has_is_ready_at_once(
    uploader: Uploader, somebody_else: Uploader, hands: Hands, song_bytes: bytes, floor: Floor
) -> None:
    digest = hashlib.sha256(song_bytes).hexdigest()
    sent = await uploader.send_all(song_bytes, sha256=digest)
    await uploader.complete(sent.upload_id)
    await hands.do()
    done = await uploader.get(sent.upload_id)
    again = await uploader.begin(song_bytes, sha256=digest)
    assert (again.status, again.song_id, again.file_id) == ("ready", done.song_id, done.file_id)
    assert again.received == len(song_bytes)
    assert (await uploader.complete(again.upload_id)).status == "ready"
    assert (await somebody_else.begin(song_bytes, sha256=digest)).status == "pending"
    assert len([key for key in stored_files(floor) if key.startswith("media/")]) == 1
    assert msgspec.to_builtins(again)["songId"]
