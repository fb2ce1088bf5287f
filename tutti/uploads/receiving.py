"""Chunks: leased before their body is read, acknowledged after it is safe, no connection held in between.

The byte route (server/uploads.py) performs these; they are no commands, because a client that could say
"chunk 3 has arrived" without sending it would only deceive itself.
"""

from time import monotonic
from uuid import UUID

import msgspec

from tutti.context import Context
from tutti.database import queries
from tutti.errors import Problem
from tutti.storage import Written
from tutti.uploads.links import BadLink, upload_of_link
from tutti.uploads.model import ChunkAnswer, Upload
from tutti.uploads.problems import (
    BytesLost,
    ChunkBusy,
    ChunkTooLarge,
    NoSuchUpload,
    OtherBytes,
    TooManyUploads,
    UploadClosed,
    UploadOver,
    WrongChunkDigest,
    WrongLength,
)
from tutti.uploads.room import check_room_for_promised as check_room
from tutti.uploads.rows import Arrived, arrived, tell

__all__ = [
    "RENEW_EVERY_S",
    "Expected",
    "bytes_lost",
    "check_room",
    "chunk_arrived",
    "chunk_repeated",
    "compare",
    "expect_chunk",
    "expect_direct",
    "release_chunk",
    "renew_lease",
    "too_large",
]

LEASE_S = 60
RENEW_EVERY_S = 20
sql = queries(__file__)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chunk belongs. With `sha256` it is there already, and its body is only compared."""

    upload_id: UUID
    index: int
    key: str
    offset: int
    length: int
    lease: UUID | None = None
    leased_at: float = 0.0
    """This process's monotonic clock, in seconds, when the lease was asked for."""
    sha256: bytes | None = None


async def expect_chunk(ctx: Context, upload_id: UUID, index: int, announced: int | None) -> Expected:
    """Take the lease for one chunk; `announced` is its Content-Length in bytes, when the client told it."""
    upload = await ctx.db.one(sql.upload, Upload, id=upload_id, user_id=ctx.me.id)
    if upload is None:
        raise NoSuchUpload
    return await _lease(ctx, upload.takes_bytes(ctx.now, "chunks"), index, announced)


async def expect_direct(
    ctx: Context, *, upload_id: UUID, expires: str, signature: str, announced: int | None, content_type: str
) -> Expected:
    """The same for the one body of a signed URL, whose length and type are part of what was signed."""
    upload = await upload_of_link(ctx, upload_id, expires, signature)
    if announced != upload.file_size or content_type != upload.mime_type:
        raise BadLink
    return await _lease(ctx, upload.takes_bytes(ctx.now, "direct"), 0, announced)


async def renew_lease(ctx: Context, expected: Expected) -> Expected:
    """Hold the chunk for another minute; raises ChunkBusy when somebody else took over."""
    asked_at = monotonic()
    held = await ctx.db.value(
        sql.renew_lease,
        upload_id=expected.upload_id,
        index=expected.index,
        lease=expected.lease,
        lease_s=LEASE_S,
    )
    if held is None:
        raise ChunkBusy(retry_after=1)
    return msgspec.structs.replace(expected, leased_at=asked_at)


async def release_chunk(ctx: Context, expected: Expected) -> None:
    """Give the lease back: the body did not come whole."""
    await ctx.db.run(
        sql.release_chunk, upload_id=expected.upload_id, index=expected.index, lease=expected.lease
    )


async def chunk_arrived(ctx: Context, expected: Expected, sha256: bytes) -> ChunkAnswer:
    """Acknowledge a chunk whose bytes are safe in the storage."""
    upload_id = expected.upload_id
    is_time_to_tell = await ctx.db.value(
        sql.bytes_came, id=upload_id, idle_s=ctx.settings.upload_idle_hours * 3600
    )
    if is_time_to_tell is None:
        raise await _why_closed(ctx, upload_id)
    acknowledged = await ctx.db.value(
        sql.acknowledge_chunk,
        upload_id=upload_id,
        index=expected.index,
        lease=expected.lease,
        sha256=sha256,
        size=expected.length,
    )
    if acknowledged is None:
        raise ChunkBusy(retry_after=1)
    here = await arrived(ctx, upload_id)
    await _tell_progress(ctx, upload_id, here, is_time=is_time_to_tell)
    return ChunkAnswer(uploaded_chunks=here.uploaded_chunks, received=here.received)


async def chunk_repeated(ctx: Context, expected: Expected) -> ChunkAnswer:
    """The answer to a chunk that was there already, with the same bytes."""
    here = await arrived(ctx, expected.upload_id)
    return ChunkAnswer(uploaded_chunks=here.uploaded_chunks, received=here.received)


async def bytes_lost(ctx: Context, upload_id: UUID) -> BytesLost:
    """The row is there and its bytes are not: say so once and for all. Returned, so that it is kept."""
    failed = await ctx.db.one(
        sql.fail, Upload, id=upload_id, problem=BytesLost.code, detail=BytesLost.sentence
    )
    if failed is not None:
        tell(ctx, failed, Arrived())
    return BytesLost()


def compare(expected: Expected, written: Written, promised: bytes | None) -> None:
    """Check a body that has come to its end; raises WrongLength, WrongChunkDigest or OtherBytes."""
    if written.size != expected.length:
        raise WrongLength(expected=expected.length, received=written.size)
    if promised is not None and promised != written.sha256:
        raise WrongChunkDigest
    if expected.sha256 is not None and expected.sha256 != written.sha256:
        raise OtherBytes


def too_large(expected: Expected) -> ChunkTooLarge:
    """More bytes came than the chunk has."""
    return ChunkTooLarge(expected=expected.length)


async def _lease(ctx: Context, upload: Upload, index: int, announced: int | None) -> Expected:
    offset, length = upload.place_of(index)
    _check_announced(announced, length)
    expected = Expected(
        upload_id=upload.id,
        index=index,
        key=upload.incoming_key,
        offset=offset,
        length=length,
        lease=ctx.new_id(),
        leased_at=monotonic(),
    )
    if await ctx.db.value(sql.receiving, user_id=upload.user_id) >= ctx.settings.uploads_receiving:
        raise TooManyUploads(retry_after=1, limit=ctx.settings.uploads_receiving)
    leased = await ctx.db.value(
        sql.lease_chunk, upload_id=upload.id, index=index, lease=expected.lease, lease_s=LEASE_S
    )
    if leased is not None:
        return expected
    digest = await ctx.db.value(sql.digest_of_chunk, upload_id=upload.id, index=index)
    if digest is None:
        raise ChunkBusy(retry_after=1)
    return msgspec.structs.replace(expected, lease=None, sha256=digest)


def _check_announced(announced: int | None, length: int) -> None:
    if announced is None or announced == length:
        return
    if announced > length:
        raise ChunkTooLarge(expected=length)
    raise WrongLength(expected=length, received=announced)


async def _why_closed(ctx: Context, upload_id: UUID) -> Problem:
    upload = await ctx.db.one(sql.upload_by_signature, Upload, id=upload_id)
    if upload is None:
        return NoSuchUpload()
    is_over = upload.status in ("cancelled", "expired")
    return UploadOver(status=upload.status) if is_over else UploadClosed(status=upload.status)


async def _tell_progress(ctx: Context, upload_id: UUID, here: Arrived, *, is_time: bool) -> None:
    upload = await ctx.db.one(sql.upload_by_signature, Upload, id=upload_id)
    if upload is None:
        raise UploadOver(status="cancelled")
    if is_time or len(here.uploaded_chunks) == upload.total_chunks:
        tell(ctx, upload, here)
