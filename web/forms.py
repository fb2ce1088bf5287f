"""What pages with forms share: fields in, what is wrong beside its field, and a word on what was done."""

from typing import Any, Final
from uuid import UUID

from aiohttp import web

from tutti.errors import NotFound, Problem
from tutti.text import _, translate
from web.pages import SETTINGS_IN_PAGES, form_of, render, sentence_of

DONE: Final = {
    "password": _("Your password is changed, and your other devices are signed out."),
    "session": _("That device is signed out."),
    "others": _("All your other devices are signed out."),
    "letter": _("A letter is on its way. It may take some minutes."),
    "profile": _("Saved."),
    "confirmed": _("Your address is confirmed. You can sign in now."),
    "reset": _("Your new password is set. Please sign in with it."),
    "out": _("You are signed out."),
    "ended": _("This device was signed out. Sign in again to go on."),
    "visit": _("Your visit is over. Ask your host for a new code to come back."),
    "guest": _("Your guest is out."),
    "invitations": _("Nobody else can come in by your invitations."),
}


def card(request: web.Request, name: str, problem: Problem | None = None, /, **values: Any) -> web.Response:
    """One card in the middle with one thing to do: `identity/<name>.html`."""
    known: dict[str, Any] = {"email": "", "name": "", "code": "", "next": "/", "token": ""}
    response = render(
        request,
        f"identity/{name}.html",
        status=status_of(problem),
        **known | values,
        alone=True,
        done=done_in(request),
        min_length=request.app[SETTINGS_IN_PAGES].password_min_length,
        registration_open=request.app[SETTINGS_IN_PAGES].registration == "open",
        objections=objections(problem),
    )
    if problem is not None and problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def objections(problem: Problem | None, at: str = "") -> dict[str, str]:
    """What is wrong, by the field it is wrong with; `at` when the problem names none ("": the whole form)."""
    if problem is None:
        return {}
    if not problem.errors:
        return {at: sentence_of(problem)}
    return {error["pointer"].lstrip("/"): translate(error["detail"]) for error in problem.errors}


def status_of(problem: Problem | None) -> int:
    """The page's status: the problem's when it shows one."""
    return 200 if problem is None else problem.status


def done_in(request: web.Request) -> str | None:
    """The word on what was done before this page was shown, by the query's `done`."""
    return DONE.get(request.query.get("done", ""))


async def given_in(request: web.Request, *names: str) -> dict[str, str]:
    """The form's fields as text; a missing one, or a file in its place, is empty."""
    form = await form_of(request)
    values = {name: form.get(name, "") for name in names}
    return {name: value if isinstance(value, str) else "" for name, value in values.items()}


def uuid_in(request: web.Request, name: str) -> UUID:
    """A UUID out of the path. Raises NotFound."""
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise NotFound from None
