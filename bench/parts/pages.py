"""Pages in Chromium whose sound is listened to; each is a browser profile of its own."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bench.parts.clicks import Click, clicks_in

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
)
PARTS: Final = Path(__file__).parent
EAR: Final = f"const TAP = {json.dumps((PARTS / 'tap.js').read_text())};\n{(PARTS / 'ear.js').read_text()}"


class Listener:
    """One page and what it sounds."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url

    async def ask(self, expression: str, argument: Any = None) -> Any:
        """What an expression in the page comes to; promises are awaited."""
        return await self.page.evaluate(expression, argument)

    async def wish(self, method: str, **params: Any) -> None:
        """A wish of the person at this page."""
        done = await self.ask(
            "([method, params]) => tutti.wish(method, params).then(Boolean)", [method, params]
        )
        if not done:
            raise RuntimeError(f"{method} was refused: {await self.ask('() => document.body.innerText')}")

    async def until(self, condition: str, within_s: float = 30) -> None:
        """Until a condition in JavaScript holds; raises TimeoutError."""
        deadline = monotonic() + within_s
        while not await self.ask(f"() => Boolean({condition})"):
            if monotonic() > deadline:
                raise TimeoutError(condition)
            await asyncio.sleep(0.02)

    @property
    async def device_id(self) -> str:
        found: str = await self.ask("() => tutti.deviceId")
        return found

    async def heard(self, name: str) -> list[Click]:
        """The clicks that were heard since the last time."""
        taken = await self.ask("(name) => heard(name)", name)
        return clicks_in(taken["pulses"], taken["stamps"])


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium without a window."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("This bench needs Chromium: install the package chromium.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=[*FLAGS])
        yield browser
        await browser.close()


async def open_page(browser: Browser, url: str, cookie: str | None = None) -> Listener:
    """A profile of its own at a server; with a cookie it is signed in, and has been given a device."""
    context = await browser.new_context(viewport={"width": 1000, "height": 700}, bypass_csp=True)
    if cookie is not None:
        await context.add_cookies([{"name": "sid", "value": cookie, "url": url}])
    await context.add_init_script(EAR)
    listener = Listener(context, await context.new_page(), url)
    await listener.page.goto(url)
    if cookie is not None:
        await listener.until("globalThis.tutti?.store.isUp && tutti.deviceId")
    return listener


async def all_heard(pages: Sequence[Listener], name: str) -> list[list[Click]]:
    """What each of the pages heard since the last time."""
    return list(await asyncio.gather(*(page.heard(name) for page in pages)))
