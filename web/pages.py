"""How a page is drawn: from a tagged function over commands to HTML, or a problem to a page that helps."""

import functools
import hmac
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from hashlib import sha256
from inspect import isfunction
from pathlib import Path
from secrets import token_urlsafe
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import aiohttp_jinja2
import jinja2
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDictProxy

from tutti.command import perform
from tutti.context import Context
from tutti.errors import Forbidden, Invalid, Problem
from tutti.record import check_text
from tutti.settings import Settings
from tutti.text import translate
from web.keys import CTX, FORM_COOKIE, NEEDS_FORM_TOKEN

HERE = Path(__file__).parent
COOKIE_FOR_FORMS = "form"
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]
SETTINGS_IN_PAGES = web.AppKey("settings_in_pages", Settings)


class PageRoute(NamedTuple):
    """A page's verb, path and function; `public` needs no sign-in."""

    verb: str
    path: str
    function: Page
    public: bool


class StaleForm(Forbidden):
    """A form whose token is missing or of another session (R14)."""

    sentence = "This form is too old. Please reload the page and try again."


def page(route: str, *, public: bool = False) -> Callable[[Page], Page]:
    """Tag a function as a page: "GET /songs". Without sign-in the visitor is led to /login and back."""
    verb, _space, path = route.partition(" ")

    def tag(function: Page) -> Page:
        @functools.wraps(function)
        async def drawn(request: web.Request) -> web.StreamResponse:
            if not public and context(request).person is None:
                return redirect(request, f"/login?next={quote(request.path_qs, safe='')}")
            await _check_form(request)
            return await function(request)

        drawn.__tutti_page__ = PageRoute(verb, path, drawn, public)  # type: ignore[attr-defined]  # read by collect_pages
        return drawn

    return tag


def collect_pages(modules: Iterable[ModuleType]) -> list[PageRoute]:
    """Every page in these modules."""
    functions = [value for module in modules for value in vars(module).values() if isfunction(value)]
    return [function.__tutti_page__ for function in functions if hasattr(function, "__tutti_page__")]


def set_up(app: web.Application, settings: Settings) -> None:
    """Give the application its templates."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=jinja2.select_autoescape(default=True),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "tint": tint}
    environment.globals["_"] = translate
    app[SETTINGS_IN_PAGES] = settings


def context(request: web.Request) -> Context:
    """Who asks, and the edge to commands."""
    return request[CTX]


async def ask(request: web.Request, command: Callable[..., Awaitable[Any]], /, **parameters: Any) -> Any:
    """Carry out a command for this page; raises its Problem."""
    return await perform(context(request), command, **parameters)


def render(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """One template with what every page knows: person, csrf_token, settings, path and query."""
    settings = request.app[SETTINGS_IN_PAGES]
    known = {
        "person": context(request).person,
        "csrf_token": csrf_token(request),
        "settings": settings,
        "insecure": is_insecure(request, settings),
        "path": request.path,
        "query": request.query,
        "language": None,
        "alone": False,
        "is_fragment": request.headers.get("HX-Request") == "true",
    }
    text = aiohttp_jinja2.render_string(template, request, known | values)
    headers = {"Cache-Control": "no-store", "Vary": "Cookie, Authorization, HX-Request"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def redirect(request: web.Request, to: str) -> web.Response:
    """See there (303); htmx follows it as a browser does."""
    return web.Response(status=303, headers={"Location": to, "Cache-Control": "no-store"})


def safe_next(request: web.Request, given: str | None) -> str:
    """Where to go after signing in: a path of ours, or the start page (R17)."""
    path = given or "/"
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and path.isprintable() and not urlsplit(path).netloc else "/"


def problem_page(request: web.Request, problem: Problem) -> web.Response:
    """The page that says what went wrong and what to do next."""
    if problem.status == 401:
        return redirect(request, f"/login?next={quote(request.path_qs, safe='')}")
    response = render(
        request, "problem.html", status=problem.status, problem=problem, sentence=sentence_of(problem)
    )
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def sentence_of(problem: Problem) -> str:
    """What the person reads: the first thing that is wrong, else the problem's own sentence."""
    if problem.errors:
        return problem.errors[0]["detail"]
    try:
        return translate(problem.sentence).format(**problem.details)
    except (KeyError, IndexError, ValueError):
        return translate(problem.sentence)


def cookie_name(request: web.Request) -> str:
    """`__Host-sid` where there is TLS; plain http drops the prefix, never the rest (R13)."""
    return "__Host-sid" if request.app[SETTINGS_IN_PAGES].is_secure or request.secure else "sid"


def session_cookie(request: web.Request) -> str | None:
    """The opaque session token the browser holds."""
    return cookie_in(request, cookie_name(request))


def cookie_in(request: web.Request, name: str) -> str | None:
    """A cookie's value; one that is no ASCII is not ours, whatever its name says."""
    value = request.cookies.get(name)
    return value if value and value.isascii() else None


def set_session_cookie(
    request: web.Request, response: web.StreamResponse, token: str, life: timedelta
) -> None:
    """Sign this browser in."""
    name = cookie_name(request)
    response.set_cookie(
        name,
        token,
        max_age=int(life.total_seconds()),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=name.startswith("__Host-"),
    )


def drop_session_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Sign this browser out."""
    name = cookie_name(request)
    response.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=name.startswith("__Host-"))


def csrf_token(request: web.Request) -> str:
    """Bound to the session's cookie; before sign-in to a random one made for forms (R14).

    The key is the cookie's own secret, which no other site can read, so no key of the server is needed.
    """
    secret = session_cookie(request) or cookie_in(request, COOKIE_FOR_FORMS) or request.get(FORM_COOKIE)
    if secret is None:
        secret = request[FORM_COOKIE] = token_urlsafe(24)
    return hmac.new(secret.encode(), b"csrf", sha256).hexdigest()


def is_form_token(request: web.Request, given: object) -> bool:
    """Whether a header or field proves that one of our pages sent it."""
    if not isinstance(given, str) or not given.isascii():
        return False
    return hmac.compare_digest(given, csrf_token(request))


async def form_of(request: web.Request) -> MultiDictProxy[str | bytes | bytearray | web.FileField]:
    """The fields of a form; raises Invalid for one that cannot be read or whose text cannot be kept."""
    try:
        form = await request.post()
    except (AssertionError, LookupError, ValueError, HttpProcessingError):
        raise Invalid.because("This form cannot be read. Please reload the page and try again.") from None
    for name, value in form.items():
        check_text(name, "")
        if isinstance(value, str):
            check_text(value, f"/{name}")
    return form


async def _check_form(request: web.Request) -> None:
    """A form brings its token as a field when no script could send it as a header."""
    if request.method in ("GET", "HEAD") or not request.get(NEEDS_FORM_TOKEN, False):
        return
    if not is_form_token(request, (await form_of(request)).get("csrf_token")):
        raise StaleForm


def is_insecure(request: web.Request, settings: Settings) -> bool:
    """Whether the page travels in the clear over a network, so that the banner must say so."""
    return not (settings.is_secure or request.secure) and request.remote not in ("127.0.0.1", "::1")


def duration(milliseconds: int | None) -> str:
    """3:07, or 1:02:03 for an hour and more; "–" when unknown."""
    if milliseconds is None:
        return "–"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def tint(text: str) -> int:
    """One of twelve colours that a title keeps for ever; static/ui.js counts in the same way."""
    number = 0
    for letter in text or "?":
        number = (number * 31 + ord(letter)) & 0xFFFFFFFF
    return number % 12
