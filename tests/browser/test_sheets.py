"""Sheets and stage on small screens: everything can be reached, hit and taken back."""

from typing import Final

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers, Visitor
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser
SMALL: Final = PHONE | {"viewport": {"width": 320, "height": 600}}
FINGERTIP: Final = 40
LOW: Final = f"""() => [...document.querySelectorAll("button, a.btn, .choice a, .card-head a, summary")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < {FINGERTIP})
  .map((one) => one.getAttribute("aria-label") ?? one.textContent)"""

# One way is slow in the first exchange and the other in the second: both together know more than each alone.
BELIEVED = """(() => {
  const { clock } = tutti, t = performance.now(), ahead = Date.now() - t + 500;
  [clock.samples, clock.bounds] = [[], null];
  clock.add(t - 200, t - 200 + 50 + ahead, t - 200 + 50 + ahead, t - 140);
  clock.add(t - 60, t - 60 + 10 + ahead, t - 60 + 10 + ahead, t);
  const panel = document.querySelector("clock-panel");
  panel.show(clock);
  const facts = [...panel.querySelectorAll("dd")].map((one) => one.textContent);
  const wall = performance.now() - Date.now();
  const offset = Number(facts[0].replace("−", "-").replace(/[^-0-9.]/g, ""));
  return { facts, offset, clock: clock.offset + wall, best: clock.best.offset + wall };
})()"""


async def start(visitor: Visitor) -> None:
    await visitor.open("/songs")
    await visitor.until_up()
    await visitor.page.tap("[data-act=play-list]")
    await visitor.until("tutti.output.deck.isMoving")


async def test_what_a_toast_offers_can_be_taken_while_a_sheet_is_open(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    for title in ("Mut", "Das Wirtshaus", "Der Wegweiser"):
        await add_song(admin, title)
    async with browsers.visit(server, PHONE, admin) as phone:
        await start(phone)
        await phone.page.tap(".tabs [data-open=queue]")
        await phone.page.tap("#sheet-queue .queue-item >> nth=1 >> [data-act=remove]")
        await phone.until("tutti.store.queue.length === 2")
        await phone.page.tap(".toast:has-text('was removed') button")
        await phone.until("tutti.store.queue.length === 3")
        await phone.page.tap("#sheet-queue .queue-item >> nth=1 >> [data-act=remove]")
        await phone.page.tap("#sheet-queue [data-close]")
        await phone.page.tap(".toast:has-text('was removed') button")
        await phone.until("tutti.store.queue.length === 3")


async def test_the_open_queue_fills_its_sheet(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    song = await add_song(admin, "Irrlicht")
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        await desk.until_up()
        many = f"{{ songIds: Array(15).fill('{song}') }}"
        await desk.ask(f"tutti.wish('queue.add', {many}).then(() => true)")
        await desk.until("tutti.store.queue.length === 15")
        await desk.page.click(".bar [data-open=queue]")
        rows = "#sheet-queue .queue-view"
        edge = "document.querySelector('#sheet-queue').getBoundingClientRect().bottom"
        await desk.until(f"{edge} - document.querySelector('{rows}').getBoundingClientRect().bottom < 40")
        await desk.page.wait_for_selector(f"{rows} .queue-item >> nth=9")
        await desk.picture("queue-fills-sheet")


async def test_on_a_small_phone_everything_is_in_sight_and_large_enough(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Ein Lied mit einem wirklich sehr langen Namen, der über die Zeile geht")
    async with browsers.visit(server, SMALL, admin) as small:
        await start(small)
        for path in ("/", "/songs", "/search"):
            await small.open(path)
            await small.until_up()
            await small.until("tutti.store.now?.item")
            assert await small.ask(LOW) == [], path
            assert await small.ask("document.documentElement.scrollWidth <= innerWidth"), path
        await small.page.tap(".bar-song")
        await small.picture("small-stage")
        lowest = "document.querySelector('.stage-foot').getBoundingClientRect().bottom"
        assert await small.ask(f"{lowest} <= innerHeight")
        assert await small.ask(LOW) == []
        await small.page.tap(".stage [data-do=close]")
        await small.page.tap(".top [data-open=devices]")
        await small.page.wait_for_selector("#sheet-devices .device")
        assert await small.ask(LOW) == []
        await small.picture("small-devices")
        await small.page.tap("#sheet-devices a[href='/guests']")
        await small.page.wait_for_selector("h1:text('Guests')")


async def test_the_clock_that_is_believed_is_the_one_that_is_shown_on_the_smallest_phone_too(
    browsers: Browsers, server: Server, admin: Person
) -> None:
    async with browsers.visit(server, SMALL, admin) as small:
        await small.open("/")
        await small.until_up()
        await small.page.tap(".top [data-open=devices]")
        await small.page.tap("clock-panel summary")
        await small.until("/^[+−][0-9.]+ ms$/.test(document.querySelector('clock-panel dd').textContent)")
        shown = await small.ask(BELIEVED)
        assert shown["offset"] == pytest.approx(shown["clock"], abs=2.1)
        assert abs(shown["offset"] - shown["best"]) > 15
        assert shown["facts"][1:] == ["± 10.0 ms", "60.0 ms"]
        await small.picture("small-clock")
        assert await small.ask(LOW) == []
        facts = "document.querySelector('clock-panel dl')"
        assert await small.ask(f"{facts}.scrollWidth <= {facts}.clientWidth")
        assert await small.ask(f"[...{facts}.querySelectorAll('dd')].every((one) => one.offsetHeight < 30)")
