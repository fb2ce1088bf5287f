"""Pages about oneself, as a browser without JavaScript uses them: forms, cookies, redirects."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.conftest import ContextOf
from tests.running import Server
from tests.tutti.identity.people import OTHER_PASSWORD, PASSWORD, account, as_program, seen, signed_in
from tutti import identity
from tutti.command import perform
from tutti.context import Floor, Person

EMAIL = "clara@example.org"


class Shown:
    """An answer: its status, where it ended, and its text."""

    def __init__(self, status: int, path: str, html: str) -> None:
        self.status, self.path, self.html = status, path, html
        self.text = " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())

    def forms(self) -> list[dict[str, Any]]:
        """Every form: action and fields."""
        reader = _Forms()
        reader.feed(self.html)
        return reader.found

    def form(self, action: str) -> dict[str, str]:
        """The fields of the form that goes there."""
        fields: dict[str, str] = next(each["fields"] for each in self.forms() if each["action"] == action)
        return fields


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append({"action": given.get("action") or "", "fields": {}})
        name = given.get("name")
        is_sent = given.get("type") != "checkbox" or "checked" in given
        if tag == "input" and name and is_sent and self.found:
            self.found[-1]["fields"][name] = given.get("value") or ""


class Browser:
    """A browser that keeps cookies, sends Origin, and follows where it is sent."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session

    async def open(self, path: str, **headers: str) -> Shown:
        async with self.session.get(self.server.url + path, headers=headers) as answer:
            return Shown(answer.status, answer.url.path_qs, await answer.text())

    async def send(self, path: str, fields: dict[str, str], **headers: str) -> Shown:
        origin = {"Origin": self.server.url, "Sec-Fetch-Site": "same-origin"}
        async with self.session.post(self.server.url + path, data=fields, headers=origin | headers) as answer:
            return Shown(answer.status, answer.url.path_qs, await answer.text())

    async def fill(self, page: str, action: str, **fields: str) -> Shown:
        """Open a page and send its form with these fields filled in."""
        return await self.send(action, (await self.open(page)).form(action) | fields)

    async def sign_in(self, password: str = PASSWORD, email: str = EMAIL) -> Shown:
        return await self.fill("/login", "/login", email=email, password=password)

    def cookie(self, name: str) -> Any:
        return next((each for each in self.session.cookie_jar if each.key == name), None)


def _inputs(shown: Shown, *names: str) -> list[str]:
    """The tags of these fields, as they stand in the page."""
    tags = re.findall(r"<input[^>]*>", shown.html)
    return [next(tag for tag in tags if f'name="{name}"' in tag) for name in names]


@asynccontextmanager
async def browser_at(server: Server) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"User-Agent": agent}) as session:
        yield Browser(server, session)


@pytest.fixture
async def browser(server: Server, admin: Person) -> AsyncIterator[Browser]:
    """A browser at a server that is set up."""
    assert admin.role == "admin"
    async with browser_at(server) as opened:
        yield opened


async def test_the_first_visit_leads_to_setup_and_the_code_signs_in(
    server: Server, context_of: ContextOf, floor: Floor
) -> None:
    code = await perform(context_of(), identity.setup_code)
    assert code is not None
    async with browser_at(server) as browser:
        assert (await browser.open("/login")).path == "/setup"
        given = {"code": code, "name": "Johannes", "email": "j@example.org", "password": PASSWORD}
        wrong = await browser.fill("/setup", "/setup", **given | {"code": "AAAA-AAAA-AAAA-AAAA"})
        assert wrong.status == 403
        assert "not the code" in wrong.text
        assert wrong.form("/setup")["email"] == "j@example.org"
        assert PASSWORD not in wrong.html
        code_field, password_field = _inputs(wrong, "code", "password")
        assert 'aria-invalid="true"' in code_field
        assert "autofocus" in code_field
        assert "aria-invalid" not in password_field
        short = await browser.fill("/setup", "/setup", **given | {"code": "AAAA", "password": "short"})
        assert "not the code" in short.text
        assert "at least 12" in short.text
        assert all('aria-invalid="true"' in each for each in _inputs(short, "code", "password"))
        weak = await browser.fill("/setup", "/setup", **given | {"password": "short"})
        assert "autofocus" in _inputs(weak, "password")[0]
        assert "autofocus" not in _inputs(weak, "name")[0]
        await browser.fill("/setup", "/setup", **given)
        security = await browser.open("/settings/security")
        assert security.status == 200
        assert "j@example.org" in security.text
        assert (await browser.open("/setup")).path != "/setup"
    assert await seen(floor, "select role from users") == "admin"


async def test_signing_in_sets_one_cookie_only_the_server_can_read(
    browser: Browser, context_of: ContextOf
) -> None:
    """R13: the page never shows a token."""
    await account(context_of())
    before = browser.cookie("sid")
    await browser.sign_in()
    cookie = browser.cookie("sid")
    assert before is None
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"] or cookie["domain"] == "127.0.0.1"
    page = await browser.open("/settings/security")
    assert page.status == 200
    assert cookie.value not in page.html
    assert "Firefox on Linux" in page.text
    assert "This device" in page.text


async def test_a_wrong_password_says_so_and_keeps_the_address(
    browser: Browser, context_of: ContextOf
) -> None:
    await account(context_of())
    shown = await browser.sign_in("wrong")
    assert shown.status == 401
    assert "not right" in shown.text
    assert shown.form("/login")["email"] == EMAIL
    assert browser.cookie("sid") is None
    unknown = await browser.sign_in("wrong", "nobody@example.org")
    assert unknown.text == shown.text


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/settings/security", "/settings/security"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
    ],
)
async def test_after_signing_in_one_is_where_one_wanted_to_be(
    browser: Browser, context_of: ContextOf, wanted: str, reached: str
) -> None:
    """R17."""
    await account(context_of())
    page = await browser.open("/login?next=" + wanted)
    fields = page.form("/login") | {"email": EMAIL, "password": PASSWORD}
    async with browser.session.post(
        f"{browser.server.url}/login",
        data=fields,
        headers={"Origin": browser.server.url},
        allow_redirects=False,
    ) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == reached


async def test_a_form_without_its_token_or_from_elsewhere_is_refused(
    browser: Browser, context_of: ContextOf, floor: Floor
) -> None:
    """R14: also for the sign-in form itself."""
    await account(context_of())
    fields = (await browser.open("/login")).form("/login") | {"email": EMAIL, "password": PASSWORD}
    without = {name: value for name, value in fields.items() if name != "csrf_token"}
    assert (await browser.send("/login", without)).status == 403
    assert (await browser.send("/login", fields | {"csrf_token": "0" * 64})).status == 403
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await browser.send("/login", fields, **evil)).status == 403
    assert await seen(floor, "select count(*) from sessions") == 0


async def test_signing_out_ends_the_session_and_the_cookie(
    browser: Browser, context_of: ContextOf, floor: Floor
) -> None:
    await account(context_of())
    await browser.sign_in()
    shown = await browser.fill("/settings/security", "/logout")
    assert shown.path == "/login?done=out"
    assert browser.cookie("sid") is None
    assert await seen(floor, "select ended_because from sessions") == "signed_out"
    assert (await browser.open("/settings/security")).path.startswith("/login?next=")


async def test_another_device_is_signed_out_from_the_list(browser: Browser, context_of: ContextOf) -> None:
    """Walk (c), without the sockets."""
    await account(context_of())
    other = await as_program(context_of())
    await browser.sign_in()
    page = await browser.open("/settings/security")
    [action] = [
        each["action"] for each in page.forms() if re.search(r"sessions/[0-9a-f-]{36}$", each["action"])
    ]
    shown = await browser.send(action, page.form(action))
    assert shown.path == "/settings/security?done=session"
    assert "That device is signed out" in shown.text
    assert await perform(context_of(), identity.session_of_access_token, jwt=other.access_token) is None
    assert (await browser.send(action, page.form(action))).status == 200


async def test_all_other_devices_are_signed_out_at_once(browser: Browser, context_of: ContextOf) -> None:
    await account(context_of())
    others = [await as_program(context_of()) for _each in range(2)]
    await browser.sign_in()
    await browser.fill("/settings/security", "/settings/security/sessions/others")
    for other in others:
        assert await perform(context_of(), identity.session_of_access_token, jwt=other.access_token) is None
    assert (await browser.open("/settings/security")).status == 200


async def test_the_password_is_changed_on_the_page(browser: Browser, context_of: ContextOf) -> None:
    await account(context_of())
    await browser.sign_in()
    form = "/settings/security/password"
    wrong = await browser.fill(
        "/settings/security", form, current_password="wrong", new_password=OTHER_PASSWORD
    )
    assert (wrong.status, "not your password" in wrong.text) == (403, True)
    weak = await browser.fill(
        "/settings/security", form, current_password=PASSWORD, new_password="password1234"
    )
    assert (weak.status, "first that others would try" in weak.text) == (400, True)
    done = await browser.fill(
        "/settings/security", form, current_password=PASSWORD, new_password=OTHER_PASSWORD
    )
    assert "Your password is changed" in done.text
    async with browser_at(browser.server) as elsewhere:
        assert (await elsewhere.sign_in(OTHER_PASSWORD)).status != 401


async def test_the_name_is_changed_on_the_page(browser: Browser, context_of: ContextOf) -> None:
    await account(context_of())
    await browser.sign_in()
    form = "/settings/security/profile"
    bad = await browser.fill("/settings/security", form, name="   ")
    assert (bad.status, "between 1 and 80" in bad.text) == (400, True)
    done = await browser.fill("/settings/security", form, name="<b>Clara</b>")
    assert "&lt;b&gt;Clara" in done.html


async def test_registering_goes_by_letter_and_a_button(
    browser: Browser, floor: Floor, context_of: ContextOf
) -> None:
    given = {"name": "Clara", "email": EMAIL, "password": PASSWORD}
    shown = await browser.fill("/register", "/register", **given)
    assert "Look into your mail" in shown.text
    letter_id = await seen(floor, "select id from letters")
    await perform(context_of(), identity.send_letter, letter_id=letter_id)
    [file] = (floor.settings.data / "mail").glob("*.eml")
    found = re.search(r"/auth/verify-email\?token=[\w-]+", file.read_text())
    assert found
    await browser.open(found[0])  # as a scanner of mail would
    page = await browser.open(found[0])
    assert "Begin my account" in page.text
    done = await browser.send("/auth/confirm-email", page.form("/auth/confirm-email"))
    assert done.path == "/login?done=confirmed"
    assert (await browser.open(found[0])).status == 410
    assert (await browser.sign_in()).status != 401


async def test_registering_says_what_is_wrong_beside_the_field(browser: Browser) -> None:
    given = {"name": "Clara", "email": "nonsense", "password": PASSWORD}
    shown = await browser.fill("/register", "/register", **given)
    assert shown.status == 400
    assert 'id="email-note" role="alert"' in shown.html
    assert shown.form("/register")["name"] == "Clara"


async def test_a_forgotten_password_is_replaced_on_the_page(
    browser: Browser, floor: Floor, context_of: ContextOf
) -> None:
    await account(context_of())
    shown = await browser.fill("/auth/reset-password", "/auth/reset-password", email=EMAIL)
    assert "Look into your mail" in shown.text
    await perform(context_of(), identity.send_letter, letter_id=await seen(floor, "select id from letters"))
    [file] = (floor.settings.data / "mail").glob("*.eml")
    found = re.search(r"/auth/reset-password\?token=[\w-]+", file.read_text())
    assert found
    weak = await browser.fill(found[0], "/auth/reset-password", password="short")
    assert (weak.status, "at least 12" in weak.text) == (400, True)
    done = await browser.send(
        "/auth/reset-password", weak.form("/auth/reset-password") | {"password": OTHER_PASSWORD}
    )
    assert done.path == "/login?done=reset"
    assert (await browser.sign_in(OTHER_PASSWORD)).status != 401


async def test_a_guest_comes_in_by_the_code_and_is_put_out(browser: Browser, context_of: ContextOf) -> None:
    person = await account(context_of())
    await perform(
        context_of(),
        identity.grant,
        subject=identity.user_subject(person.id),
        resource=identity.player_resource(uuid4()),
        right=identity.OWN,
    )
    await browser.sign_in()
    shown = await browser.fill("/guests", "/guests", control="1", uses="3")
    assert 'class="qr"' not in shown.html, "no phone could follow a code that leads to this machine"
    assert "Start it with LAN=1" in shown.text
    assert {"add", "control"} < shown.form("/guests").keys()
    for uses in ("0", "51", "many"):
        refused = await browser.fill("/guests", "/guests", uses=uses)
        assert (refused.status, "at most fifty" in refused.text) == (400, True)
    found = re.search(r"/join/[\w-]+", shown.html)
    assert found
    async with browser_at(browser.server) as phone:
        page = await phone.open(found[0])
        assert "Clara asks you to join in" in page.text
        fields = page.forms()[0]["fields"]
        assert (await phone.send(found[0], fields | {"name": " "})).status == 400
        await phone.send(found[0], fields | {"name": "Franz"})
        assert (await phone.open("/settings/security")).status == 200
        assert (await phone.open("/guests")).status == 403
        guests = await browser.open("/guests")
        assert "Franz may add songs, play, pause and skip · just now" in guests.text
        [action] = [each["action"] for each in guests.forms() if each["action"].endswith("/out")]
        assert "Your guest is out" in (await browser.send(action, guests.form(action))).text
        assert (await phone.open("/settings/security")).path.startswith("/login")
    await browser.fill("/guests", "/guests/close")
    assert (await browser.open(found[0])).status == 410


@pytest.mark.parametrize("path", ["/settings/security", "/guests"])
async def test_a_stranger_is_led_to_the_sign_in_page(browser: Browser, path: str) -> None:
    assert (await browser.open(path)).path == "/login?next=" + path


async def test_a_page_for_somebody_elses_session_ends_nothing(
    browser: Browser, context_of: ContextOf, someone: Person
) -> None:
    await account(context_of())
    theirs = await perform(context_of(), identity.open_program_session, user_id=someone.id)
    ctx = await signed_in(context_of, theirs.access_token)
    await browser.sign_in()
    fields = (await browser.open("/settings/security")).form("/logout")
    await browser.send(f"/settings/security/sessions/{ctx.signed_in.id}", fields)
    assert await perform(context_of(), identity.session_of_access_token, jwt=theirs.access_token) is not None
