"""Who asks, from where, and whether the browser that asks was led here by somebody else's page."""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from secrets import token_urlsafe
from time import monotonic
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from server.keys import BUCKETS, FLOOR, OPENING_SHARE, SETTINGS
from server.limits import strangers_rate
from server.problems import problem_of, problem_response
from tutti import identity
from tutti.command import perform
from tutti.context import Context
from tutti.errors import Forbidden, Invalid, SignInNeeded
from tutti.settings import Settings
from tutti.text import _
from web.keys import BY_COOKIE, CTX, FORM_COOKIE, NEEDS_FORM_TOKEN
from web.pages import COOKIE_FOR_FORMS, cookie_in, is_form_token, problem_page, session_cookie

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SAFE = ("GET", "HEAD", "OPTIONS")
SOCKET_PATHS = ("/api/v1/socket", "/api/socket", "/ws")
FOR_PROGRAMS = ("/api/", "/ws", "/media/", "/files/", "/healthz", "/readyz", "/metrics", "/.well-known/")
"""Paths whose problems are problem+json; everywhere else a person reads them on a page."""
FOR_ANYBODY = ("/static/", "/vendor/")
"""The same for everybody: no session is read, so that a page has them while PostgreSQL is away."""
log = structlog.get_logger()
_request_id = re.compile(r"^[A-Za-z0-9_.:-]{1,64}$")


class ForeignPage(Forbidden):
    """A request with a cookie that another site's page may have caused (R14)."""

    sentence = _(
        "This request did not come from one of Tutti's own pages. Please reload the page and try again."
    )


class UnknownHost(Invalid):
    """The Host header names a server we are not; an answer would help DNS rebinding."""

    sentence = _("This server does not answer to that name. Add it to ALLOWED_HOSTS if it should.")


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost: a context for the request, Problems as answers, security headers, one log line."""
    began = monotonic()
    request[CTX] = _context(request)
    try:
        _check_host(request)
        _check_address(request)
        response = await handler(request)
    except web.HTTPException as error:
        response = error if error.status < 400 else _problem(request, error)
    except Exception as error:  # noqa: BLE001  # the last line of defence: no stack trace reaches a client
        response = _problem(request, error)
    if not response.prepared:
        add_headers(request, response)
    log.debug(
        "request",
        method=request.method,
        path=_route(request),
        status=response.status,
        ms=round((monotonic() - began) * 1000, 1),
        request_id=request[CTX].request_id,
    )
    return response


@web.middleware
async def who_asks(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the session row that a bearer token or the cookie names; check that a cookie was not misused."""
    if request.path.startswith(FOR_ANYBODY):
        request[BY_COOKIE] = False
        return await handler(request)
    ctx = request[CTX]
    header = request.headers.get("Authorization")
    if header is not None:
        await _by_bearer(ctx, header)
    elif cookie := session_cookie(request):
        found = await perform(ctx, identity.session_of_cookie, token=cookie)
        if found is not None:
            ctx.person, ctx.session = found.person, found.session
    request[BY_COOKIE] = header is None
    if request.method not in SAFE and header is None:
        check_own_page(request)
        if not request.path.startswith(FOR_PROGRAMS):
            await count_stranger(request)
    return await handler(request)


async def _by_bearer(ctx: Context, header: str) -> None:
    scheme, _space, token = header.partition(" ")
    found = (
        await perform(ctx, identity.session_of_access_token, jwt=token.strip())
        if scheme.lower() == "bearer"
        else None
    )
    if found is None:
        raise SignInNeeded
    ctx.person, ctx.session = found.person, found.session


async def count_stranger(request: web.Request) -> None:
    """Forms without sign-in write letters and hash passwords: an address has only so many."""
    ctx = request[CTX]
    if ctx.person is None:
        rate = strangers_rate(request.app[SETTINGS])
        await request.app[BUCKETS].spend(address_block(ctx.ip_address), rate)


def check_own_page(request: web.Request) -> None:
    """Both proofs of R14: the browser's own word on where the request comes from, and our token.

    A request without any cookie of ours and without a browser's headers carries no one's authority.
    """
    if not _came_from_us(request):
        raise ForeignPage
    if request.path.startswith("/api/") and request[CTX].session is None:
        return
    given = request.headers.get("X-CSRF-Token")
    request[NEEDS_FORM_TOKEN] = not given
    if given and not is_form_token(request, given):
        raise ForeignPage
    if not given and request.path.startswith("/api/"):
        raise ForeignPage


def _came_from_us(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    if origin is None:
        return request[CTX].session is None and request.path.startswith("/api/")
    return is_own_origin(request, origin)


def is_own_origin(request: web.Request, origin: str) -> bool:
    """Whether an Origin (or Referer) is this server as the request addressed it, or on the list."""
    settings = request.app[SETTINGS]
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if f"{parts.scheme}://{parts.netloc}" in settings.origins:
        return True
    secure = settings.is_secure or request.secure
    return parts.netloc == request.host and parts.scheme == ("https" if secure else "http")


def _route(request: web.Request) -> str:
    """The path as the route spells it: what stands in its {places} may be a secret (R42)."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(no route)"


def _context(request: web.Request) -> Context:
    given = request.headers.get("X-Request-Id", "")
    return Context(
        request.app[FLOOR],
        request_id=given if _request_id.match(given) else token_urlsafe(12),
        ip_address=client_address(request),
        user_agent=_user_agent(request),
        share=request.app[OPENING_SHARE] if request.path in SOCKET_PATHS else None,
    )


def _user_agent(request: web.Request) -> str | None:
    """As it is kept with the session; bytes that are no UTF-8 become question marks."""
    given = request.headers.get("User-Agent", "")[:512]
    return given.encode("utf-8", "replace").decode() or None


def client_address(request: web.Request) -> str | None:
    """The peer, or what the trusted proxies in front tell (R28).

    A proxy may add a line of its own instead of prolonging the client's: all lines are one list (RFC 9110
    §5.3). What is no address says nothing.
    """
    trusted = request.app[SETTINGS].trusted_proxies
    lines = ",".join(request.headers.getall("X-Forwarded-For", ()))
    forwarded = [item.strip() for item in lines.split(",") if item.strip()]
    told = forwarded[-trusted] if trusted and len(forwarded) >= trusted else ""
    return told if _is_address(told) else request.remote


def address_block(address: str | None) -> str:
    """An address as limits count it: IPv6 by /64."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def _check_host(request: web.Request) -> None:
    name = (
        request.host.rsplit(":", 1)[0].strip("[]")
        if request.host.count(":") != 1
        else request.host.split(":")[0]
    ).lower()
    if name in _own_names(request.app[SETTINGS]) or _is_address(name):
        return
    raise UnknownHost(host=name[:100])


def _check_address(request: web.Request) -> None:
    """U+0000 in a path or query fits into no column, and nothing here is called so."""
    if "%00" in request.raw_path:
        raise Invalid.because("The character U+0000 cannot stand in an address.")


def _own_names(settings: Settings) -> set[str]:
    listed = {item.strip().lower() for item in settings.allowed_hosts.split(",") if item.strip()}
    return {"localhost", settings.host.lower(), urlsplit(settings.url).hostname or "", *listed}


def _is_address(name: str) -> bool:
    """A literal address cannot be rebound to us by somebody's DNS."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _problem(request: web.Request, error: Exception) -> web.Response:
    problem = problem_of(error, request.method)
    ctx = request[CTX]
    if request.path.startswith(FOR_PROGRAMS):
        return problem_response(problem, instance=ctx.request_id)
    return problem_page(request, problem)


def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """R15, R16."""
    settings = request.app[SETTINGS]
    headers = response.headers
    headers["X-Request-Id"] = request[CTX].request_id
    # Which versions run here is nobody's business.
    headers["Server"] = "Tutti"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Content-Security-Policy", content_security_policy(request))
    headers.setdefault("Cache-Control", "no-store")
    if settings.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    origin = request.headers.get("Origin")
    if origin and origin in settings.origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers.add("Vary", "Origin")
    if cookie_in(request, COOKIE_FOR_FORMS) is None and request.get(FORM_COOKIE):
        response.set_cookie(
            COOKIE_FOR_FORMS,
            request[FORM_COOKIE],
            httponly=True,
            samesite="Lax",
            secure=settings.is_secure,
            path="/",
        )


def content_security_policy(request: web.Request) -> str:
    """R15: nothing from anywhere but here; the socket's address spelled out for older Safari."""
    socket = f"{'wss' if request.app[SETTINGS].is_secure or request.secure else 'ws'}://{request.host}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        f"media-src 'self' blob:; connect-src 'self' {socket}; font-src 'self'; form-action 'self'; "
        "manifest-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
    )


def hashed(value: str) -> str:
    """A value as a key that tells nothing of it."""
    return sha256(value.encode()).hexdigest()[:32]
