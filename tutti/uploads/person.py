"""What uploads know of one person: to show at once, to hand out, and to forget."""

from uuid import UUID

from tutti.context import Context
from tutti.database import queries
from tutti.uploads.model import Progress, Upload, UploadState
from tutti.uploads.rows import Arrived, UploadRow, arrived, progress_of, state_of

MOST_SHOWN = 200
sql = queries(__file__)


async def running(ctx: Context) -> list[Progress]:
    """How far my unfinished uploads are: what a device that has just connected shows."""
    rows = await ctx.db.all(sql.unfinished, UploadRow, user_id=ctx.me.id, after=UUID(int=0), limit=MOST_SHOWN)
    return [
        progress_of(row, Arrived(uploaded_chunks=row.uploaded_chunks, received=row.received)) for row in rows
    ]


async def export_person(ctx: Context, person_id: UUID) -> list[UploadState]:
    """Everything that person has uploaded, as it stands."""
    uploads = await ctx.db.all(sql.export, Upload, user_id=person_id)
    return [state_of(upload, await arrived(ctx, upload.id)) for upload in uploads]


async def forget_person(ctx: Context, person_id: UUID) -> None:
    """Forget a person's uploads; `tidy` drops the bytes that nothing needs any more."""
    await ctx.db.run(sql.forget, user_id=person_id)
