"""Pages for whoever is signed in: where, the password, the address, what happened lately; and his guests."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from tutti import identity
from tutti.errors import NotFound, Problem
from tutti.text import _, translate
from web.forms import done_in, given_in, objections, status_of, uuid_in
from web.pages import SETTINGS_IN_PAGES, ask, context, form_of, page, redirect, render
from web.player import address_for_others, qr_code

MINUTE, HOUR, DAY = 60, 3600, 86400

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


# ── security ─────────────────────────────────────────────────────────────────────────────────────────────


@page("GET /settings/security")
async def security(request: web.Request) -> web.StreamResponse:
    """Where I am signed in, my password, my address, and what happened lately."""
    return await _security(request)


@page("POST /settings/security/profile")
async def change_profile(request: web.Request) -> web.StreamResponse:
    """Save my name."""
    given = await given_in(request, "name")
    return await _changed(request, "profile", identity.change_me, **given)


@page("POST /settings/security/password")
async def change_password(request: web.Request) -> web.StreamResponse:
    """Change my password; all other devices are signed out."""
    given = await given_in(request, "current_password", "new_password")
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
    return await _changed(request, "session", identity.end_session, session_id=uuid_in(request, "session_id"))


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
        status=status_of(problem),
        me=await ask(request, identity.get_me),
        sessions=(await ask(request, identity.list_sessions)).items,
        events=(await ask(request, identity.events, limit=10)).items,
        ago=lambda then: ago(now, then),
        event_words=event_words,
        min_length=request.app[SETTINGS_IN_PAGES].password_min_length,
        done=done_in(request),
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
    form = await form_of(request)
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
    await ask(request, identity.put_out, guest_id=uuid_in(request, "guest_id"))
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
        status=status_of(problem),
        guests=(await ask(request, identity.list_guests)).items,
        invitation=invitation,
        address=address,
        code=qr_code(address) if address else None,
        only_here=reachable is None,
        ago=lambda then: ago(now, then),
        done=done_in(request),
        objections=objections(problem),
    )


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────────


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
