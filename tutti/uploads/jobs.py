"""From bytes to a song."""

import asyncio
import hashlib
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from tutti import audio, identity, library
from tutti.context import Context, Person
from tutti.database import queries
from tutti.errors import Problem, Unusable
from tutti.job import job
from tutti.record import Record
from tutti.storage import in_thread
from tutti.uploads.model import WORKING, Status, Upload, incoming_key, media_key
from tutti.uploads.problems import BytesLost, GaveUp, QuotaUsedUp, WrongDigest
from tutti.uploads.rows import Arrived, tell

sql = queries(__file__)


class Ended(Exception):
    """The upload was cancelled, or is finished already: there is nothing to do."""


class ChunkDigest(Record):
    """What was acknowledged of one chunk."""

    index: int
    size: int
    sha256: bytes


async def give_up(ctx: Context, upload_id: UUID) -> None:
    """The last attempt is over: the owner reads why, and other files go on (F20)."""
    await _fail(ctx, upload_id, GaveUp())


@job(queue="ingest", timeout_s=1800, gave_up=give_up)
async def ingest(ctx: Context, upload_id: UUID) -> None:
    """Verify, recognise, rename, and make the song and its search rows in one transaction.

    May be killed at any moment and run again: the found digest is kept before the file is renamed, so the
    next run finds the file in either place; the song is added only once, in the commit that says `ready`.
    """
    try:
        upload = await _advance(ctx, upload_id, "assembling")
        await _take_in(ctx, upload)
    except Ended:
        return
    except (Unusable, QuotaUsedUp) as problem:
        async with ctx.transaction():
            await _fail(ctx, upload_id, problem)
        await ctx.storage.delete(incoming_key(upload_id))


async def _take_in(ctx: Context, upload: Upload) -> None:
    key = await _where(ctx, upload)
    async with ctx.storage.local_path(key) as path:
        digest = await _verified(ctx, upload, path)
        upload = await _advance(ctx, upload.id, "checking", digest)
        probe = await audio.probe(path, ctx.settings)
    await _advance(ctx, upload.id, "indexing")
    async with ctx.transaction():
        await _add_song(ctx, upload, digest, probe)


async def _where(ctx: Context, upload: Upload) -> str:
    """Where the bytes are: still incoming, or in their lasting place since an attempt that was killed."""
    with suppress(FileNotFoundError):
        await ctx.storage.seal(upload.incoming_key)
    places = [upload.incoming_key, *([media_key(upload.content_sha256)] if upload.content_sha256 else [])]
    for key in places:
        size = await ctx.storage.size(key)
        if size is not None:
            if size != upload.file_size:
                raise WrongDigest
            return key
    raise BytesLost


async def _verified(ctx: Context, upload: Upload, path: Path) -> bytes:
    """The SHA-256 of the whole, which must be the promised one, as each chunk must be what was acknowledged.

    A chunk can differ when a request that had lost its lease wrote late; rare, but a song must not hide it.
    """
    async with ctx.transaction():
        chunks = await ctx.db.all(sql.digests, ChunkDigest, upload_id=upload.id)
    whole, are_as_acknowledged = await asyncio.gather(
        in_thread(_digest, path), in_thread(_chunks_match, path, upload, chunks if len(chunks) > 1 else [])
    )
    promised = {upload.sha256, *(chunk.sha256 for chunk in chunks if upload.total_chunks == 1)} - {None}
    if not are_as_acknowledged or not promised <= {whole}:
        raise WrongDigest
    return whole


async def _add_song(ctx: Context, upload: Upload, digest: bytes, probe: audio.Probe) -> None:
    """The song, its search rows, `ready` and the news: one commit."""
    locked = await ctx.db.one(sql.lock_upload, Upload, id=upload.id)
    if locked is None or locked.status not in WORKING:
        raise Ended
    ctx.person = _owner(upload.user_id)
    await _check_quota(ctx, upload, digest)
    await _move(ctx, upload, media_key(digest))
    song = await library.add_song(
        ctx,
        owner_id=upload.user_id,
        sha256=digest,
        storage_key=media_key(digest),
        size=upload.file_size,
        probe=probe,
        file_name=upload.file_name,
    )
    file = await library.file_of_song(ctx, song.id)
    ready = await ctx.db.one(sql.finish, Upload, id=upload.id, file_id=file.id, song_id=song.id)
    if ready is None:
        raise Ended
    tell(ctx, ready, Arrived())


async def _move(ctx: Context, upload: Upload, key: str) -> None:
    """To the lasting place, held against being erased as somebody else's leftover until the commit.

    Only here a transaction waits for the storage: a rename on disk, a copy inside S3.
    """
    lies_there = await library.hold_bytes(ctx, key)
    try:
        await ctx.storage.finish(upload.incoming_key, key)
    except FileNotFoundError:
        if not lies_there:
            raise BytesLost from None


async def _check_quota(ctx: Context, upload: Upload, digest: bytes) -> None:
    """At the end again (R29): what was reserved at the beginning may have been spent twice since."""
    if await library.find_by_hash(ctx, upload.user_id, digest) is not None:
        return  # nothing is added
    used = await library.stored_bytes(ctx, upload.user_id)
    if used + upload.file_size > ctx.settings.upload_quota_bytes:
        raise QuotaUsedUp(limit=ctx.settings.upload_quota_bytes, used=used)


async def _advance(ctx: Context, upload_id: UUID, status: Status, digest: bytes | None = None) -> Upload:
    async with ctx.transaction():
        upload = await ctx.db.one(sql.advance, Upload, id=upload_id, status=status, content_sha256=digest)
        if upload is None:
            raise Ended
        tell(ctx, upload, Arrived())
    return upload


async def _fail(ctx: Context, upload_id: UUID, problem: Problem) -> None:
    failed = await ctx.db.one(sql.fail, Upload, id=upload_id, problem=problem.code, detail=problem.sentence)
    if failed is not None:
        tell(ctx, failed, Arrived())


def _owner(user_id: UUID) -> Person:
    """The job acts for the one who uploaded: he may hear what he owns."""
    return Person(id=user_id, name="", audiences=identity.audiences_of(user_id))


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _chunks_match(path: Path, upload: Upload, chunks: list[ChunkDigest]) -> bool:
    """Whether each acknowledged chunk still has the SHA-256 it was acknowledged with."""
    with path.open("rb") as file:
        for chunk in chunks:
            file.seek(chunk.index * upload.chunk_size)
            if sha256(file.read(chunk.size)).digest() != chunk.sha256:
                return False
    return True
