"""Command → aiohttp route: read what its signature names, perform, answer with its return type's status."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from server.crowds import CROWDS
from server.keys import BUCKETS, SETTINGS
from server.limits import Buckets, Rate, strangers_rate
from server.middleware import address_block, count_stranger, hashed
from tutti import identity
from tutti.command import Command, arguments, camel, perform
from tutti.context import Context
from tutti.errors import Invalid, UnsupportedType
from tutti.record import convert, decode, encode
from tutti.settings import Settings
from web.keys import CTX

PREFIX: Final = "/api/v1"
UNVERSIONED: Final = "/api"
DEPRECATED_SINCE: Final = "@1767225600"
"""RFC 9745 wants a date: paths without a version have been deprecated since 2026-01-01."""
MAX_BODY: Final = 262_144
READING: Final = ("GET", "HEAD")
IN_QUERY: Final = (*READING, "DELETE")
"""Verbs whose parameters stand in the query, where everything is text."""
STEERING: Final = ("player", "queue", "device", "output")
"""Nouns whose commands are counted per session, on either transport."""
PROOFS: Final = (
    "/auth/login",
    "/auth/register",
    "/auth/password",
    "/auth/magic-link",
    "/auth/confirm",
    "/auth/2fa",
)


def add_commands(app: web.Application, commands: dict[str, Command]) -> None:
    """One route per command that has one, with the version and without."""
    for command in commands.values():
        if command.verb and command.path:
            handler = route_of(command)
            # Whoever may get something may ask for its head (RFC 9110 §9.1).
            for verb in READING if command.verb == "GET" else (command.verb,):
                app.router.add_route(verb, PREFIX + command.path, handler)
                app.router.add_route(verb, UNVERSIONED + command.path, deprecated(handler))


def route_of(command: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of one command."""

    async def answer(request: web.Request) -> web.Response:
        ctx = request[CTX]
        if not command.public:
            _ = ctx.me
        if is_steering(command) and (share := request.app[CROWDS].share_of(ctx.person, ctx.session)):
            ctx.wait_with(share)
        given = await _given(request, command)
        rate = rate_of(request.app[SETTINGS], ctx, command)
        if rate is not None and rate[0].name == "sign-in":
            await count_stranger(request)  # or each other address would be counted by itself
        headers = await spend(request.app[BUCKETS], rate, _account(given))
        parameters = convert(given, command.parameters, strict=request.method not in IN_QUERY)
        key = request.headers.get("Idempotency-Key")
        if key and command.status in (201, 202) and ctx.person is not None:
            return await _once(ctx, command, parameters, key, headers)
        return _response(
            await perform(ctx, command.function, **arguments(parameters)), command.status, headers
        )

    return answer


def is_steering(command: Command) -> bool:
    """Whether it is asked of a player."""
    return command.name.partition(".")[0] in STEERING


def deprecated(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The same answer, with a word on where the path stands now."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await handler(request)
        if not response.prepared:
            name_successor(request, response)
        return response

    return answer


def name_successor(request: web.Request, response: web.StreamResponse) -> None:
    """Say where a path without a version stands now; nothing for one that has it."""
    if not request.path.startswith(PREFIX + "/"):
        successor = PREFIX + request.path.removeprefix(UNVERSIONED)
        response.headers["Deprecation"] = DEPRECATED_SINCE
        response.headers["Link"] = f'<{successor}>; rel="successor-version"'


async def _given(request: web.Request, command: Command) -> dict[str, Any]:
    """Body, query and path as one object; a member that stands in two of them is refused."""
    given = await _body(request) if request.method not in READING else {}
    query = _query(request)
    path = dict(request.match_info)
    for source in (query, path):
        if twice := given.keys() & source.keys():
            raise Invalid.because("This is given twice.", pointer=f"/{min(twice)}")
        given |= source
    key = request.headers.get("Idempotency-Key")
    if key and "command_id" in command.parameters.__struct_fields__:
        given.setdefault("commandId", key)
    lists = {camel(name) for name, kind in command.parameters.__annotations__.items() if "list[" in str(kind)}
    if request.method in READING:
        return {name: value.split(",") if name in lists and value else value for name, value in given.items()}
    return given


def _query(request: web.Request) -> dict[str, Any]:
    if len(request.query) != len(set(request.query)):
        raise Invalid.because("A name stands twice in the query.")
    return dict(request.query)


async def _body(request: web.Request) -> dict[str, Any]:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedType(content_encoding=request.headers["Content-Encoding"][:40])
    raw = await request.read() if request.can_read_body else b""
    if not raw:
        return {}
    if request.content_type != "application/json":
        raise UnsupportedType(content_type=request.content_type)
    value = decode(raw)
    if not isinstance(value, dict):
        raise Invalid.because("The body must be a JSON object.")
    return value


def _account(given: dict[str, Any]) -> str:
    email = given.get("email")
    return email.strip().casefold()[:256] if isinstance(email, str) else ""


def rate_of(settings: Settings, ctx: Context, command: Command) -> tuple[Rate, str] | None:
    """Which bucket counts this call, and by what, on either transport (protocol §1's table)."""
    path = command.path or ""
    block = address_block(ctx.ip_address)
    person = str(ctx.person.id) if ctx.person else block
    if is_steering(command) and command.verb not in READING:
        return steering_rate(settings), str(ctx.session.id) if ctx.session else person
    if path.startswith(PROOFS):
        return Rate("sign-in", settings.rate_sign_in_per_minute, 60), block
    if path == "/search/suggestions":
        return Rate("suggestions", settings.rate_suggestions_per_second, 1), person
    if command.name.startswith("upload."):
        return None
    if ctx.person is None:
        return strangers_rate(settings), block
    if command.verb in READING:
        return Rate("reads", settings.rate_reads_per_minute, 60), person
    return Rate("writes", settings.rate_writes_per_minute, 60), person


def steering_rate(settings: Settings) -> Rate:
    """Player and queue commands of a session, on either transport."""
    burst = settings.rate_commands_burst
    return Rate("commands", burst, burst / settings.rate_commands_per_second)


async def spend(buckets: Buckets, rate: tuple[Rate, str] | None, account: str = "") -> dict[str, str]:
    """Count one call; answers the RateLimit headers, raises TooMany."""
    if rate is None:
        return {}
    key = f"{rate[1]}:{hashed(account)}" if rate[0].name == "sign-in" else rate[1]
    return await buckets.spend(key, rate[0])


async def _once(
    ctx: Context, command: Command, parameters: Any, key: str, headers: dict[str, str]
) -> web.Response:
    """Carry out a creating command once per Idempotency-Key (R40); the answer is kept in its own commit."""
    if len(key) > 200 or not key.isprintable():
        raise Invalid.because("An Idempotency-Key has at most 200 printable characters.")
    known = await perform(
        ctx,
        identity.answered_before,
        route=command.name,
        key=key,
        request_hash=sha256(encode(parameters)).digest(),
    )
    if known is not None:
        return _response(known, command.status, headers | {"Idempotent-Replay": "true"})

    async def and_keep_the_answer(ctx: Context, **given: Any) -> Any:
        answer = await command.function(ctx, **given)
        await identity.keep_answer(ctx, route=command.name, key=key, answer=answer)
        return answer

    try:
        answer = await perform(ctx, and_keep_the_answer, **arguments(parameters))
    except BaseException:
        await perform(ctx, identity.forget_answer, route=command.name, key=key)
        raise
    return _response(answer, command.status, headers)


def _response(answer: Any, status: int, headers: dict[str, str]) -> web.Response:
    if status == 204:
        return web.Response(status=204, headers=headers)
    return web.Response(body=encode(answer), status=status, content_type="application/json", headers=headers)


def uuid_in(request: web.Request, name: str) -> UUID:
    """A UUID out of the path; raises Invalid."""
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise Invalid.because("This is not a UUID.", pointer=f"/{name}") from None
