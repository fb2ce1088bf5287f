"""Windows of one browser are one device, also when one of them slept, or the server sent all of them away."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import AddSong, Browsers
from tests.browser.test_devices import WITHOUT_SECURE_CONTEXT, start
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser
BUSY_MS = 4000
FALL_ASLEEP = f"""() => {{
  setTimeout(() => {{ const from = performance.now(); while (performance.now() - from < {BUSY_MS}); }}, 300);
}}"""
BANNER = (
    "document.getElementById('offline').hidden ? '' : document.getElementById('offline').textContent.trim()"
)
ELSEWHERE = "Tutti goes on in another window of this browser. Reload this one to use it here."


async def told(page: Page) -> str:
    """What the banner says, '' while there is none."""
    words: str = await page.evaluate(BANNER)
    return words


async def lines(*pages: Page) -> list[dict[str, Any]]:
    return [
        await page.evaluate("({ leads: tutti.line.isLeading, isUp: tutti.store.isUp })") for page in pages
    ]


@pytest.mark.parametrize("order", ["first is lower", "second is lower"])
async def test_without_locks_a_window_that_slept_gives_way_to_the_one_that_took_the_lead(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong, order: str
) -> None:
    await add_song(admin, "Der Wegweiser")
    async with browsers.visit(server, person=admin) as desk:
        await desk.context.add_init_script(WITHOUT_SECURE_CONTEXT)
        await start(desk)
        first_is_lower = order == "first is lower"
        await desk.ask(
            f"() => {{ tutti.line.id = tutti.line.election.id = '{'0' if first_is_lower else 'z'}'; }}"
        )
        second = await desk.context.new_page()
        desk.watch(second)
        await desk.ask(FALL_ASLEEP)
        await asyncio.sleep(0.4)
        await second.goto(f"{desk.url}/songs")
        await desk.until("tutti.line.isLeading && tutti.store.isUp", page=second)
        await asyncio.sleep(BUSY_MS / 1000 + 1)
        one = {"leads": False, "isUp": True}
        assert await lines(desk.page, second) == [one, one | {"leads": True}]
        await second.evaluate("tutti.wish('player.pause').then(() => true)")
        await second.click("#songs .item-main")
        await desk.until("tutti.output.deck.isMoving", page=second)
        await desk.until("tutti.store.player.isPlaying && tutti.output.role === 'silent'")
        assert await told(desk.page) == ""


@pytest.mark.parametrize("locks", ["with locks", "without"])
async def test_windows_that_were_sent_away_say_so_and_one_that_is_reloaded_brings_all_back(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong, locks: str
) -> None:
    await add_song(admin, "Das Wirtshaus")
    async with browsers.visit(server, person=admin) as desk:
        if locks == "without":
            await desk.context.add_init_script(WITHOUT_SECURE_CONTEXT)
        await start(desk)
        second = await desk.another_window("/songs")
        await desk.until("tutti.store.isUp", page=second)
        await desk.ask("() => tutti.line.socket.socket.onclose({ code: 4504 })")
        await asyncio.sleep(2.5)
        for page in (desk.page, second):
            assert "Too many windows of Tutti are open." in await told(page)
            assert await page.evaluate("!tutti.line.isLeading && tutti.output.deck.audio.paused")
        await desk.picture("too-many-windows")
        await second.reload()
        await desk.until("tutti.store.isUp && tutti.line.isLeading", page=second)
        await desk.until("tutti.store.isUp && !tutti.line.isLeading")
        for page in (desk.page, second):
            assert await told(page) == ""
        await desk.ask("tutti.play().then(() => true)")
        await desk.until("tutti.output.deck.isMoving", page=second)
        await second.close()
        await desk.until("tutti.store.isUp && tutti.line.isLeading")


async def test_two_browsers_of_one_device_do_not_take_the_place_from_one_another_for_ever(
    browsers: Browsers, server: Server, admin: Person
) -> None:
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server) as copy:
        await desk.open("/")
        await desk.until_up()
        second = await desk.another_window("/songs")
        await desk.until("tutti.store.isUp", page=second)
        await copy.context.add_cookies(await desk.context.cookies())  # type: ignore[arg-type]  # as they were given
        await copy.open("/")
        await copy.until_up()
        for page in (desk.page, second):
            await desk.until(f"({BANNER}) === '{ELSEWHERE}'", page=page)
        await asyncio.sleep(4)
        assert await lines(desk.page, second, copy.page) == [
            {"leads": False, "isUp": False},
            {"leads": False, "isUp": False},
            {"leads": True, "isUp": True},
        ]
        await desk.page.reload()
        await desk.until("tutti.store.isUp && tutti.line.isLeading")
        await desk.until("tutti.store.isUp", page=second)
        await copy.until(f"({BANNER}) === '{ELSEWHERE}'")
