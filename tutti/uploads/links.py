"""Signed URLs by which the bytes of one upload may be sent to this server (R34)."""

from datetime import UTC, datetime
from uuid import UUID

from tutti import crypto
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Forbidden
from tutti.storage import Signed
from tutti.text import _
from tutti.uploads.model import Upload

PURPOSE = "direct upload"
PATH = "/api/v1/upload/direct"
sql = queries(__file__)


class BadLink(Forbidden):
    """The signature, the expiry, the length or the type is not what was signed."""

    sentence = _("This upload link is not valid, or not any more. Please begin the upload again.")


def signed_put(ctx: Context, upload: Upload, expires_at: datetime) -> Signed:
    """A PUT to this server. The URL is relative unless PUBLIC_URL says under which name people reach us."""
    expires = int(expires_at.timestamp())
    query = f"expires={expires}&signature={_signature(ctx, upload, expires)}"
    return Signed(
        f"{ctx.settings.public_url.rstrip('/')}{PATH}/{upload.id}?{query}",
        "PUT",
        {"Content-Type": upload.mime_type, "Content-Length": str(upload.file_size)},
    )


async def upload_of_link(ctx: Context, upload_id: UUID, expires: str, signature: str) -> Upload:
    """The upload that a signed URL names; raises BadLink. Nobody needs to be signed in."""
    upload = await ctx.db.one(sql.upload_by_signature, Upload, id=upload_id)
    if upload is None or not expires.isdecimal() or len(expires) > 12:
        raise BadLink
    is_ours = crypto.same(_signature(ctx, upload, int(expires)), signature)
    if not is_ours or datetime.fromtimestamp(int(expires), UTC) < ctx.now:
        raise BadLink
    return upload


def _signature(ctx: Context, upload: Upload, expires: int) -> str:
    secret = crypto.server_secret(ctx.settings)
    return crypto.sign(
        secret, PURPOSE, "PUT", str(upload.id), str(upload.file_size), upload.mime_type, str(expires)
    )
