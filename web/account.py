"""Pages about oneself: setting up, signing in and out, registering, confirming, security, guests."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from tutti import identity
from tutti.errors import NotFound, Problem
from tutti.text import _, translate
from web.pages import (
    SETTINGS_IN_PAGES,
    ask,
    context,
    cookie_name,
    drop_session_cookie,
    page,
    redirect,
    render,
    safe_next,
    sentence_of,
    set_session_cookie,
)
from web.player import address_for_others, qr_code

DEVICE_COOKIE: Final = "device"
DEVICE_LIFE: Final = timedelta(days=180)
GUEST_LIFE: Final = timedelta(hours=24)
MINUTE, HOUR, DAY = 60, 3600, 86400

DONE: Final = {
    "password": _("Your password is changed, and your other devices are signed out."),
    "session": _("That device is signed out."),
    "others": _("All your other devices are signed out."),
    "letter": _("A letter is on its way. It may take some minutes."),
    "profile": _("Saved."),
    "confirmed": _("Your address is confirmed. You can sign in now."),
    "reset": _("Your new password is set. Please sign in with it."),
    "out": _("You are signed out."),
    "guest": _("Your guest is out."),
    "invitations": _("Nobody else can come in by your invitations."),
}


# ── setting up and signing in ────────────────────────────────────────────────────────────────────────────


@page("GET /setup", public=True)
async def setup(request: web.Request) -> web.StreamResponse:
    """The form for the first administrator; afterwards the sign-in page."""
    if not await ask(request, identity.needs_setup):
        return redirect(request, "/login")
    return _form(request, "setup", code=request.query.get("code", ""))


@page("POST /setup", public=True)
async def set_up(request: web.Request) -> web.StreamResponse:
    """Become the first administrator and be signed in."""
    given = await _given(request, "code", "name", "email", "password")
    return await _signing_in(request, "setup", given, identity.set_up_in_browser)


@page("GET /login", public=True)
async def login(request: web.Request) -> web.StreamResponse:
    """The sign-in form, or on to where one wanted to go."""
    to = safe_next(request, request.query.get("next"))
    if context(request).person is not None:
        return redirect(request, to)
    if await ask(request, identity.needs_setup):
        return redirect(request, "/setup")
    return _form(request, "login", next=to)


@page("POST /login", public=True)
async def sign_in(request: web.Request) -> web.StreamResponse:
    """Sign this browser in."""
    given = await _given(request, "email", "password")
    known = request.cookies.get(_device_cookie(request))
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
    return _form(request, "join", welcome=welcome)


@page("POST /join/{token}", public=True)
async def come_in(request: web.Request) -> web.StreamResponse:
    """Join as a guest."""
    token = request.match_info["token"]
    given = await _given(request, "name")
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
    return _form(request, "register")


@page("POST /register", public=True)
async def register(request: web.Request) -> web.StreamResponse:
    """Ask for an account; the page says the same whether or not the address is taken."""
    given = await _given(request, "name", "email", "password")
    try:
        on_its_way = await ask(request, identity.register, **given)
    except Problem as problem:
        return _form(request, "register", problem, **given)
    return _form(request, "letter", address=on_its_way.email)


@page("GET /auth/verify-email", public=True)
async def verifying(request: web.Request) -> web.StreamResponse:
    """With a link's token: the button that uses it. Without: the button that sends a letter."""
    token = request.query.get("token", "")
    if token:
        waiting = await ask(request, identity.waiting_link, token=token)
        if waiting is None or waiting.purpose not in ("register", "confirm_email"):
            raise identity.LinkExpired
        return _form(request, "confirm", token=token, waiting=waiting)
    if context(request).person is None:
        return redirect(request, "/login?next=/auth/verify-email")
    return _form(request, "verify", me=await ask(request, identity.get_me))


@page("POST /auth/verify-email")
async def verify(request: web.Request) -> web.StreamResponse:
    """Send the letter."""
    given = await _given(request, "email")
    try:
        on_its_way = await ask(request, identity.verify_email, email=given["email"] or None)
    except Problem as problem:
        return _form(request, "verify", problem, me=await ask(request, identity.get_me), **given)
    return _form(request, "letter", address=on_its_way.email)


@page("POST /auth/confirm-email", public=True)
async def confirm(request: web.Request) -> web.StreamResponse:
    """Use the link."""
    given = await _given(request, "token")
    await ask(request, identity.confirm_email, token=given["token"])
    signed_in = context(request).person is not None
    return redirect(request, "/settings/security?done=confirmed" if signed_in else "/login?done=confirmed")


@page("GET /auth/reset-password", public=True)
async def resetting(request: web.Request) -> web.StreamResponse:
    """With a link's token: the form for a new password. Without: the form that sends a letter."""
    token = request.query.get("token", "")
    if not token:
        return _form(request, "forgot")
    waiting = await ask(request, identity.waiting_link, token=token)
    if waiting is None or waiting.purpose != "reset_password":
        raise identity.LinkExpired
    return _form(request, "reset", token=token, waiting=waiting)


@page("POST /auth/reset-password", public=True)
async def reset(request: web.Request) -> web.StreamResponse:
    """Send a letter, or set the new password."""
    given = await _given(request, "email", "token", "password")
    if not given["token"]:
        return await _forgot(request, given["email"])
    try:
        await ask(request, identity.reset_password, token=given["token"], password=given["password"])
    except identity.LinkExpired:
        raise
    except Problem as problem:
        waiting = await ask(request, identity.waiting_link, token=given["token"])
        return _form(request, "reset", problem, token=given["token"], waiting=waiting)
    response = redirect(request, "/login?done=reset")
    drop_session_cookie(request, response)
    return response


async def _forgot(request: web.Request, email: str) -> web.StreamResponse:
    try:
        on_its_way = await ask(request, identity.forgot_password, email=email)
    except Problem as problem:
        return _form(request, "forgot", problem, email=email)
    return _form(request, "letter", address=on_its_way.email)


# ── security ─────────────────────────────────────────────────────────────────────────────────────────────


@page("GET /settings/security")
async def security(request: web.Request) -> web.StreamResponse:
    """Where I am signed in, my password, my address, and what happened lately."""
    return await _security(request)


@page("POST /settings/security/profile")
async def change_profile(request: web.Request) -> web.StreamResponse:
    """Save my name."""
    given = await _given(request, "name")
    return await _changed(request, "profile", identity.change_me, **given)


@page("POST /settings/security/password")
async def change_password(request: web.Request) -> web.StreamResponse:
    """Change my password; all other devices are signed out."""
    given = await _given(request, "current_password", "new_password")
    try:
        return await _changed(request, "password", identity.change_password, **given)
    except identity.WrongPassword as problem:
        return await _security(request, problem, at="currentPassword")


@page("POST /settings/security/sessions/others")
async def end_others(request: web.Request) -> web.StreamResponse:
    """Sign out everywhere else."""
    return await _changed(request, "others", identity.end_others)


@page("POST /settings/security/sessions/{session_id}")
async def end_session(request: web.Request) -> web.StreamResponse:
    """Sign one device out."""
    return await _changed(request, "session", identity.end_session, session_id=_uuid(request, "session_id"))


async def _changed(
    request: web.Request, done: str, command: Callable[..., Awaitable[Any]], **given: Any
) -> web.StreamResponse:
    """Carry out a change and show the page again, with a word on it either way."""
    try:
        await ask(request, command, **given)
    except NotFound:
        pass  # it ended by itself meanwhile, which is what was asked for
    except identity.WrongPassword:
        raise
    except Problem as problem:
        return await _security(request, problem)
    return redirect(request, f"/settings/security?done={done}")


async def _security(
    request: web.Request, problem: Problem | None = None, *, at: str = ""
) -> web.StreamResponse:
    now = context(request).now
    return render(
        request,
        "identity/security.html",
        status=_status(problem),
        me=await ask(request, identity.get_me),
        sessions=(await ask(request, identity.list_sessions)).items,
        events=(await ask(request, identity.events, limit=10)).items,
        ago=lambda then: ago(now, then),
        event_words=event_words,
        min_length=request.app[SETTINGS_IN_PAGES].password_min_length,
        done=_done(request),
        objections=objections(problem, at),
    )


# ── guests ───────────────────────────────────────────────────────────────────────────────────────────────


@page("GET /guests")
async def guests(request: web.Request) -> web.StreamResponse:
    """Who is on my player, and the form that invites."""
    return await _guests(request)


@page("POST /guests")
async def invite(request: web.Request) -> web.StreamResponse:
    """Make an invitation and show it as a code to scan."""
    form = await request.post()
    rights = tuple(right for right in ("add", "control", "volume") if form.get(right)) or ("see",)
    uses = str(form.get("uses", "1"))
    try:
        made = await ask(
            request,
            identity.invite,
            rights=rights,
            uses=int(uses) if uses.isdecimal() and len(uses) < 3 else 1,
        )
    except Problem as problem:
        return await _guests(request, problem=problem)
    return await _guests(request, invitation=made)


@page("POST /guests/close")
async def close_invitations(request: web.Request) -> web.StreamResponse:
    """Let nobody else in."""
    await ask(request, identity.end_invitations)
    return redirect(request, "/guests?done=invitations")


@page("POST /guests/{guest_id}/out")
async def put_out(request: web.Request) -> web.StreamResponse:
    """Put a guest out."""
    await ask(request, identity.put_out, guest_id=_uuid(request, "guest_id"))
    return redirect(request, "/guests?done=guest")


async def _guests(
    request: web.Request, *, invitation: identity.Invitation | None = None, problem: Problem | None = None
) -> web.StreamResponse:
    now = context(request).now
    settings = request.app[SETTINGS_IN_PAGES]
    reachable = address_for_others(settings, request.host)
    address = f"{reachable or settings.url}/join/{invitation.token}" if invitation else ""
    return render(
        request,
        "identity/guests.html",
        status=_status(problem),
        guests=(await ask(request, identity.list_guests)).items,
        invitation=invitation,
        address=address,
        code=qr_code(address) if address else None,
        only_here=reachable is None,
        ago=lambda then: ago(now, then),
        done=_done(request),
        objections=objections(problem),
    )


# ── what the pages share ─────────────────────────────────────────────────────────────────────────────────


def ago(now: datetime, then: datetime) -> str:
    """How long ago, as people say it."""
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < 2 * MINUTE:
        return translate(_("just now"))
    if seconds < 2 * HOUR:
        return translate(_("{n} minutes ago")).format(n=seconds // MINUTE)
    if seconds < 2 * DAY:
        return translate(_("{n} hours ago")).format(n=seconds // HOUR)
    return translate(_("{n} days ago")).format(n=seconds // DAY)


def event_words(event: identity.SecurityEvent) -> str:
    """What happened, in words."""
    sentence = EVENT_WORDS.get((event.action, event.result)) or EVENT_WORDS.get((event.action, "ok"))
    return translate(sentence) if sentence else event.action


EVENT_WORDS: Final = {
    ("sign_in", "ok"): _("Signed in"),
    ("sign_in", "refused"): _("Sign-in refused"),
    ("session.end", "ok"): _("Signed out"),
    ("password.change", "ok"): _("Password changed"),
    ("password.forgot", "ok"): _("New password asked for"),
    ("token.reuse", "refused"): _("A token was used twice; that sign-in was ended"),
    ("person.add", "ok"): _("Account made"),
    ("setup", "ok"): _("Tutti was set up"),
    ("email.change", "ok"): _("Another address asked for"),
    ("email.confirm", "ok"): _("Address confirmed"),
    ("guest.invite", "ok"): _("Invited guests"),
    ("guest.join", "ok"): _("A guest joined"),
    ("guest.put_out", "ok"): _("Put a guest out"),
}


def objections(problem: Problem | None, at: str = "") -> dict[str, str]:
    """What is wrong, by the field it is wrong with; `at` when the problem names none ("": the whole form)."""
    if problem is None:
        return {}
    if not problem.errors:
        return {at: sentence_of(problem)}
    return {error["pointer"].lstrip("/"): translate(error["detail"]) for error in problem.errors}


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
        return _form(request, name, problem, next=next, **shown, **values)
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


def _form(request: web.Request, name: str, problem: Problem | None = None, /, **values: Any) -> web.Response:
    """One card in the middle with one thing to do."""
    known: dict[str, Any] = {"email": "", "name": "", "code": "", "next": "/", "token": ""}
    response = render(
        request,
        f"identity/{name}.html",
        status=_status(problem),
        **known | values,
        alone=True,
        done=_done(request),
        min_length=request.app[SETTINGS_IN_PAGES].password_min_length,
        registration_open=request.app[SETTINGS_IN_PAGES].registration == "open",
        objections=objections(problem),
    )
    if problem is not None and problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _status(problem: Problem | None) -> int:
    return 200 if problem is None else problem.status


def _done(request: web.Request) -> str | None:
    return DONE.get(request.query.get("done", ""))


async def _given(request: web.Request, *names: str) -> dict[str, str]:
    """The form's fields as text; a missing one, or a file in its place, is empty."""
    form = await request.post()
    values = {name: form.get(name, "") for name in names}
    return {name: value if isinstance(value, str) else "" for name, value in values.items()}


async def _next(request: web.Request) -> str:
    return safe_next(request, (await _given(request, "next"))["next"])


def _device_cookie(request: web.Request) -> str:
    return "__Host-device" if cookie_name(request).startswith("__Host-") else DEVICE_COOKIE


def _uuid(request: web.Request, name: str) -> UUID:
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise NotFound from None
