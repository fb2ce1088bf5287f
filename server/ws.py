"""The socket from its opening to its end: sign-in, greeting, the turn-taking, goodbye."""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Final

from aiohttp import WSMessage, WSMsgType, web

from server.answering import answer
from server.connection import Connection
from server.hub import Hub
from server.keys import BUCKETS, SETTINGS
from server.limits import Rate
from server.masked import check_nothing_sent, look_at_frames
from server.middleware import ForeignPage, address_block, is_own_origin
from server.rpc import call_in
from server.socket import (
    FORBIDDEN,
    NO_SIGN_IN,
    PROTOCOL,
    RESTARTING,
    SIGNED_OUT,
    SILENT,
    TOKEN_EXPIRED,
    TOO_MANY_SOCKETS,
)
from tutti import event, identity, player, uploads
from tutti.command import perform
from tutti.context import Context, SessionRef
from tutti.errors import Problem, Unavailable
from tutti.record import convert
from tutti.wire import (
    Authenticate,
    Authenticated,
    Hello,
    ServerDegraded,
    SocketUser,
)
from web.keys import BY_COOKIE, CTX

PROTOCOL_VERSION: Final = 1
MAX_FRAME: Final = 65_536
SIGN_IN_WITHIN_S: Final = 10
LAST_ANSWER_WITHIN_S: Final = 3
HEARTBEAT_MS: Final = 25_000
_REFUSED_WITH: Final = {401: SIGNED_OUT, 403: FORBIDDEN, 404: FORBIDDEN}
"""How a socket ends that is refused its first screen: who may see no player need not come back."""


async def serve(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/socket: one per device."""
    ctx = request[CTX]
    _check_origin(request)
    await _check_opens(request)
    check_nothing_sent(request)
    response = web.WebSocketResponse(compress=False, max_msg_size=MAX_FRAME, autoping=False, timeout=2)
    await response.prepare(request)
    connection = Connection(request, response)
    hub, socket = connection.hub, connection.socket
    look_at_frames(request, connection.may_come, connection.refuse)
    if _too_many(hub, ctx, request):
        await response.close(code=TOO_MANY_SOCKETS, message=b"too many sockets")
        return response
    socket.closing = asyncio.get_running_loop().create_future()
    socket.closing.add_done_callback(lambda future: _close_soon(connection, future))
    hub.add(socket)
    expiry = _close_when_expired(connection, ctx.session)
    try:
        await _talk(connection)
    finally:
        if expiry is not None:
            expiry.cancel()
        if not socket.closing.done():
            socket.closing.cancel()
        await hub.remove(socket)
        await _device_left(connection)
        if connection.goodbye is not None:
            # Returning closes the transport, and with it a close frame that has not been written yet.
            await connection.goodbye
    return response


async def _device_left(connection: Connection) -> None:
    """The client closed the socket that spoke for its device: others see at once that it is away.

    A socket that we closed is expected back, unless we signed it out or it was silent for long. Another one
    here that has said no word yet is about to take the place: a window gave the lead to another.
    """
    places, session_id = connection.places, connection.socket.session_id
    is_expected = connection.socket.close_code not in (None, SIGNED_OUT, SILENT)
    if session_id is None or is_expected:
        places.forget(connection)
    elif connection.hub.census.of_session(session_id):
        await places.make_room(connection)
    else:
        await places.leave(connection)


def _close_when_expired(connection: Connection, session: SessionRef | None) -> asyncio.TimerHandle | None:
    """A socket ends with the token that opened it; its client comes back with a newer one (R26)."""
    if session is None or session.credential_until is None:
        return None
    left = (session.credential_until - connection.floor.clock.now()).total_seconds()
    loop = asyncio.get_running_loop()
    return loop.call_later(max(left, 0), connection.socket.close, TOKEN_EXPIRED)


def _close_soon(connection: Connection, closing: "asyncio.Future[int]") -> None:
    if not closing.cancelled():
        connection.goodbye = asyncio.ensure_future(_close(connection, closing.result()))


async def _close(connection: Connection, code: int) -> None:
    """Say goodbye; a reader that does not even take that is cut off."""
    if code == RESTARTING:
        with suppress(TimeoutError):
            await asyncio.wait_for(_answered(connection), LAST_ANSWER_WITHIN_S)
    connection.hub.hush(connection.socket)
    try:
        await asyncio.wait_for(connection.response.close(code=code, drain=False), 3)
    except (TimeoutError, ConnectionError, RuntimeError):
        connection.socket.transport.abort()


async def _answered(connection: Connection) -> None:
    async with connection.answering:
        pass


async def _talk(connection: Connection) -> None:
    """Sign in if need be, say hello, then answer until one side ends it."""
    if connection.person is None and not await _signs_in(connection):
        return
    try:
        await _hello(connection)
    except Problem as problem:
        await _turned_away(connection, _REFUSED_WITH.get(problem.status, RESTARTING))
        return
    if connection.session is not None and connection.session.device_id is not None:
        connection.socket.ping()  # whoever hears us answers, and by that takes his device's place
    while True:
        message = await connection.response.receive()
        if not _is_open(message):
            return
        connection.socket.last_heard = monotonic()
        await connection.places.take(connection)
        if message.type is WSMsgType.TEXT:
            async with connection.answering:
                if connection.socket.close_code is None:
                    await answer(connection, message.data)
        elif message.type is WSMsgType.PING:
            connection.socket.pong(message.data)
        elif message.type is WSMsgType.BINARY:
            connection.socket.close(PROTOCOL)
        # Frames that lie here already are received without waiting: others have a turn between two of them.
        await asyncio.sleep(0)


def _is_open(message: WSMessage) -> bool:
    """An oversized frame arrives as ERROR with an exception inside: look at the type, never at the data."""
    return message.type in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)


async def _signs_in(connection: Connection) -> bool:
    """The first frame of a socket without cookie or bearer: session.authenticate {ticket}, within 10 s."""
    try:
        message = await connection.response.receive(timeout=SIGN_IN_WITHIN_S)
        call = call_in(message.data) if message.type is WSMsgType.TEXT else None
        if call is not None and call.method == "session.authenticate":
            ticket = convert(call.params, Authenticate).ticket
            found = await perform(connection.context(), identity.redeem_ticket, ticket=ticket)
            if found is not None:
                if connection.hub.census.of_person(found.person.id) >= connection.sockets_per_person:
                    return await _turned_away(connection, TOO_MANY_SOCKETS)
                connection.person, connection.session = found.person, found.session
                connection.socket.person_id = found.person.id
                connection.hub.census.note(connection.socket)
                connection.send({"id": call.id, "result": Authenticated()})
                return True
    except Problem as problem:
        if isinstance(problem, Unavailable):
            return await _turned_away(connection, RESTARTING)
    except TimeoutError:
        pass
    return await _turned_away(connection, NO_SIGN_IN)


async def _turned_away(connection: Connection, code: int) -> bool:
    """Close it and wait until it is closed: returning at once would say 1000."""
    connection.socket.close(code)
    while _is_open(await connection.response.receive()):
        pass
    return False


async def _hello(connection: Connection) -> None:
    """session.hello, then everything the first screen needs; topics are listened to before they are read."""
    person, session = connection.context().me, connection.context().signed_in
    connection.socket.session_id = session.id
    connection.hub.census.note(connection.socket)
    for topic in (event.person(person.id), event.session(session.id), *map(event.audience, person.audiences)):
        await connection.listen(topic)
    hello = Hello(
        protocol=PROTOCOL_VERSION,
        session_id=session.id,
        device_id=session.device_id,
        player_id=session.player_id,
        rights=await perform(connection.context(), player.rights_here),
        server_time=connection.floor.clock.now(),
        heartbeat_ms=HEARTBEAT_MS,
        user=SocketUser(id=person.id, name=person.name, role=person.role),
    )
    connection.send({"method": "session.hello", "params": hello})
    opening = await perform(connection.context(), player.opening)
    for method, params in opening:
        connection.send({"method": method, "params": params})
        if isinstance(params, player.State):
            # The event that began this song may have been lost: its end is watched all the same.
            connection.song_ends.watch(params)
    if connection.hub.degraded:
        parts = ServerDegraded(parts=connection.hub.degraded)
        connection.send({"method": "server.degraded", "params": parts})
    for progress in await perform(connection.context(), uploads.running):
        connection.send({"method": "upload.progress", "params": progress})


def _check_origin(request: web.Request) -> None:
    """A browser always sends Origin; without one only a bearer token counts, never the cookie (R20)."""
    origin = request.headers.get("Origin")
    if origin is not None and not is_own_origin(request, origin):
        raise ForeignPage
    if origin is None and request[BY_COOKIE]:
        request[CTX].person = request[CTX].session = None


async def _check_opens(request: web.Request) -> None:
    settings, ctx = request.app[SETTINGS], request[CTX]
    block = address_block(ctx.ip_address)
    await request.app[BUCKETS].spend(
        block, Rate("socket-opens-address", settings.rate_socket_opens_address, 1)
    )
    if ctx.session is not None:
        rate = Rate("socket-opens-session", settings.rate_socket_opens_session, 1)
        await request.app[BUCKETS].spend(str(ctx.session.id), rate)


def _too_many(hub: Hub, ctx: Context, request: web.Request) -> bool:
    settings = request.app[SETTINGS]
    if ctx.person is None:
        return hub.census.strangers_from(address_block(ctx.ip_address)) >= settings.sockets_per_stranger
    return hub.census.of_person(ctx.person.id) >= settings.sockets_per_person
