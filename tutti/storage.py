"""Bytes: where uploads arrive and music lies, on the local disk or in S3-compatible storage.

A key is made by us alone (`incoming/<upload>`, `media/ab/<sha256>`), never from a person's words. Bytes
arrive at any offset under an incoming key; `seal` ends that, `finish` gives the whole its lasting key.
"""

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from tutti.errors import StorageFull, TooLarge

if TYPE_CHECKING:
    from tutti.settings import Settings

T = TypeVar("T")

BLOCK = 256 * 1024
"""What one upload or download holds in memory, in bytes, however large the file."""
_key = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Written(NamedTuple):
    """What arrived by one write: its size in bytes and its SHA-256, already safe on disk."""

    size: int
    sha256: bytes


class Room(NamedTuple):
    """Space of the place that holds the music, in bytes."""

    free: int
    total: int


class Stored(NamedTuple):
    """One object as a listing shows it."""

    key: str
    size: int
    changed_at: datetime


class Signed(NamedTuple):
    """A URL by which the client sends the bytes straight to the storage, and the headers it must send."""

    url: str
    method: str
    headers: dict[str, str]


class Storage(Protocol):
    """What a place for bytes can do. A missing key raises FileNotFoundError, a full place StorageFull."""

    least_part: int
    """The smallest write that is not the last of its key, in bytes."""

    async def begin(self, key: str) -> None:
        """Prepare a key for writes at offsets. Call it once, before the first write."""

    async def write_at(self, key: str, offset: int, body: AsyncIterator[bytes], limit: int) -> Written:
        """Stream a body to its place; safe on disk on return. More than `limit` bytes raise TooLarge."""

    async def seal(self, key: str) -> None:
        """No more writes: the bytes become one readable object. May be called twice."""

    async def finish(self, key_from: str, key_to: str) -> None:
        """Give a sealed object its lasting key, replacing what is there."""

    async def size(self, key: str) -> int | None:
        """Size in bytes, or None when there is nothing."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` on, in blocks."""

    async def delete(self, key: str) -> None:
        """Forget a key, finished or not. Nothing happens when it is not there."""

    def local_path(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A path to read the object from while the context is open."""

    def stored(self, prefix: str) -> AsyncIterator[Stored]:
        """Everything whose key begins with `prefix`, which ends with a slash."""

    async def room(self) -> Room | None:
        """Space left, or None where nobody can say."""

    async def signed_put(self, key: str, size: int, content_type: str, life_s: int) -> Signed | None:
        """A URL for one PUT of exactly this size and type, or None when the bytes must come through Tutti."""

    async def close(self) -> None:
        """Give back connections."""


def open_storage(settings: "Settings") -> Storage:
    """The storage that STORAGE_URL names; raises ValueError for a URL that names none."""
    parts = urlsplit(settings.storage_url)
    if parts.scheme == "s3" and parts.hostname:
        from tutti.storage_s3 import S3Storage  # noqa: PLC0415  # an extra: only who uses it has aiobotocore

        return S3Storage.from_url(settings.storage_url)
    from tutti.storage_local import LocalStorage  # noqa: PLC0415  # it is built on this file

    if not settings.storage_url:
        return LocalStorage(settings.data / "media")
    if parts.scheme == "file" and parts.path:
        return LocalStorage(Path(unquote(parts.path)))
    raise ValueError("STORAGE_URL must be file:///folder or s3://bucket?endpoint=https://…")


def checked(key: str) -> str:
    """The key itself; raises ValueError for one that could leave its folder. Our own keys always pass."""
    if not _key.fullmatch(key):
        raise ValueError(f"{key!r} is no storage key.")
    return key


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """Like asyncio.to_thread, but a cancelled caller waits for the thread's end before he goes on.

    A file descriptor must not be closed under a thread that still writes: its number may soon be another's.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                continue
        raise


async def in_blocks(body: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Pieces of any size gathered into blocks that are worth a trip to a thread."""
    gathered, size = bytearray(), 0
    async for piece in body:
        size += len(piece)
        if size > limit:
            raise TooLarge(limit=limit)
        gathered += piece
        if len(gathered) >= BLOCK:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


@contextmanager
def full_disk_is_a_problem() -> Iterator[None]:
    """No space, no quota left, or a file larger than allowed: 507 instead of an error of ours (F21)."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(retry_after=60) from error
        raise
