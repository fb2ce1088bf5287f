"""Bytes out: songs as they are heard, whole or in part.

The right is checked once, then no database connection is held. Bytes go out in blocks, by the kernel where
the loop can (asyncio without TLS; uvloop has no sendfile), and stop at once when the session ends (R12).
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar, Final, NamedTuple
from uuid import UUID

import structlog
from aiohttp import web

from server.http import PREFIX, UNVERSIONED, name_successor, uuid_in
from server.keys import FLOOR, HUB, SETTINGS
from server.middleware import add_headers
from server.problems import problem_response
from server.ranges import Piece, asked_piece, is_same, range_still_holds, shown_as
from tutti import library
from tutti.command import perform
from tutti.errors import NotFound, Problem, TooMany
from tutti.library import MediaFile
from tutti.storage_local import LocalStorage
from tutti.text import _
from web.keys import CTX

WATCHED_FROM: Final = 256 * 1024
"""Bytes above which a stream is watched; less is in the network before anybody could stop it."""
RUNNING: Final = web.AppKey("streams running", Counter[UUID])
log = structlog.get_logger()


class RangeOutside(Problem):
    """A range that begins behind the end of the file."""

    status: ClassVar[int] = 416
    sentence = _("The file ends before the part you asked for; it has {size} bytes.")


class PreconditionFailed(Problem):
    """If-Match names another state of the file."""

    status: ClassVar[int] = 412
    sentence = _("This is no longer the file you mean.")


class BytesMissing(NotFound):
    """The song is there, its bytes are not: a restored backup without its media, say."""

    sentence = _("The sound of this song is missing from the storage.")


def add_routes(app: web.Application) -> None:
    """The byte routes of songs; HEAD comes with GET."""
    app[RUNNING] = Counter()
    app.router.add_get(f"{PREFIX}/songs/{{songId}}/stream", stream)
    app.router.add_get(f"{UNVERSIONED}/songs/{{songId}}/stream", stream)


class Sending(NamedTuple):
    """What goes out, and in which session."""

    file: MediaFile
    etag: str
    piece: Piece
    session_id: UUID


async def stream(request: web.Request) -> web.StreamResponse:
    """A song's bytes (GET and HEAD), with Range, If-Range, If-Match and If-None-Match."""
    ctx = request[CTX]
    session_id = ctx.signed_in.id
    file: MediaFile = await perform(ctx, library.file_of_song, song_id=uuid_in(request, "songId"))
    sending = Sending(file, f'"{file.sha256.hex()}"', Piece(0, file.size), session_id)
    if (wanted := request.headers.get("If-Match")) and not is_same(wanted, sending.etag, weak=False):
        raise PreconditionFailed
    if (known := request.headers.get("If-None-Match")) and is_same(known, sending.etag, weak=True):
        return _with_headers(request, web.Response(status=304), sending)
    if await request.app[FLOOR].storage.size(file.storage_key) != file.size:
        log.error("bytes missing", storage_key=file.storage_key, request_id=ctx.request_id)
        raise BytesMissing
    return await _answer(request, sending)


async def _answer(request: web.Request, sending: Sending) -> web.StreamResponse:
    """The whole file, the piece that is asked for, or 416."""
    size = sending.file.size
    piece = asked_piece(request.headers.get("Range"), size)
    if piece is None or not range_still_holds(request.headers.get("If-Range"), sending.etag):
        return await _send(request, web.StreamResponse(), sending)
    if piece.length == 0:
        refused = problem_response(RangeOutside(size=size), instance=request[CTX].request_id)
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    response = web.StreamResponse(status=206)
    response.headers["Content-Range"] = f"bytes {piece.start}-{piece.start + piece.length - 1}/{size}"
    return await _send(request, response, sending._replace(piece=piece))


async def _send(request: web.Request, response: web.StreamResponse, sending: Sending) -> web.StreamResponse:
    """Headers, then the bytes; what goes wrong after the headers can only be told by breaking off."""
    _with_headers(request, response, sending)
    response.content_length = sending.piece.length
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    with _counted(request, sending.session_id):
        try:
            await response.prepare(request)
            await _copy_while_signed_in(request, response, sending)
        except ConnectionError:
            _break_off(request)
        except Exception:  # the headers are out, a second answer would corrupt the first
            log.exception("stream broken off", request_id=request[CTX].request_id)
            _break_off(request)
    return response


@contextmanager
def _counted(request: web.Request, session_id: UUID) -> Iterator[None]:
    """One of the streams that a session may have at once; raises TooMany."""
    running = request.app[RUNNING]
    if running[session_id] >= request.app[SETTINGS].streams_per_session:
        raise TooMany(retry_after=1, limit="streams")
    running[session_id] += 1
    try:
        yield
    finally:
        running[session_id] -= 1
        if not running[session_id]:
            del running[session_id]


async def _copy_while_signed_in(request: web.Request, response: web.StreamResponse, sending: Sending) -> None:
    """Copy until done or until the session ends, on whichever instance it is ended."""
    if sending.piece.length <= WATCHED_FROM:
        await _copy(request, response, sending)
        return
    hub = request.app[HUB]
    ended = await hub.watch_session(sending.session_id)
    copying = asyncio.create_task(_copy(request, response, sending), name="stream")
    watching = asyncio.create_task(ended.wait(), name="stream: watch")
    try:
        await asyncio.wait((copying, watching), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Stopped before the connection is closed: the kernel's copying must not outlive its socket.
        copying.cancel()
        watching.cancel()
        await asyncio.wait((copying, watching))
        await hub.unwatch_session(sending.session_id, ended)
    if copying.cancelled():
        _break_off(request)
    else:
        await copying


async def _copy(request: web.Request, response: web.StreamResponse, sending: Sending) -> None:
    storage, piece = request.app[FLOOR].storage, sending.piece
    if isinstance(storage, LocalStorage) and await _sent_by_kernel(request, storage, sending):
        await response.write_eof()
        return
    blocks = storage.read(sending.file.storage_key, piece.start, piece.length)
    try:
        async for block in blocks:
            await response.write(block)
    finally:
        with suppress(AttributeError):
            await blocks.aclose()  # type: ignore[attr-defined]  # the storages' iterators are generators
    await response.write_eof()


async def _sent_by_kernel(request: web.Request, storage: LocalStorage, sending: Sending) -> bool:
    """Let the kernel copy from file to socket; False, and nothing sent, where loop or transport cannot."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    async with storage.local_path(sending.file.storage_key) as path:
        with await asyncio.to_thread(path.open, "rb") as opened:
            try:
                loop = asyncio.get_running_loop()
                await loop.sendfile(
                    transport, opened, sending.piece.start, sending.piece.length, fallback=False
                )
            except (NotImplementedError, asyncio.SendfileNotAvailableError, RuntimeError):
                return False
    return True


def _with_headers(request: web.Request, response: web.StreamResponse, sending: Sending) -> web.StreamResponse:
    """Our own type, never the uploader's; nothing in it may run, whatever it pretends to be (R16, R31)."""
    file = sending.file
    response.content_type = file.content_type
    response.headers["ETag"] = sending.etag
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, max-age=0, must-revalidate"
    response.headers["Vary"] = "Cookie, Authorization"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Content-Disposition"] = shown_as(f"{file.artist} - {file.title}.{file.suffix}")
    name_successor(request, response)
    add_headers(request, response)
    return response


def _break_off(request: web.Request) -> None:
    """Close the connection without a proper end, so that nobody takes a part for the whole."""
    if request.transport is not None:
        request.transport.abort()
