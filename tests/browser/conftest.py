"""A real Chromium against real servers; a screenshot of each page is kept under var/screenshots."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, async_playwright

from tests.audio_files import make_audio
from tests.needs import lacking
from tests.running import ROOT, Server
from tutti import audio, identity, library
from tutti.command import perform
from tutti.context import Context, Floor, Person

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
PICTURES: Final = ROOT / "var" / "screenshots"
PHONE: Final = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
    "color_scheme": "light",
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36",
}
DESK: Final = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}
OUTAGE: Final = ("net::ERR_", "status of 503", "Error Code 503", "htmx:sendError", "htmx:afterRequest")
QUIET: Final = ("the server responded with a status of 4",)


class Visitor:
    """One browser profile at one server, and whatever its console complained about."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self._forgiven: tuple[str, ...] = QUIET
        self.watch(page)

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def another_window(self, path: str = "/") -> Page:
        """A second window of the same profile."""
        page = await self.context.new_page()
        self.watch(page)
        await page.goto(self.url + path)
        return page

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def until_up(self, page: Page | None = None) -> None:
        """Until the page speaks with the server and has been given a device."""
        await self.until("globalThis.tutti?.store.isUp && tutti.deviceId", page=page)

    async def until(self, condition: str, within_ms: float = 10_000, page: Page | None = None) -> None:
        """Until a condition in JavaScript holds. Playwright's own way needs eval, which our pages forbid."""
        deadline = monotonic() + within_ms / 1000
        while not await self._holds(condition, page or self.page):
            if monotonic() > deadline:
                pytest.fail(f"after {within_ms} ms still not: {condition}", pytrace=True)
            await asyncio.sleep(0.03)

    async def _holds(self, condition: str, page: Page) -> bool:
        try:
            return bool(await page.evaluate(f"() => Boolean({condition})"))
        except Error as error:
            if "context was destroyed" in str(error) or "navigat" in str(error):
                return False
            raise

    async def ask(self, expression: str) -> Any:
        return await self.page.evaluate(expression)

    async def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.wait_for_timeout(450)
        await self.page.screenshot(path=PICTURES / f"{name}.png")

    def forgive_the_outage(self) -> None:
        """Browser and htmx complain of each request that found no server, or lost it; also a moment later."""
        self._forgiven = QUIET + OUTAGE
        self.complaints = [text for text in self.complaints if not any(word in text for word in OUTAGE)]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(text in message.text for text in self._forgiven):
            self.complaints.append(f"{message.text} at {message.location}")


class Browsers:
    """Opens visitors; at the end none of them may have complained."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.visitors: list[Visitor] = []

    @asynccontextmanager
    async def visit(
        self, server: Server, kind: Mapping[str, Any] = DESK, person: Person | None = None
    ) -> AsyncIterator[Visitor]:
        """A profile of its own; with a person it is signed in already."""
        context = await self._browser.new_context(**kind)
        context.set_default_timeout(15_000)
        if person is not None:
            cookies = await server.cookie(person)
            await context.add_cookies(
                [{"name": name, "value": value, "url": server.url} for name, value in cookies.items()]
            )
        visitor = Visitor(context, await context.new_page(), server.url)
        self.visitors.append(visitor)
        yield visitor
        await context.close()
        assert visitor.complaints == []


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or lacking("Chromium", "install the package chromium")


@pytest.fixture
async def browsers(chromium: str) -> AsyncIterator[Browsers]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        yield Browsers(browser)
        await browser.close()


@pytest.fixture(params=["user-gesture-required", "document-user-activation-required"])
async def shy_browsers(chromium: str, request: pytest.FixtureRequest) -> AsyncIterator[Browsers]:
    """As browsers come: no sound before somebody touched the page.

    The first policy wants it of each audio element, as phones do, the second of the page, Web Audio included.
    """
    flags = [flag for flag in FLAGS if not flag.startswith("--autoplay")]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=[*flags, f"--autoplay-policy={request.param}"]
        )
        yield Browsers(browser)
        await browser.close()


@pytest.fixture
async def setup_code(floor: Floor) -> str:
    """The one-time code that the terminal shows at the first start."""
    code = await perform(Context(floor), identity.setup_code)
    assert code is not None
    return code


@pytest.fixture
def six_songs(tmp_path: Path) -> list[Path]:
    """One song in each format, named as people name files."""
    songs = [
        ("Clair de lune", "Claude Debussy", "Suite bergamasque", "mp3"),
        ("Águas de Março", "Elis Regina", "Elis & Tom", "flac"),
        ("So What", "Miles Davis", "Kind of Blue", "ogg"),
        ("Blue in Green", "Miles Davis", "Kind of Blue", "opus"),
        ("Hurt", "Johnny Cash", "American IV", "m4a"),
        ("Erbarme dich", "Johann Sebastian Bach", "Matthäus-Passion", "wav"),
    ]
    made = []
    for number, (title, artist, album, form) in enumerate(songs):
        made.append(tmp_path / f"{artist} - {title}.{form}")
        tags = {"title": title, "artist": artist, "album": album}
        make_audio(made[-1], form, 24 + number, tags, hertz=300 + 60 * number)
    return made


class AddSong(Protocol):
    """Puts a real song into a person's library, without the way of an upload; answers its id."""

    async def __call__(self, owner: Person, title: str, seconds: float = 60, form: str = "mp3") -> UUID: ...


@pytest.fixture
def add_song(floor: Floor, tmp_path: Path) -> AddSong:
    async def add(owner: Person, title: str, seconds: float = 60, form: str = "mp3") -> UUID:
        file = tmp_path / f"{title}.{form}"
        tags = {"title": title, "artist": "Franz Schubert", "album": "Winterreise"}
        make_audio(file, form, seconds, tags, hertz=300 + 40 * len(title))
        content = file.read_bytes()
        probe = await audio.probe(file, floor.settings)
        key = f"media/{sha256(content).hexdigest()}"

        async def blocks() -> AsyncIterator[bytes]:
            yield content

        await floor.storage.begin(key)
        await floor.storage.write_at(key, 0, blocks(), len(content))
        song = await perform(
            Context(floor, person=owner),
            library.add_song,
            owner_id=owner.id,
            sha256=sha256(content).digest(),
            storage_key=key,
            size=len(content),
            probe=probe,
            file_name=file.name,
        )
        return song.id

    return add
