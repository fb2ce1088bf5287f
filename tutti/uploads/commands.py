"""What a person asks of his uploads; the bytes themselves come through `receiving`."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from tutti import library
from tutti.command import Accepted, Created, command
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Invalid
from tutti.record import Record
from tutti.uploads import links
from tutti.uploads.jobs import ingest
from tutti.uploads.model import (
    RECEIVING,
    WORKING,
    DirectUpload,
    Granted,
    Protocol,
    Status,
    Upload,
    Uploads,
    UploadState,
    checked_digest,
    checked_name,
    granted,
)
from tutti.uploads.problems import (
    ChunksMissing,
    NoSuchUpload,
    QuotaUsedUp,
    TooManyUploads,
    UploadClosed,
    UploadOver,
)
from tutti.uploads.room import check_room
from tutti.uploads.rows import Arrived, LockedUpload, UploadRow, arrived, state_of, tell
from tutti.uploads.wishes import check_wish, short, small

NOUN = "upload"
MOST_MISSING_NAMED = 1000
LINK_LIFE_S = 900
DIRECT_IDLE_S = 2 * 3600
"""A body that began within the link's life may take a while; what never came holds no quota for a day."""
sql = queries(__file__)


class Burden(Record):
    """What a person's unfinished uploads hold."""

    waiting: int
    reserved: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A file that somebody wants to upload, checked."""

    file_name: str
    file_size: int
    mime_type: str
    chunks: Granted
    protocol: Protocol = "chunks"
    sha256: bytes | None = None
    metadata: dict[str, Any] = {}


@command("POST /upload/init")
async def init(
    ctx: Context,
    *,
    file_name: str,
    file_size: int,
    mime_type: str = "",
    chunk_size: int | None = None,
    sha256: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Created[UploadState]:
    """Begin an upload. Content that this person has already (by `sha256`) is `ready` at once."""
    check_wish(ctx, file_size)
    wanted = Wanted(
        file_name=checked_name(file_name),
        file_size=file_size,
        mime_type=short(mime_type),
        chunks=granted(file_size, chunk_size, ctx.settings.upload_chunk_bytes, ctx.storage.least_part),
        sha256=checked_digest(sha256),
        metadata=small(metadata or {}),
    )
    async with ctx.transaction():
        known = await _known(ctx, wanted)
    return state_of(known or await reserve(ctx, wanted), Arrived())


@command("GET /upload/presigned-url")
async def presigned_url(ctx: Context, file_name: str, file_size: int, mime_type: str = "") -> DirectUpload:
    """Reserve an upload whose bytes come in one request, straight to the storage where that is possible.

    The URL is signed for exactly this length and type and lives 15 minutes (R34).
    """
    check_wish(ctx, file_size)
    wanted = Wanted(
        file_name=checked_name(file_name),
        file_size=file_size,
        mime_type=short(mime_type) or "application/octet-stream",
        chunks=Granted(file_size, 1),
        protocol="direct",
    )
    upload = await reserve(ctx, wanted)
    expires_at = ctx.now + timedelta(seconds=LINK_LIFE_S)
    signed = await ctx.storage.signed_put(upload.incoming_key, file_size, upload.mime_type, LINK_LIFE_S)
    if signed is None:
        signed = links.signed_put(ctx, upload, expires_at)
    return DirectUpload(
        upload_id=upload.id,
        url=signed.url,
        method=signed.method,
        headers=signed.headers,
        expires_at=expires_at,
    )


@command("GET /upload/{uploadId}")
async def get(ctx: Context, upload_id: UUID) -> UploadState:
    """How far an upload is, and which chunks are there."""
    upload = await _mine(ctx, upload_id)
    return state_of(upload, await arrived(ctx, upload_id))


@command("GET /upload")
async def unfinished(ctx: Context, limit: int = 50, cursor: str | None = None) -> Uploads:
    """My uploads that are not over, oldest first: what a browser that was closed goes on with."""
    if not 1 <= limit <= 200:
        raise Invalid.because("A page has 1 to 200 items.", pointer="/limit")
    after = _after(cursor)
    rows = await ctx.db.all(sql.unfinished, UploadRow, user_id=ctx.me.id, after=after, limit=limit + 1)
    page = rows[:limit]
    return Uploads(
        items=[
            state_of(row, Arrived(uploaded_chunks=row.uploaded_chunks, received=row.received)) for row in page
        ],
        next_cursor=page[-1].id.hex if len(rows) > limit else None,
    )


@command("POST /upload/complete/{uploadId}")
async def complete(ctx: Context, upload_id: UUID) -> Accepted[UploadState]:
    """Say that everything has been sent. Repeatable: a second call answers how far the first one came."""
    async with ctx.transaction():
        upload = await _mine(ctx, upload_id)
    is_direct = upload.protocol == "direct" and upload.status in RECEIVING
    lies_there = await ctx.storage.size(upload.incoming_key) if is_direct else None
    async with ctx.transaction():
        locked = await _locked(ctx, upload)
        here = await arrived(ctx, upload_id)
        if locked.status in WORKING or locked.status in ("ready", "failed"):
            return state_of(locked, here)
        _check_complete(locked, here, lies_there)
        return await begin_ingest(ctx, locked, here)


@command("DELETE /upload/{uploadId}")
async def cancel(ctx: Context, upload_id: UUID) -> None:
    """Give an upload up and forget its bytes. A second call changes nothing."""
    async with ctx.transaction():
        locked = await _locked(ctx, await _mine(ctx, upload_id))
        if locked.status == "ready":
            raise UploadClosed(status=locked.status)
        ended = await ctx.db.one(sql.cancel, Upload, id=upload_id)
        if ended is not None:
            tell(ctx, ended, await arrived(ctx, upload_id))
    await ctx.storage.delete(locked.incoming_key)


async def reserve(ctx: Context, wanted: Wanted) -> Upload:
    """A row that holds its place in the quota, then its place in the storage (F13: the row comes first)."""
    await check_room(ctx, wanted.file_size)
    async with ctx.transaction():
        await ctx.db.run(sql.lock_person, user_id=ctx.me.id)
        await _check_quota(ctx, wanted.file_size)
        upload = await _add(ctx, wanted, "pending")
    try:
        if wanted.protocol == "chunks" or ctx.storage.least_part == 1:
            await ctx.storage.begin(upload.incoming_key)
    except BaseException:
        async with ctx.transaction():
            await ctx.db.run(sql.forget_upload, id=upload.id)
        raise
    return upload


async def begin_ingest(ctx: Context, upload: Upload, here: Arrived) -> UploadState:
    """Everything is here: from now on it is the worker's, in the commit that says so."""
    working = await ctx.db.one(sql.advance, Upload, id=upload.id, status="assembling", content_sha256=None)
    if working is None:
        raise UploadOver(status=upload.status)
    ctx.enqueue(ingest, unique_key=f"ingest:{upload.id}", upload_id=upload.id)
    tell(ctx, working, here)
    return state_of(working, here)


async def _known(ctx: Context, wanted: Wanted) -> Upload | None:
    """An upload that is over before it began, because the person has this content."""
    if wanted.sha256 is None:
        return None
    song = await library.find_by_hash(ctx, ctx.me.id, wanted.sha256)
    if song is None:
        return None
    file = await library.file_of_song(ctx, song.id)
    return await _add(ctx, wanted, "ready", file_id=file.id, song_id=song.id)


async def _add(
    ctx: Context, wanted: Wanted, status: Status, *, file_id: UUID | None = None, song_id: UUID | None = None
) -> Upload:
    upload = await ctx.db.one(
        sql.add_upload,
        Upload,
        id=ctx.new_id(),
        user_id=ctx.me.id,
        file_name=wanted.file_name,
        file_size=wanted.file_size,
        mime_type=wanted.mime_type,
        chunk_size=wanted.chunks.chunk_size,
        total_chunks=wanted.chunks.total_chunks,
        protocol=wanted.protocol,
        status=status,
        sha256=wanted.sha256,
        file_id=file_id,
        song_id=song_id,
        metadata=wanted.metadata,
        idle_s=DIRECT_IDLE_S if wanted.protocol == "direct" else ctx.settings.upload_idle_hours * 3600,
    )
    assert upload is not None  # noqa: S101  # an insert that returns
    return upload


async def _check_quota(ctx: Context, file_size: int) -> None:
    burden = await ctx.db.one(sql.burden, Burden, user_id=ctx.me.id)
    assert burden is not None  # noqa: S101  # an aggregate
    if burden.waiting >= ctx.settings.uploads_waiting:
        raise TooManyUploads(retry_after=60, limit=ctx.settings.uploads_waiting)
    used = burden.reserved + await library.stored_bytes(ctx, ctx.me.id)
    if used + file_size > ctx.settings.upload_quota_bytes:
        raise QuotaUsedUp(limit=ctx.settings.upload_quota_bytes, used=used)


async def _mine(ctx: Context, upload_id: UUID) -> Upload:
    upload = await ctx.db.one(sql.upload, Upload, id=upload_id, user_id=ctx.me.id)
    if upload is None:
        raise NoSuchUpload
    return upload


async def _locked(ctx: Context, upload: Upload) -> LockedUpload:
    locked = await ctx.db.one(sql.lock_upload, LockedUpload, id=upload.id)
    if locked is None:
        raise NoSuchUpload
    ctx.set_now(locked.now)
    return locked


def _check_complete(upload: LockedUpload, here: Arrived, lies_there: int | None) -> None:
    if upload.status not in RECEIVING or upload.expires_at <= upload.now:
        raise UploadOver(status="cancelled" if upload.status == "cancelled" else "expired")
    missing = sorted(set(range(upload.total_chunks)) - set(here.uploaded_chunks))
    if missing and not (upload.protocol == "direct" and lies_there == upload.file_size):
        raise ChunksMissing(missing=missing[:MOST_MISSING_NAMED], missing_count=len(missing))


def _after(cursor: str | None) -> UUID:
    try:
        return UUID(hex=cursor) if cursor else UUID(int=0)
    except ValueError:
        raise Invalid.because("This cursor is not one of ours.", pointer="/cursor") from None
