"""Chunks: who may send which bytes when, and what happens to the same ones again."""

import asyncio
import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from tests.conftest import ContextOf
from tests.running import changed
from tests.tutti.uploads.conftest import CHUNK, Hands, Uploader, pieces, stored_files
from tutti import uploads
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.storage import Written
from tutti.uploads import receiving
from tutti.uploads.links import BadLink
from tutti.uploads.model import DirectUpload
from tutti.uploads.problems import (
    BytesLost,
    ChunkBusy,
    ChunkTooLarge,
    NoSuchChunk,
    OtherBytes,
    OtherProtocol,
    TooManyUploads,
    UploadOver,
    WrongChunkDigest,
    WrongLength,
)

CONTENT = os.urandom(3 * CHUNK)


async def expect(
    uploader: Uploader, upload_id: UUID, index: int = 0, announced: int | None = CHUNK
) -> receiving.Expected:
    return await perform(
        uploader.ctx, receiving.expect_chunk, upload_id=upload_id, index=index, announced=announced
    )


async def test_chunks_are_acknowledged_in_any_order(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    answers = [await uploader.send(begun, index, CONTENT) for index in (2, 0, 1)]
    assert [each.uploaded_chunks for each in answers] == [[2], [0, 2], [0, 1, 2]]
    assert answers[-1].received == len(CONTENT)


async def test_chunks_sent_at_the_same_time_are_all_there(uploader: Uploader, floor: Floor) -> None:
    begun = await uploader.begin(CONTENT)
    await asyncio.gather(*(uploader.send(begun, index, CONTENT) for index in range(3)))
    assert (await uploader.get(begun.upload_id)).uploaded_chunks == [0, 1, 2]
    assert set(stored_files(floor).values()) == {hashlib.sha256(CONTENT).hexdigest()}


async def test_a_chunk_that_does_not_exist_is_refused(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    for index in (3, 10_000):
        with pytest.raises(NoSuchChunk):
            await expect(uploader, begun.upload_id, index)


async def test_a_length_that_does_not_fit_is_refused_before_a_byte_is_read(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    with pytest.raises(WrongLength):
        await expect(uploader, begun.upload_id, announced=CHUNK - 1)
    with pytest.raises(ChunkTooLarge):
        await expect(uploader, begun.upload_id, announced=CHUNK + 1)
    assert (await uploader.get(begun.upload_id)).status == "pending"


def test_a_body_is_checked_when_it_ends() -> None:
    place = receiving.Expected(upload_id=uuid4(), index=0, key="incoming/x", offset=0, length=4)
    right, wrong = hashlib.sha256(b"four").digest(), hashlib.sha256(b"for").digest()
    receiving.compare(place, Written(4, right), None)
    receiving.compare(place, Written(4, right), right)
    with pytest.raises(WrongLength):
        receiving.compare(place, Written(3, wrong), wrong)
    with pytest.raises(WrongChunkDigest):
        receiving.compare(place, Written(4, right), wrong)


async def test_an_acknowledged_chunk_is_only_compared(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    await uploader.send(begun, 0, CONTENT)
    expected = await expect(uploader, begun.upload_id)
    assert expected.lease is None
    same = Written(CHUNK, hashlib.sha256(CONTENT[:CHUNK]).digest())
    receiving.compare(expected, same, None)
    with pytest.raises(OtherBytes):
        receiving.compare(expected, Written(CHUNK, bytes(32)), None)
    assert (await perform(uploader.ctx, receiving.chunk_repeated, expected=expected)).uploaded_chunks == [0]


async def test_two_do_not_receive_the_same_chunk_at_once(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    first = await expect(uploader, begun.upload_id)
    with pytest.raises(ChunkBusy) as refused:
        await expect(uploader, begun.upload_id)
    assert refused.value.retry_after == 1
    await perform(uploader.ctx, receiving.release_chunk, expected=first)
    assert (await expect(uploader, begun.upload_id)).lease is not None


async def test_who_slept_through_his_lease_acknowledges_nothing(uploader: Uploader, floor: Floor) -> None:
    begun = await uploader.begin(CONTENT)
    slow = await expect(uploader, begun.upload_id)
    await lapse(floor)
    fast = await expect(uploader, begun.upload_id)
    with pytest.raises(ChunkBusy):
        await perform(uploader.ctx, receiving.renew_lease, expected=slow)
    with pytest.raises(ChunkBusy):
        await perform(uploader.ctx, receiving.chunk_arrived, expected=slow, sha256=bytes(32))
    assert (await uploader.get(begun.upload_id)).uploaded_chunks == []
    renewed = await perform(uploader.ctx, receiving.renew_lease, expected=fast)
    assert renewed.leased_at >= fast.leased_at
    answer = await perform(uploader.ctx, receiving.chunk_arrived, expected=renewed, sha256=bytes(32))
    assert answer.uploaded_chunks == [0]


async def test_a_lapsed_lease_that_nobody_took_can_be_renewed(uploader: Uploader, floor: Floor) -> None:
    begun = await uploader.begin(CONTENT)
    slow = await expect(uploader, begun.upload_id)
    await lapse(floor)
    await perform(uploader.ctx, receiving.renew_lease, expected=slow)
    with pytest.raises(ChunkBusy):
        await expect(uploader, begun.upload_id)


async def test_a_person_has_so_many_chunks_under_way_at_most(
    uploader: Uploader, somebody_else: Uploader
) -> None:
    begun = [await uploader.begin(CONTENT) for _ in range(2)]
    for index in range(3):
        await expect(uploader, begun[0].upload_id, index)
    for index in range(2):
        await expect(uploader, begun[1].upload_id, index)
    with pytest.raises(TooManyUploads):
        await expect(uploader, begun[1].upload_id, 2)
    other = await somebody_else.begin(CONTENT)
    await expect(somebody_else, other.upload_id)


async def test_a_chunk_that_comes_after_the_end_is_not_acknowledged(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    under_way = await expect(uploader, begun.upload_id)
    await perform(uploader.ctx, uploads.cancel, upload_id=begun.upload_id)
    with pytest.raises(UploadOver):
        await perform(uploader.ctx, receiving.chunk_arrived, expected=under_way, sha256=bytes(32))


async def test_each_chunk_keeps_the_upload_alive(uploader: Uploader, floor: Floor) -> None:
    begun = await uploader.begin(CONTENT)
    async with floor.pool.connection() as connection:
        await connection.execute("update upload_sessions set expires_at = now() + interval '1 minute'")
    await uploader.send(begun, 0, CONTENT)
    found = await uploader.get(begun.upload_id)
    assert found.expires_at - floor.clock.now() > timedelta(hours=23)


async def test_lost_bytes_are_told_once_and_for_all(uploader: Uploader) -> None:
    begun = await uploader.begin(CONTENT)
    with pytest.raises(BytesLost):
        await perform(uploader.ctx, receiving.bytes_lost, upload_id=begun.upload_id)
    found = await uploader.get(begun.upload_id)
    assert (found.status, found.problem) == ("failed", "bytes_lost")
    assert found.detail == BytesLost.sentence


# ── signed links ──────────────────────────────────────────────────────────────────────────────────────────


async def link(uploader: Uploader, size: int = 5) -> DirectUpload:
    return await perform(
        uploader.ctx, uploads.presigned_url, file_name="song.mp3", file_size=size, mime_type="audio/mpeg"
    )


async def use(
    ctx: Context, given: DirectUpload, *, length: int | None = 5, kind: str = "audio/mpeg", **changes: str
) -> receiving.Expected:
    query = {name: values[0] for name, values in parse_qs(urlsplit(given.url).query).items()} | changes
    return await perform(
        ctx,
        receiving.expect_direct,
        upload_id=given.upload_id,
        expires=query["expires"],
        signature=query["signature"],
        announced=length,
        content_type=kind,
    )


async def test_a_link_takes_its_bytes_from_whoever_has_it(
    uploader: Uploader, context_of: ContextOf, hands: Hands
) -> None:
    given = await link(uploader)
    assert given.method == "PUT"
    assert given.headers == {"Content-Type": "audio/mpeg", "Content-Length": "5"}
    stranger = context_of()
    expected = await use(stranger, given)
    written = await stranger.storage.write_at(expected.key, 0, pieces(b"sound"), 5)
    await perform(stranger, receiving.chunk_arrived, expected=expected, sha256=written.sha256)
    assert (await uploader.complete(given.upload_id)).status == "assembling"
    assert len(await hands.waiting("uploads.ingest")) == 1


async def test_a_link_is_good_for_one_upload_one_length_and_one_type(
    uploader: Uploader, context_of: ContextOf
) -> None:
    given, other = await link(uploader), await link(uploader)
    signature = parse_qs(urlsplit(other.url).query)["signature"][0]
    later = str(int(parse_qs(urlsplit(given.url).query)["expires"][0]) + 1000)
    with pytest.raises(BadLink):
        await use(context_of(), given, signature=signature)
    with pytest.raises(BadLink):
        await use(context_of(), given, expires=later)
    with pytest.raises(BadLink):
        await use(context_of(), given, expires="١٢")
    for wrong in (4, 6, None):
        with pytest.raises(BadLink):
            await use(context_of(), given, length=wrong)
    with pytest.raises(BadLink):
        await use(context_of(), given, kind="text/html")
    assert (await use(context_of(), given)).length == 5


async def test_a_link_ends_after_a_quarter_of_an_hour(uploader: Uploader, floor: Floor) -> None:
    given = await link(uploader)
    clock = type(floor.clock)()
    clock._offset_s = floor.clock._offset_s + 901
    with pytest.raises(BadLink):
        await use(Context(replace(floor, clock=clock)), given)


async def test_a_link_names_the_public_address(uploader: Uploader, floor: Floor) -> None:
    assert (await link(uploader)).url.startswith("/api/v1/upload/direct/")
    public = replace(floor, settings=changed(floor.settings, public_url="https://music.example/"))
    ctx = Context(public, person=uploader.person)
    given = await perform(ctx, uploads.presigned_url, file_name="a.mp3", file_size=1)
    assert given.url.startswith("https://music.example/api/v1/upload/direct/")


async def test_an_upload_is_used_by_one_protocol(uploader: Uploader, context_of: ContextOf) -> None:
    given = await link(uploader)
    with pytest.raises(OtherProtocol):
        await expect(uploader, given.upload_id, announced=5)


async def lapse(floor: Floor) -> None:
    """Every lease has ended."""
    async with floor.pool.connection() as connection:
        await connection.execute(
            "update upload_chunks set lease_until = now() - interval '1 second' where lease is not null"
        )
