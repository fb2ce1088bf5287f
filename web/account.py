"""Pages on the way in and out: setting up, signing in, joining, registering, confirming, resetting."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from tutti import identity
from tutti.errors import Problem
from web.forms import card, given_in
from web.pages import (
    SETTINGS_IN_PAGES,
    ask,
    context,
    cookie_in,
    cookie_name,
    drop_session_cookie,
    page,
    redirect,
    safe_next,
    set_session_cookie,
)

DEVICE_COOKIE: Final = "device"
DEVICE_LIFE: Final = timedelta(days=180)
GUEST_LIFE: Final = timedelta(hours=24)


# ── setting up and signing in ────────────────────────────────────────────────────────────────────────────


@page("GET /setup", public=True)
async def setup(request: web.Request) -> web.StreamResponse:
    """The form for the first administrator; afterwards the sign-in page."""
    if not await ask(request, identity.needs_setup):
        return redirect(request, "/login")
    return card(request, "setup", code=request.query.get("code", ""))


@page("POST /setup", public=True)
async def set_up(request: web.Request) -> web.StreamResponse:
    """Become the first administrator and be signed in."""
    given = await given_in(request, "code", "name", "email", "password")
    return await _signing_in(request, "setup", given, identity.set_up_in_browser)


@page("GET /login", public=True)
async def login(request: web.Request) -> web.StreamResponse:
    """The sign-in form, or on to where one wanted to go."""
    to = safe_next(request, request.query.get("next"))
    if context(request).person is not None:
        return redirect(request, to)
    if await ask(request, identity.needs_setup):
        return redirect(request, "/setup")
    return card(request, "login", next=to)


@page("POST /login", public=True)
async def sign_in(request: web.Request) -> web.StreamResponse:
    """Sign this browser in."""
    given = await given_in(request, "email", "password")
    known = cookie_in(request, _device_cookie(request))
    return await _signing_in(
        request, "login", given | {"device_token": known}, identity.sign_in_browser, next=await _next(request)
    )


@page("POST /logout")
async def sign_out(request: web.Request) -> web.StreamResponse:
    """End this session."""
    await ask(request, identity.logout)
    response = redirect(request, "/login?done=out")
    drop_session_cookie(request, response)
    return response


@page("GET /join/{token}", public=True)
async def join(request: web.Request) -> web.StreamResponse:
    """Whose player one is asked to; a button, because scanners open links too."""
    welcome = await ask(request, identity.waiting_invitation, token=request.match_info["token"])
    if welcome is None:
        raise identity.InvitationOver
    return card(request, "join", welcome=welcome)


@page("POST /join/{token}", public=True)
async def come_in(request: web.Request) -> web.StreamResponse:
    """Join as a guest."""
    token = request.match_info["token"]
    given = await given_in(request, "name")
    welcome = await ask(request, identity.waiting_invitation, token=token)
    if welcome is None:
        raise identity.InvitationOver
    return await _signing_in(
        request,
        "join",
        given | {"token": token},
        identity.join_in_browser,
        life=GUEST_LIFE,
        welcome=welcome,
    )


# ── letters ──────────────────────────────────────────────────────────────────────────────────────────────


@page("GET /register", public=True)
async def registering(request: web.Request) -> web.StreamResponse:
    """The form for an account."""
    if request.app[SETTINGS_IN_PAGES].registration == "closed":
        raise identity.RegistrationClosed
    return card(request, "register")


@page("POST /register", public=True)
async def register(request: web.Request) -> web.StreamResponse:
    """Ask for an account; the page says the same whether or not the address is taken."""
    given = await given_in(request, "name", "email", "password")
    try:
        on_its_way = await ask(request, identity.register, **given)
    except Problem as problem:
        return card(request, "register", problem, **given)
    return card(request, "letter", address=on_its_way.email)


@page("GET /auth/verify-email", public=True)
async def verifying(request: web.Request) -> web.StreamResponse:
    """With a link's token: the button that uses it. Without: the button that sends a letter."""
    token = request.query.get("token", "")
    if token:
        waiting = await ask(request, identity.waiting_link, token=token)
        if waiting is None or waiting.purpose not in ("register", "confirm_email"):
            raise identity.LinkExpired
        return card(request, "confirm", token=token, waiting=waiting)
    if context(request).person is None:
        return redirect(request, "/login?next=/auth/verify-email")
    return card(request, "verify", me=await ask(request, identity.get_me))


@page("POST /auth/verify-email")
async def verify(request: web.Request) -> web.StreamResponse:
    """Send the letter."""
    given = await given_in(request, "email")
    try:
        on_its_way = await ask(request, identity.verify_email, email=given["email"] or None)
    except Problem as problem:
        return card(request, "verify", problem, me=await ask(request, identity.get_me), **given)
    return card(request, "letter", address=on_its_way.email)


@page("POST /auth/confirm-email", public=True)
async def confirm(request: web.Request) -> web.StreamResponse:
    """Use the link."""
    given = await given_in(request, "token")
    await ask(request, identity.confirm_email, token=given["token"])
    signed_in = context(request).person is not None
    return redirect(request, "/settings/security?done=confirmed" if signed_in else "/login?done=confirmed")


@page("GET /auth/reset-password", public=True)
async def resetting(request: web.Request) -> web.StreamResponse:
    """With a link's token: the form for a new password. Without: the form that sends a letter."""
    token = request.query.get("token", "")
    if not token:
        return card(request, "forgot")
    waiting = await ask(request, identity.waiting_link, token=token)
    if waiting is None or waiting.purpose != "reset_password":
        raise identity.LinkExpired
    return card(request, "reset", token=token, waiting=waiting)


@page("POST /auth/reset-password", public=True)
async def reset(request: web.Request) -> web.StreamResponse:
    """Send a letter, or set the new password."""
    given = await given_in(request, "email", "token", "password")
    if not given["token"]:
        return await _forgot(request, given["email"])
    try:
        await ask(request, identity.reset_password, token=given["token"], password=given["password"])
    except identity.LinkExpired:
        raise
    except Problem as problem:
        waiting = await ask(request, identity.waiting_link, token=given["token"])
        return card(request, "reset", problem, token=given["token"], waiting=waiting)
    response = redirect(request, "/login?done=reset")
    drop_session_cookie(request, response)
    return response


async def _forgot(request: web.Request, email: str) -> web.StreamResponse:
    try:
        on_its_way = await ask(request, identity.forgot_password, email=email)
    except Problem as problem:
        return card(request, "forgot", problem, email=email)
    return card(request, "letter", address=on_its_way.email)


# ── cookies ────────────────────────────────────────────────────────────────────────────────────────────────


async def _signing_in(
    request: web.Request,
    name: str,
    given: dict[str, Any],
    command: Callable[..., Awaitable[identity.BrowserSession]],
    *,
    next: str = "/",  # noqa: A002  # as in the address bar
    life: timedelta | None = None,
    **values: Any,
) -> web.StreamResponse:
    """Carry out what ends in a session, and hand its cookies to the browser."""
    try:
        opened = await ask(request, command, **given)
    except (identity.AlreadySetUp, identity.InvitationOver):
        raise
    except Problem as problem:
        shown = {
            key: value for key, value in given.items() if key not in ("password", "device_token", "token")
        }
        return card(request, name, problem, next=next, **shown, **values)
    response = redirect(request, next)
    whole = timedelta(days=request.app[SETTINGS_IN_PAGES].session_days)
    set_session_cookie(request, response, opened.token, life or whole)
    if opened.device_token:
        response.set_cookie(
            _device_cookie(request),
            opened.device_token,
            max_age=int(DEVICE_LIFE.total_seconds()),
            path="/",
            httponly=True,
            samesite="Lax",
            secure=_device_cookie(request).startswith("__Host-"),
        )
    return response


async def _next(request: web.Request) -> str:
    return safe_next(request, (await given_in(request, "next"))["next"])


def _device_cookie(request: web.Request) -> str:
    return "__Host-device" if cookie_name(request).startswith("__Host-") else DEVICE_COOKIE
