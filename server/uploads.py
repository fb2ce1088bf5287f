"""Bytes in: a chunk's body streamed to its place, with no database connection held while it comes.

Three short steps: lease the chunk, stream, acknowledge. Whatever goes wrong in the middle gives the lease
back, so that the client can send the chunk again at once.
"""

import asyncio
import hashlib
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Final, NamedTuple

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from server.http import PREFIX, UNVERSIONED, deprecated, uuid_in
from tutti import identity, uploads
from tutti.command import perform
from tutti.context import Context
from tutti.errors import Invalid, Problem, SignInNeeded, TooLarge, UnsupportedType
from tutti.record import encode
from tutti.storage import Written, in_blocks, in_thread
from tutti.text import _
from web.keys import CTX

receiving = uploads.receiving
STALLED_S: Final = 30
PIECE: Final = 128 * 1024
_index = re.compile(r"0|[1-9]\d{0,5}")
_sha256_member = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):\s*(?=$|,)")


class BodyStalled(Problem):
    """No byte of the body came for half a minute, or the client went away in the middle."""

    status = 408
    sentence = _("The connection stopped in the middle of this piece. Please send it again.")


class Body(NamedTuple):
    """The bytes of a chunk as they come, and the SHA-256 that Content-Digest promises for them."""

    pieces: AsyncIterator[bytes]
    promised: bytes | None


def add_routes(app: web.Application) -> None:
    """POST a chunk, PUT the one body of a signed URL."""
    for verb, path, handler in (
        ("POST", "/upload/chunk/{uploadId}/{chunkIndex}", chunk),
        ("PUT", "/upload/direct/{uploadId}", direct),
    ):
        app.router.add_route(verb, PREFIX + path, handler)
        app.router.add_route(verb, UNVERSIONED + path, deprecated(handler))


async def chunk(request: web.Request) -> web.Response:
    """One chunk of an upload of mine: a raw body, or a multipart form with one part."""
    ctx = request[CTX]
    _signed_in = ctx.me
    is_form = request.content_type == "multipart/form-data"
    body = await _form(request) if is_form else _raw(request)
    await receiving.check_room(ctx)
    expected = await perform(
        ctx,
        receiving.expect_chunk,
        upload_id=uuid_in(request, "uploadId"),
        index=_chunk_index(request),
        announced=None if is_form else request.content_length,
    )
    return await _receive(ctx, expected, body)


async def direct(request: web.Request) -> web.Response:
    """The whole file in one body, by a signed URL; nobody needs to be signed in."""
    ctx = request[CTX]
    body = _raw(request)
    await receiving.check_room(ctx)
    expected = await perform(
        ctx,
        receiving.expect_direct,
        upload_id=uuid_in(request, "uploadId"),
        expires=request.query.get("expires", ""),
        signature=request.query.get("signature", ""),
        announced=request.content_length,
        content_type=request.headers.get("Content-Type", ""),
    )
    return await _receive(ctx, expected, body)


async def _receive(ctx: Context, expected: receiving.Expected, body: Body) -> web.Response:
    """Stream to the chunk's place, check, acknowledge. A chunk that has arrived before is only compared."""
    if expected.sha256 is not None:
        receiving.compare(expected, await _hashed(body.pieces, expected), body.promised)
        return _answer(await perform(ctx, receiving.chunk_repeated, expected=expected))
    try:
        held = _under_lease(ctx, expected, body.pieces)
        written = await ctx.storage.write_at(expected.key, expected.offset, held, expected.length)
        receiving.compare(expected, written, body.promised)
        await _check_still_signed_in(ctx)
        return _answer(await perform(ctx, receiving.chunk_arrived, expected=expected, sha256=written.sha256))
    except FileNotFoundError:
        raise await _lost(ctx, expected) from None
    except BaseException as error:
        with suppress(Problem):
            await perform(ctx, receiving.release_chunk, expected=expected)
        if type(error) is TooLarge:
            raise receiving.too_large(expected) from None
        raise


async def _lost(ctx: Context, expected: receiving.Expected) -> Problem:
    try:
        return await perform(ctx, receiving.bytes_lost, upload_id=expected.upload_id)
    except Problem as problem:
        return problem


async def _under_lease(
    ctx: Context, expected: receiving.Expected, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The pieces, as long as the chunk is ours: who slept through his lease writes nothing more."""
    async for piece in pieces:
        if monotonic() - expected.leased_at > receiving.RENEW_EVERY_S:
            await _check_still_signed_in(ctx)
            expected = await perform(ctx, receiving.renew_lease, expected=expected)
        yield piece


async def _check_still_signed_in(ctx: Context) -> None:
    """A body may take long, and the session that began it may have ended since (R12)."""
    session = ctx.session
    if session is not None and not await perform(ctx, identity.still_live, session_ids=(session.id,)):
        raise SignInNeeded


async def _hashed(pieces: AsyncIterator[bytes], expected: receiving.Expected) -> Written:
    """Size and SHA-256 of a body that is not kept."""
    digest, size = hashlib.sha256(), 0
    try:
        async for block in in_blocks(pieces, expected.length):
            await in_thread(digest.update, block)
            size += len(block)
    except TooLarge:
        raise receiving.too_large(expected) from None
    return Written(size, digest.digest())


def _raw(request: web.Request) -> Body:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedType(content_encoding=request.headers["Content-Encoding"][:40])
    return Body(_pieces(request.content.readany), _promised(request.headers))


async def _form(request: web.Request) -> Body:
    try:
        reader = await request.multipart()
        part = await reader.next()
    except (ValueError, AssertionError, HttpProcessingError):
        raise Invalid.because("This multipart form cannot be read.") from None
    if not isinstance(part, BodyPartReader):
        raise Invalid.because("A chunk's form has one part, with the bytes.")

    async def of_part() -> AsyncIterator[bytes]:
        async for piece in _pieces(lambda: part.read_chunk(PIECE)):
            yield piece
        if await reader.next() is not None:
            raise Invalid.because("A chunk's form has one part, with the bytes.")

    return Body(of_part(), _promised(part.headers))


async def _pieces(read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    """A body as it comes, at any pace but standstill."""
    while True:
        try:
            async with asyncio.timeout(STALLED_S):
                piece = await read()
        except (OSError, TimeoutError, ValueError, HttpProcessingError):
            raise BodyStalled from None
        if not piece:
            return
        yield piece


def _promised(headers: Mapping[str, str]) -> bytes | None:
    """The SHA-256 of Content-Digest (RFC 9530); other algorithms are not looked at."""
    given = headers.get("Content-Digest", "")
    member = _sha256_member.search(given)
    if member is None:
        return None
    try:
        digest = b64decode(member[1], validate=True)
    except NotBase64:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise Invalid.because("Content-Digest holds no SHA-256.", pointer="/Content-Digest")
    return digest


def _chunk_index(request: web.Request) -> int:
    text = request.match_info["chunkIndex"]
    if not _index.fullmatch(text):
        raise Invalid.because("A piece's number is 0, 1, 2 …", pointer="/chunkIndex")
    return int(text)


def _answer(answer: object) -> web.Response:
    return web.Response(body=encode(answer), content_type="application/json")
