"""Music on the local disk: files below one folder, readable by this account only."""

import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from tutti.storage import (
    BLOCK,
    Room,
    Signed,
    Stored,
    Written,
    checked,
    full_disk_is_a_problem,
    in_blocks,
    in_thread,
)


class LocalStorage:
    """A storage in one folder. A finished file is renamed, never copied."""

    least_part = 1

    def __init__(self, root: Path) -> None:
        self.root = root

    async def begin(self, key: str) -> None:
        """An empty file."""
        await in_thread(self._touch, key)

    async def write_at(self, key: str, offset: int, body: AsyncIterator[bytes], limit: int) -> Written:
        """Write block by block as the body comes, then fsync."""
        digest, size = hashlib.sha256(), 0
        file = await in_thread(self._open, key)
        try:
            async for block in in_blocks(body, limit):
                await in_thread(_put, file, block, offset + size, digest.update)
                size += len(block)
            await in_thread(_synced, file)
        finally:
            os.close(file)
        return Written(size, digest.digest())

    async def seal(self, key: str) -> None:
        """Nothing to do: a file is whole as soon as its last byte is there."""

    async def finish(self, key_from: str, key_to: str) -> None:
        """Rename, and fsync both folders."""
        await in_thread(self._rename, key_from, key_to)

    async def size(self, key: str) -> int | None:
        """The file's length, or None."""
        try:
            return (await in_thread(os.stat, self._path(key))).st_size
        except FileNotFoundError:
            return None

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Blocks, each read in a thread."""
        file = await in_thread(os.open, self._path(key), os.O_RDONLY | os.O_CLOEXEC)
        try:
            left = length if length is not None else os.fstat(file).st_size - start
            while left > 0 and (block := await in_thread(os.pread, file, min(BLOCK, left), start)):
                start, left = start + len(block), left - len(block)
                yield block
        finally:
            os.close(file)

    async def delete(self, key: str) -> None:
        """Unlink."""
        await in_thread(self._unlink, key)

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """The file itself."""
        path = self._path(key)
        if await self.size(key) is None:
            raise FileNotFoundError(errno.ENOENT, "There is no such object", key)
        yield path

    async def stored(self, prefix: str) -> AsyncIterator[Stored]:
        """Every file below the folder that the prefix names."""
        for found in await in_thread(self._walk, prefix):
            yield found

    async def room(self) -> Room | None:
        """Of the file system that holds the folder."""
        return await in_thread(self._room)

    async def signed_put(self, key: str, size: int, content_type: str, life_s: int) -> Signed | None:
        """None: this server receives the bytes itself."""
        return None

    async def close(self) -> None:
        """Nothing is held open between calls."""

    def _path(self, key: str) -> Path:
        return self.root / checked(key)

    def _touch(self, key: str) -> None:
        path = self._path(key)
        with full_disk_is_a_problem():
            _make(path.parent)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            _sync_folder(path.parent)

    def _open(self, key: str) -> int:
        return os.open(self._path(key), os.O_RDWR | os.O_CLOEXEC)

    def _rename(self, key_from: str, key_to: str) -> None:
        source, target = self._path(key_from), self._path(key_to)
        with full_disk_is_a_problem():
            _make(target.parent)
            os.utime(source)  # whoever sweeps things that nothing points to spares what is young
            source.replace(target)
            _sync_folder(target.parent)
            _sync_folder(source.parent)

    def _unlink(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def _walk(self, prefix: str) -> list[Stored]:
        return list(self._found_below(self._path(prefix.rstrip("/"))))

    def _found_below(self, folder: Path) -> Iterator[Stored]:
        for place, _folders, names in os.walk(folder):
            for path in (Path(place, name) for name in sorted(names)):
                try:
                    status = path.stat()
                except FileNotFoundError:  # renamed while we looked
                    continue
                key = path.relative_to(self.root).as_posix()
                yield Stored(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def _room(self) -> Room:
        place = next(folder for folder in (self.root, *self.root.parents) if folder.exists())
        usage = shutil.disk_usage(place)
        return Room(usage.free, usage.total)


def _put(file: int, block: bytes, offset: int, hashed: Callable[[bytes], None]) -> None:
    """All of a block to its place, hashed in the same thread."""
    hashed(block)
    rest = memoryview(block)
    with full_disk_is_a_problem():
        while rest:
            written = os.pwrite(file, rest, offset)
            rest, offset = rest[written:], offset + written


def _synced(file: int) -> None:
    with full_disk_is_a_problem():
        os.fsync(file)


def _make(folder: Path) -> None:
    """A folder and those above it that are missing, each private (mkdir's mode holds for the last only)."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(each.parent)


def _sync_folder(folder: Path) -> None:
    """A name is safe only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
