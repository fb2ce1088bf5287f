"""Pages for whoever is signed in: where, the password, the address, what happened lately; and his guests."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from tutti import identity
from tutti.errors import Invalid, NotFound, Problem
from tutti.text import _, translate
from web.forms import done_in, given_in, objections, status_of, uuid_in
from web.pages import SETTINGS_IN_PAGES, ask, context, form_of, page, redirect, render
from web.player import address_for_others, qr_code

MINUTE, HOUR, DAY = 60, 3600, 86400

GUEST_RIGHTS: Final = {
    "add": _("add songs"),
    "control": _("play, pause and skip"),
    "volume": _("change the volume"),
}
"""What a guest may be given beside seeing the player, in the words of the form."""

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
    if context(request).me.role == "guest":
        raise identity.GuestsCannotInvite
    return await _guests(request)


@page("POST /guests")
async def invite(request: web.Request) -> web.StreamResponse:
    """Make an invitation and show it as a code to scan."""
    form = await form_of(request)
    rights = tuple(right for right in GUEST_RIGHTS if form.get(right)) or ("see",)
    uses = str(form.get("uses", ""))
    shown: dict[str, Any] = {"chosen": rights, "uses": uses}
    try:
        if not uses.isdecimal() or not 1 <= int(uses[:9]) <= identity.MOST_USES:
            raise Invalid.because(_("At least one guest, and at most fifty."), pointer="/uses")
        made = await ask(request, identity.invite, rights=rights, uses=int(uses))
    except Problem as problem:
        return await _guests(request, problem=problem, **shown)
    return await _guests(request, invitation=made, **shown)


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
    request: web.Request,
    *,
    invitation: identity.Invitation | None = None,
    problem: Problem | None = None,
    chosen: tuple[str, ...] = ("add",),
    uses: str = "10",
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
        guest_rights=GUEST_RIGHTS,
        rights_words=rights_words,
        chosen=chosen,
        uses=uses,
        most_uses=identity.MOST_USES,
        invitation=invitation,
        address=address,
        code=qr_code(address) if reachable and address else None,
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


def rights_words(rights: Collection[str]) -> str:
    """What a guest may do, in words."""
    words = [translate(word) for right, word in GUEST_RIGHTS.items() if right in rights]
    return (
        translate(_("may {rights}")).format(rights=", ".join(words)) if words else translate(_("may look on"))
    )


def event_words(event: identity.SecurityEvent) -> str:
    """What happened, in words."""
    sentence = EVENT_WORDS.get((event.action, event.result)) or EVENT_WORDS.get((event.action, "ok"))
    return translate(sentence) if sentence else event.action
