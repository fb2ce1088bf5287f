"""Rows of uploads as their owner sees them, and the news about them."""

from datetime import datetime
from uuid import UUID

import msgspec

from tutti import event
from tutti.context import Context
from tutti.database import queries
from tutti.record import Record
from tutti.uploads.model import Progress, Upload, UploadState

sql = queries(__file__)


class Arrived(Record):
    """The chunks that are here, and their bytes."""

    uploaded_chunks: list[int] = msgspec.field(default_factory=list)
    received: int = 0


class LockedUpload(Upload, frozen=True, kw_only=True):
    """An upload nobody else can change, and the time after it was locked."""

    now: datetime


class UploadRow(Upload, frozen=True, kw_only=True):
    """An upload with what has arrived of it."""

    uploaded_chunks: list[int]
    received: int


async def arrived(ctx: Context, upload_id: UUID) -> Arrived:
    """What has arrived of an upload."""
    return await ctx.db.one(sql.arrived, Arrived, upload_id=upload_id) or Arrived()


def state_of(upload: Upload, here: Arrived) -> UploadState:
    """An upload as its owner sees it. One that is past its chunks has them all."""
    is_whole = upload.status not in ("pending", "uploading", "cancelled", "expired", "failed")
    return UploadState(
        upload_id=upload.id,
        file_name=upload.file_name,
        file_size=upload.file_size,
        mime_type=upload.mime_type,
        chunk_size=upload.chunk_size,
        total_chunks=upload.total_chunks,
        uploaded_chunks=here.uploaded_chunks,
        received=upload.file_size if is_whole else here.received,
        status=upload.status,
        file_id=upload.file_id,
        song_id=upload.song_id,
        problem=upload.problem,
        detail=upload.detail,
        metadata=upload.metadata,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )


def progress_of(upload: Upload, here: Arrived) -> Progress:
    """The news of an upload."""
    state = state_of(upload, here)
    return Progress(
        upload_id=upload.id,
        file_name=upload.file_name,
        received=state.received,
        total=upload.file_size,
        stage=upload.status,
        song_id=upload.song_id,
        problem=upload.problem,
        detail=upload.detail,
    )


def tell(ctx: Context, upload: Upload, here: Arrived) -> None:
    """Let all devices of its owner know how far an upload is."""
    ctx.announce(
        event.person(upload.user_id), "upload.progress", progress_of(upload, here), key=str(upload.id)
    )
