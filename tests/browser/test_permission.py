"""Browsers as they come: no sound before somebody touched the page."""

import asyncio
from time import monotonic

import pytest

from tests.browser.conftest import DESK, PHONE, AddSong, Browsers, Visitor
from tests.browser.test_devices import DIARY, MOVES, start
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser
IN_PARTY = "tutti.output.role === 'party' && tutti.output.party.isSounding"
IS_MEANT = "tutti.output.deck.isWanted && !tutti.output.deck.audio.paused && tutti.output.deck.level > 0"
"""Whether it is to be heard. A machine that is too busy to decode may stop for a moment nevertheless."""
HEARD_MS = "tutti.output.deck.positionMs"
GIVEN_UP_S = 4
"""A handover is given up after 3 s."""
ANYWHERE = (100, 90)
"""On a phone: the greeting, which does nothing when it is touched."""
NOTES = """
  globalThis.notes = [];
  const note = (what) => notes.at(-1) === what || notes.push(what);
  addEventListener("pointerup", () => note("touched"), {capture: true});
  addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    if (document.querySelector("#listen button")?.textContent === "Tap to play here") note("asks for a tap");
  }).observe(document.body, {childList: true, subtree: true}));
  setInterval(() => globalThis.tutti?.output.isHeard && note("sounds"), 20);
"""
"""What happens on a page, in its order, noted by the page itself."""
IS_NOTED = "notes.at(-1) === 'sounds'"
"""A page looks every 20 ms, or when it comes to it."""


async def two_devices(desk: Visitor, shy: Visitor) -> str:
    """Music on the desk, and a page that nobody has touched; answers what the server calls that one.

    Whatever Playwright evaluates counts as a gesture: until it was touched the shy page is left alone.
    """
    await start(desk)
    await shy.context.add_init_script(NOTES)
    await shy.open("/")
    await desk.until("tutti.store.devices.filter((one) => one.isOnline).length === 2")
    found: str = await desk.ask("tutti.store.devices.find((one) => one.deviceId !== tutti.deviceId).deviceId")
    return found


async def course(visitor: Visitor) -> list[str]:
    """What happened there, each for the first time."""
    return list(dict.fromkeys(await visitor.ask("notes")))


async def test_a_browser_that_wants_a_tap_first_gets_a_button(
    shy_browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    song_id = await add_song(admin, "Frühlingstraum")
    async with server.phone(admin) as remote, shy_browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        while not (known := await remote.hear("devices.changed"))["devices"]:
            pass
        await remote.ask("player.play", songId=str(song_id), deviceId=known["devices"][0]["deviceId"])
        await asyncio.sleep(1.5)
        await desk.page.wait_for_selector("#listen button")
        assert not await desk.ask(MOVES)
        await desk.picture("tap-to-listen")
        await desk.page.click("#listen button")
        await desk.until(MOVES)
        assert await desk.page.query_selector("#listen") is None


async def test_music_handed_to_an_untouched_page_stays_until_the_tap(
    browsers: Browsers, shy_browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Täuschung")
    async with browsers.visit(server, DESK, admin) as desk, shy_browsers.visit(server, PHONE, admin) as shy:
        target = await two_devices(desk, shy)
        await desk.ask(DIARY)
        began = looked = monotonic()
        heard_ms, watched_s = await desk.ask(HEARD_MS), 0.0
        await desk.ask(f"() => tutti.wish('player.transfer', {{deviceId: '{target}'}})")
        while monotonic() < began + GIVEN_UP_S:
            assert await desk.ask(IS_MEANT)
            await asyncio.sleep(0.1)
            # While a look took longer, the machine stood still, and the music with it.
            watched_s += min(monotonic() - looked, 0.2)
            looked = monotonic()
        assert await desk.ask(HEARD_MS) - heard_ms > watched_s * 750
        await desk.until("tutti.store.player.handoff === null && tutti.output.role === 'solo'")
        await desk.until("told.some((text) => text.includes('was not ready'))")
        await shy.page.wait_for_selector("#listen button:text('Tap to play here')")
        assert await shy.page.query_selector(".toast") is None
        await shy.picture("phone-tap-to-play")
        assert await desk.ask("tutti.output.role === 'solo'"), "a look at the page does not fetch the music"
        await shy.page.tap("#listen button")
        await shy.until(f"tutti.output.role === 'solo' && {MOVES}", 15_000)
        await desk.until("tutti.output.role === 'silent' && tutti.output.deck.audio.paused")
        assert await shy.page.query_selector("#listen") is None


async def test_a_tap_in_time_lets_the_music_come(
    browsers: Browsers, shy_browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Im Dorfe")
    async with browsers.visit(server, DESK, admin) as desk, shy_browsers.visit(server, PHONE, admin) as shy:
        target = await two_devices(desk, shy)
        await desk.ask(f"() => tutti.wish('player.transfer', {{deviceId: '{target}'}})")
        await asyncio.sleep(1.5)
        await shy.page.touchscreen.tap(*ANYWHERE)
        await shy.until(f"tutti.output.role === 'solo' && {MOVES} && {IS_NOTED}", 15_000)
        assert await course(shy) == ["asks for a tap", "touched", "sounds"]


@pytest.mark.parametrize("shy_browsers", ["document-user-activation-required"], indirect=True)
async def test_an_untouched_page_joins_a_party_at_the_tap(
    browsers: Browsers, shy_browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der Wirtshaus")
    async with browsers.visit(server, DESK, admin) as desk, shy_browsers.visit(server, PHONE, admin) as shy:
        target = await two_devices(desk, shy)
        await desk.ask(f"() => tutti.wish('output.add', {{deviceId: '{target}'}})")
        await desk.until(IN_PARTY, 15_000)
        await asyncio.sleep(3)
        assert await desk.ask(IN_PARTY)
        await shy.page.touchscreen.tap(*ANYWHERE)
        await asyncio.sleep(1)
        await shy.until(f"{IN_PARTY} && {IS_NOTED}", 15_000)
        assert not await shy.ask("tutti.output.permission.isBlocked")
        assert await shy.page.query_selector("#listen") is None
        assert await course(shy) == ["asks for a tap", "touched", "sounds"]
        await desk.until("tutti.store.player.outputs.every((one) => one.ready)")
