"""What an upload is and the few decisions about it. Pure."""

import unicodedata
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, Self
from uuid import UUID

import msgspec

from tutti import event
from tutti.errors import Invalid
from tutti.record import Record
from tutti.uploads.problems import BadFileName, NoSuchChunk, OtherProtocol, UploadClosed, UploadOver

Status = Literal[
    "pending",
    "uploading",
    "assembling",
    "checking",
    "indexing",
    "ready",
    "failed",
    "cancelled",
    "expired",
]
Protocol = Literal["chunks", "direct"]

RECEIVING: Final = ("pending", "uploading")
WORKING: Final = ("assembling", "checking", "indexing")
SMALLEST_CHUNK: Final = 256 * 1024
LARGEST_CHUNK: Final = 16 * 1024**2
MOST_CHUNKS: Final = 10_000
LONGEST_NAME: Final = 255
LONGEST_METADATA: Final = 4096
# Stop and resume apart from each other, so that a disk at the edge does not flicker (F21).
STOP_SHARE: Final = 0.05
RESUME_SHARE: Final = 0.08


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `upload_sessions`."""

    id: UUID
    user_id: UUID
    file_name: str
    file_size: int
    mime_type: str
    chunk_size: int
    total_chunks: int
    protocol: Protocol
    status: Status
    sha256: bytes | None
    content_sha256: bytes | None
    file_id: UUID | None
    song_id: UUID | None
    problem: str | None
    detail: str | None
    metadata: dict[str, Any]
    created_at: datetime
    expires_at: datetime

    @property
    def incoming_key(self) -> str:
        """Where its bytes arrive."""
        return incoming_key(self.id)

    def place_of(self, index: int) -> tuple[int, int]:
        """(offset, length) of a chunk in bytes; raises NoSuchChunk."""
        if not 0 <= index < self.total_chunks:
            raise NoSuchChunk(index=index, total_chunks=self.total_chunks)
        offset = index * self.chunk_size
        return offset, min(self.chunk_size, self.file_size - offset)

    def takes_bytes(self, now: datetime, protocol: Protocol) -> Self:
        """Itself, if bytes may come now and in this way; raises UploadOver, UploadClosed, OtherProtocol."""
        if self.status in ("cancelled", "expired") or (self.status in RECEIVING and self.expires_at <= now):
            raise UploadOver(status="cancelled" if self.status == "cancelled" else "expired")
        if self.status not in RECEIVING:
            raise UploadClosed(status=self.status)
        if self.protocol != protocol:
            raise OtherProtocol
        return self


class UploadState(Record):
    """An upload as its owner sees it; sizes in bytes."""

    upload_id: UUID
    file_name: str
    file_size: int
    mime_type: str
    chunk_size: int
    total_chunks: int
    uploaded_chunks: list[int]
    received: int
    status: Status
    file_id: UUID | None
    song_id: UUID | None
    problem: str | None
    """The code of the problem by which it failed."""
    detail: str | None
    """The same as a sentence."""
    metadata: dict[str, Any]
    created_at: datetime
    expires_at: datetime


class Uploads(Record):
    """A page of uploads."""

    items: list[UploadState]
    next_cursor: str | None


class ChunkAnswer(Record):
    """What has arrived so far; `received` in bytes."""

    uploaded_chunks: list[int]
    received: int


class DirectUpload(Record):
    """Where and how to send the bytes in one request (protocol §5)."""

    upload_id: UUID
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime


@event.body("upload.progress")
class Progress(Record):
    """`upload.progress`: how far an upload is; sizes in bytes."""

    upload_id: UUID
    file_name: str
    received: int
    total: int
    stage: Status
    song_id: UUID | None = None
    problem: str | None = None
    """The code of the problem by which it failed: some go away by trying again, some never."""
    detail: str | None = None


class Granted(NamedTuple):
    """The chunks an upload is made of."""

    chunk_size: int
    total_chunks: int


def granted(file_size: int, asked: int | None, default: int, least: int) -> Granted:
    """The chunk size that is granted: what was asked, as far as the limits and the storage's parts allow."""
    few_enough = -(-file_size // MOST_CHUNKS)
    size = min(max(asked or default, SMALLEST_CHUNK, least, few_enough), max(LARGEST_CHUNK, few_enough))
    return Granted(size, -(-file_size // size))


def checked_name(name: str) -> str:
    """The name as a label: NFC, without marks that turn the reading direction; raises BadFileName (R31)."""
    normal = unicodedata.normalize("NFC", name).strip()
    shown = "".join(each for each in normal if unicodedata.category(each) not in ("Cf", "Cs"))
    is_path = any(mark in shown for mark in "/\\") or shown in (".", "..")
    has_controls = any(unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in shown)
    if not shown or is_path or has_controls or len(shown.encode()) > LONGEST_NAME:
        raise BadFileName(errors=[{"pointer": "/fileName", "detail": BadFileName.sentence}])
    return shown


def checked_digest(text: str | None) -> bytes | None:
    """A SHA-256 as 64 hexadecimal digits; raises Invalid."""
    if text is None:
        return None
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != sha256().digest_size or len(text) != 64:
        raise Invalid.because("A SHA-256 is 64 hexadecimal digits.", pointer="/sha256")
    return digest


def incoming_key(upload_id: UUID) -> str:
    """Where an upload's bytes arrive."""
    return f"incoming/{upload_id}"


def media_key(digest: bytes) -> str:
    """Where a finished file lies: by its content, so that the same bytes lie there once."""
    return f"media/{digest.hex()[:2]}/{digest.hex()}"


def is_full(free: int, total: int, reserve: int, *, was_full: bool) -> bool:
    """Whether new bytes must wait: below 5 % or the reserve; again only above 8 % (F21)."""
    share = RESUME_SHARE if was_full else STOP_SHARE
    return reserve > 0 and (free < total * share or free < reserve)
