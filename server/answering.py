"""One frame in, at most one frame out: decode, count, find the command, run it, answer."""

from time import monotonic
from typing import Any

from msgspec.structs import replace

from server.connection import Connection
from server.http import is_steering, rate_of, spend
from server.problems import problem_members, problem_of
from server.rpc import Call, UnknownMethod, call_in, code_of
from server.socket import SIGNED_OUT, TOO_FAST
from tutti import identity, player
from tutti.command import arguments, perform
from tutti.errors import Problem, SignInNeeded, TooMany
from tutti.record import convert
from tutti.wire import Ping, Pong, is_spoken


async def answer(connection: Connection, raw: str) -> None:
    """Carry out what a frame asks for; whatever fails, the socket answers and stays."""
    connection.come_in()
    call: Call | None = None
    try:
        call = _call(connection, raw)
        if call.method == "clock.ping":
            _pong(connection, call)
            return
        result = await _result(connection, call)
    except Problem as problem:
        _refuse(connection, call, problem)
    except Exception as error:  # noqa: BLE001  # whatever fails, the socket answers and stays
        _refuse(connection, call, problem_of(error))
    else:
        if call.id is not None:
            connection.send({"id": call.id, "result": {} if result is None else result})


def _call(connection: Connection, raw: str) -> Call:
    """What a frame asks for; nonsense counts like a command."""
    try:
        return call_in(raw)
    except Problem:
        _spend(connection)
        raise


async def _result(connection: Connection, call: Call) -> Any:
    command = connection.commands.get(call.method)
    if command is None or not is_spoken(command):
        _spend(connection)
        raise UnknownMethod(method=call.method[:100])
    if is_steering(command):
        _spend(connection)
    else:
        # Counted before anything is read: here for a flood, and with the person's other devices.
        _spend(connection, "questions")
        rate = rate_of(connection.floor.settings, connection.context(), command)
        await spend(connection.shared_buckets, rate)
        await _who_asks(connection)
    parameters = convert(call.params, command.parameters)
    result = await perform(connection.context(), command.function, **arguments(parameters))
    if command.function is player.register_device and connection.session is not None:
        connection.session = replace(connection.session, device_id=result.device_id)
        await connection.places.take(connection)
    return result


async def _who_asks(connection: Connection) -> None:
    """Read the session's row anew, as every HTTP request does (R26): who was demoted is so at once.

    Steering alone, which asks for no more than its own player, rests on `session.ended` and the next poll.
    """
    if connection.session is None:
        raise SignInNeeded
    found = await perform(connection.context(), identity.session_still_open, session=connection.session)
    if found is None:
        connection.socket.close(SIGNED_OUT)
        raise SignInNeeded
    connection.person, connection.session = found.person, found.session


def _pong(connection: Connection, call: Call) -> None:
    """Three of the four stamps, in PostgreSQL's time base, milliseconds; a notification gets no answer."""
    if call.id is None:
        return
    t1 = connection.floor.clock.now_ms()
    t0 = convert(call.params, Ping).t0
    connection.send({"id": call.id, "result": Pong(t0=t0, t1=t1, t2=connection.floor.clock.now_ms())})


def _spend(connection: Connection, kind: str = "commands") -> None:
    """Count a frame of this session; a first excess is refused, more in the same breath closes 4003.

    Each kind is counted for itself: who searches while typing takes nothing from who presses pause.
    """
    session = connection.session
    speaker = session.id if session else id(connection)
    verdict = connection.buckets.take(f"{kind}:{speaker}", connection.rate)
    if verdict.allowed:
        return
    now = monotonic()
    if connection.warned_at and now - connection.warned_at < 1:
        connection.socket.close(TOO_FAST)
    connection.warned_at = connection.warned_at if now - connection.warned_at < 1 else now
    raise TooMany(retry_after=max(1, -(-verdict.wait_ms // 1000)), limit=kind)


def _refuse(connection: Connection, call: Call | None, problem: Problem) -> None:
    if call is not None and call.id is None:
        return
    members = problem_members(problem, instance=f"{connection.request_id}.{connection.serial}")
    error = {"code": code_of(problem), "message": members["detail"], "data": members}
    connection.send({"id": call.id if call else None, "error": error})
