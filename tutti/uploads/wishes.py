"""Checks on what somebody wishes to upload, before anything is written."""

from typing import Any

from tutti.context import Context
from tutti.errors import Invalid
from tutti.record import encode
from tutti.uploads.model import LONGEST_METADATA
from tutti.uploads.problems import EmptyFile, FileTooLarge, GuestsDoNotUpload


def check_wish(ctx: Context, file_size: int) -> None:
    """Whether this person may upload a file of this size; raises one of the problems above."""
    if ctx.me.role == "guest":
        raise GuestsDoNotUpload
    if file_size == 0:
        raise EmptyFile(errors=[{"pointer": "/fileSize", "detail": EmptyFile.sentence}])
    if file_size < 0:
        raise Invalid.because("A file has at least one byte.", pointer="/fileSize")
    if file_size > ctx.settings.upload_max_bytes:
        raise FileTooLarge(limit=ctx.settings.upload_max_bytes)


def short(mime_type: str) -> str:
    """The claimed media type; raises Invalid for what cannot be one."""
    if len(mime_type) > 100 or not mime_type.isascii() or not mime_type.isprintable():
        raise Invalid.because("A media type looks like “audio/mpeg”.", pointer="/mimeType")
    return mime_type


def small(metadata: dict[str, Any]) -> dict[str, Any]:
    """What the client wants to remember with the upload; raises Invalid when it is much."""
    if len(encode(metadata)) > LONGEST_METADATA:
        raise Invalid.because(f"Metadata may have {LONGEST_METADATA} bytes as JSON.", pointer="/metadata")
    return metadata
