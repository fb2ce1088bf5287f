"""Files that lie on the server's own disk, taken in by the same path as an upload."""

import os
from collections.abc import AsyncIterator
from hashlib import file_digest
from pathlib import Path
from typing import Final, Literal

from tutti import library
from tutti.audio_format import sniffed_file
from tutti.command import perform
from tutti.context import Context
from tutti.database import queries
from tutti.errors import Problem
from tutti.record import Record
from tutti.storage import BLOCK, in_thread
from tutti.uploads.commands import Wanted, begin_ingest, reserve
from tutti.uploads.model import Granted, Upload, checked_name
from tutti.uploads.problems import WrongDigest
from tutti.uploads.receiving import LEASE_S
from tutti.uploads.rows import Arrived
from tutti.uploads.wishes import check_wish

sql = queries(__file__)
LONGEST_LISTED: Final = 100_000


class Imported(Record):
    """What became of one file: on its way (a worker does the rest), there already, no music, or refused."""

    path: str
    outcome: Literal["on its way", "already there", "no music", "refused"]
    detail: str = ""


async def import_folder(ctx: Context, folder: Path) -> AsyncIterator[Imported]:
    """Take in every audio file below a folder for `ctx.me`; one answer per file, as it is done.

    The files stay where they are. Nothing is taken in twice: content that the person has is left out.
    """
    for path in await in_thread(_files, folder):
        yield await import_file(ctx, path)


async def import_file(ctx: Context, path: Path) -> Imported:
    """Take in one file for `ctx.me`."""
    try:
        if await in_thread(sniffed_file, path) is None:
            return Imported(path=str(path), outcome="no music")
        is_new = await _take(ctx, path)
    except Problem as problem:
        return Imported(path=str(path), outcome="refused", detail=problem.sentence)
    except OSError as error:
        return Imported(path=str(path), outcome="refused", detail=f"{error.strerror}.")
    return Imported(path=str(path), outcome="on its way" if is_new else "already there")


async def _take(ctx: Context, path: Path) -> bool:
    """False when the person has this content already."""
    digest, size = await in_thread(_digest, path)
    check_wish(ctx, size)
    if await perform(ctx, library.find_by_hash, owner_id=ctx.me.id, sha256=digest) is not None:
        return False
    wanted = Wanted(
        file_name=checked_name(path.name),
        file_size=size,
        mime_type="",
        chunks=Granted(size, 1),
        sha256=digest,
    )
    upload = await reserve(ctx, wanted)
    written = await ctx.storage.write_at(upload.incoming_key, 0, _blocks(path), size)
    if written.sha256 != digest:
        raise WrongDigest  # somebody changed it while it was read
    await perform(ctx, _hand_over, upload=upload, digest=digest)
    return True


async def _hand_over(ctx: Context, upload: Upload, digest: bytes) -> None:
    lease = ctx.new_id()
    await ctx.db.run(sql.lease_chunk, upload_id=upload.id, index=0, lease=lease, lease_s=LEASE_S)
    await ctx.db.run(
        sql.acknowledge_chunk, upload_id=upload.id, index=0, lease=lease, sha256=digest, size=upload.file_size
    )
    await begin_ingest(ctx, upload, Arrived(uploaded_chunks=[0], received=upload.file_size))


def _files(folder: Path) -> list[Path]:
    """Ordinary files below a folder in order of their names; hidden ones and links are left out."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(place, name) for name in sorted(names) if not name.startswith("."))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
    return found


def _digest(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").digest()
        return digest, file.tell()


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := await in_thread(file.read, BLOCK):
            yield block
