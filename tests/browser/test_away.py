"""The server goes away and comes back: the music goes on, the page says so, and nothing is lost."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers, Visitor
from tests.running import Process, Server, server_process, wait_for_answer
from tutti.context import Floor, Person
from tutti.settings import Settings

pytestmark = pytest.mark.browser


async def test_music_goes_on_while_the_server_is_away(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Die Post")
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await desk.open("/")
            await desk.until_up()
            await desk.page.click("#songs .item-main")
            await desk.until("tutti.output.deck.isMoving && tutti.output.deck.positionMs > 500")
            await desk.page.wait_for_timeout(1500)
            process.kill()
            await desk.until("!document.getElementById('offline').hidden", 5000)
            await desk.picture("reconnecting")
            before = await desk.ask("tutti.output.deck.positionMs")
            await desk.page.wait_for_timeout(1000)
            assert await desk.ask("tutti.output.deck.positionMs") - before > 700
            pressed = desk.page.click(".bar [data-do=toggle]")
            process.start()
            wait_for_answer(f"{server.url}/healthz")
            await pressed
            await desk.until("document.getElementById('offline').hidden", 20_000)
            await desk.until("!tutti.store.player.isPlaying && tutti.output.deck.audio.paused")
            desk.forgive_the_outage()


ON_TOP = """(() => {
  const { x, y, width, height } = document.getElementById("offline").getBoundingClientRect();
  return height > 0 && document.elementFromPoint(x + width / 2, y + height / 2)?.closest("#offline");
})()"""


async def test_an_outage_is_told_above_whatever_is_open(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der greise Kopf")
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, PHONE, admin) as phone:
            await phone.open("/songs")
            await phone.until_up()
            await phone.page.tap("[data-act=play-list]")
            await phone.page.tap(".bar-song")
            process.kill()
            await phone.until(ON_TOP)
            await phone.picture("away-stage")
            await phone.page.tap(".stage [data-open=devices]")
            await phone.until(ON_TOP)
            await phone.picture("away-sheet")
            await phone.page.tap("#sheet-devices [data-close]")
            await phone.until(ON_TOP)
            await phone.page.tap(".stage [data-do=close]")
            await phone.until(ON_TOP)
            phone.forgive_the_outage()


async def test_what_came_into_the_library_during_an_outage_is_there_after_it(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Gute Nacht")
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await desk.open("/songs")
            await desk.until_up()
            process.kill()
            await desk.until("!tutti.store.isUp")
            # A word of it may still have come, just before the server was gone: nobody asked, nobody is told.
            await desk.ask("() => tutti.store.dispatchEvent(new CustomEvent('library', {detail: {}}))")
            await desk.page.wait_for_timeout(600)
            assert not await desk.page.query_selector(".toast")
            await add_song(admin, "Die Wetterfahne")
            process.start()
            await asyncio.to_thread(wait_for_answer, f"{server.url}/healthz")
            await desk.until(
                "document.getElementById('songs').textContent.includes('Die Wetterfahne')", 30_000
            )
            desk.forgive_the_outage()


async def test_a_page_that_was_away_alone_looks_again_what_the_library_has(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    """The server went on hearing for the others, so it has no reason to doubt what it told."""
    await add_song(admin, "Der Lindenbaum")
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, PHONE, admin) as phone:
        for visitor in (desk, phone):
            await visitor.open("/songs")
            await visitor.until_up()
        await asyncio.sleep(3)
        await desk.ask("() => { tutti.line.socket.random = () => 6; tutti.line.socket.socket.close(); }")
        await desk.until("!tutti.store.isUp")
        await add_song(admin, "Wasserflut")
        listed = "document.getElementById('songs').textContent.includes('Wasserflut')"
        await phone.until(listed)
        assert not await desk.ask(listed)
        await desk.until(listed)


OUTAGE_S = 15
WATCH = """() => {
  globalThis.watched = [];
  const look = () => {
    const { deck, party } = tutti.output;
    const heardMs = party.isSounding ? party.positionMs : deck.audio.currentTime * 1000;
    const sounds = party.isSounding || (deck.isMoving && deck.level > 0.5);
    watched.push({at: performance.now(), sounds, heardMs});
  };
  setInterval(look, 50);
}"""
TOLD_MS = "tutti.store.player.positionMs + tutti.clock.now() - Date.parse(tutti.store.player.anchoredAt)"


async def out_of_reach(server: Server, process: Process, seconds: float = OUTAGE_S) -> None:
    """Kill the server as a power cut would, and start it again."""
    process.kill()
    await asyncio.sleep(seconds)
    process.start()
    await asyncio.to_thread(wait_for_answer, f"{server.url}/healthz")


async def sounding(visitor: Visitor) -> None:
    """Play the first song here, and look every 50 ms whether it still does."""
    await visitor.open("/")
    await visitor.until_up()
    await visitor.page.click("#songs .item-main")
    await visitor.until("tutti.output.deck.isMoving && tutti.output.deck.level > 0.5")
    await visitor.page.wait_for_timeout(1500)
    await visitor.ask(WATCH)


def was_never_silent(watched: list[dict[str, Any]]) -> bool:
    """It sounded whenever it was looked at, and its place in the song went on as the time did."""
    off = [look["heardMs"] - look["at"] for look in watched]
    return all(look["sounds"] for look in watched) and max(off) - min(off) < 150


async def test_music_that_played_through_an_outage_never_stops(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der greise Kopf", seconds=120)
    with server_process(settings, floor) as (server, process):
        async with (
            browsers.visit(server, person=admin) as desk,
            browsers.visit(server, PHONE, admin) as phone,
        ):
            await sounding(desk)
            await phone.open("/")
            await phone.until_up()
            second = await desk.another_window("/songs")
            await out_of_reach(server, process)
            for page in (desk.page, second):
                await desk.until("tutti.store.isUp", 30_000, page)
            await phone.until("tutti.store.isUp && tutti.store.player.isPlaying", 30_000)
            await desk.page.wait_for_timeout(3000)
            watched = await desk.ask("watched")
            assert len(watched) > OUTAGE_S * 10
            assert was_never_silent(watched), [look for look in watched if not look["sounds"]][:5]
            for page in (desk.page, second):
                assert await page.evaluate("tutti.store.now.isPlaying")
                assert not await page.query_selector(".toast")
            told = await phone.ask(TOLD_MS)
            assert abs(told - await desk.ask("tutti.output.deck.positionMs")) < 300
            async with server.phone(admin) as remote:
                state = await remote.ask("player.get")
                assert state["isPlaying"]
                assert state["notice"] is None
                (row,) = (await remote.ask("player.history"))["items"]
                heard_s = await desk.ask("tutti.output.deck.positionMs") / 1000
                assert abs(row["playedDuration"] - heard_s) < 2
            for visitor in (desk, phone):
                visitor.forgive_the_outage()


async def test_a_party_that_played_through_an_outage_never_stops(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Letzte Hoffnung", seconds=120)
    with server_process(settings, floor) as (server, process):
        async with (
            browsers.visit(server, person=admin) as desk,
            browsers.visit(server, PHONE, admin) as phone,
        ):
            await sounding(desk)
            await phone.open("/")
            await phone.until_up()
            other = await phone.ask("tutti.deviceId")
            await desk.ask(f"() => tutti.wish('output.add', {{deviceId: '{other}'}})")
            for visitor in (desk, phone):
                await visitor.until("tutti.output.role === 'party' && tutti.output.party.isSounding", 20_000)
            await asyncio.sleep(3)
            for visitor in (desk, phone):
                await visitor.ask(WATCH)
            await out_of_reach(server, process)
            for visitor in (desk, phone):
                await visitor.until("tutti.store.isUp", 30_000)
            await asyncio.sleep(3)
            for visitor in (desk, phone):
                watched = await visitor.ask("watched")
                assert was_never_silent(watched), [look for look in watched if not look["sounds"]][:5]
                assert await visitor.ask("tutti.output.role === 'party' && tutti.store.now.isPlaying")
                visitor.forgive_the_outage()


async def test_a_song_on_repeat_goes_round_and_round_while_the_server_is_away(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der Leiermann", seconds=5)
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await sounding(desk)
            await desk.ask("() => tutti.wish('player.change', {repeatMode: 'one'})")
            await desk.until("tutti.store.player.repeatMode === 'one'")
            # So that it comes back soon, however long it was away.
            await desk.ask("() => { tutti.line.socket.random = () => 0.05; }")
            await out_of_reach(server, process, 18)
            await desk.until("tutti.store.isUp", 30_000)
            await desk.page.wait_for_timeout(2000)
            watched = await desk.ask("watched")
            rounds = sum(later["heardMs"] < look["heardMs"] - 3000 for look, later in pairwise(watched))
            assert rounds >= 4
            silent = [look for look in watched if not look["sounds"]]
            assert len(silent) <= 4 * rounds, silent[:5]
            assert await desk.ask("tutti.store.now.isPlaying && !tutti.store.player.notice")
            desk.forgive_the_outage()


async def test_a_pause_pressed_during_an_outage_holds_when_it_is_over(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Die Krähe", seconds=120)
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await sounding(desk)
            second = await desk.another_window("/songs")
            await desk.until("tutti.store.player?.isPlaying && tutti.store.isUp", page=second)
            gone = asyncio.create_task(out_of_reach(server, process))
            await desk.until("!tutti.store.isUp", page=second)
            await second.click(".bar [data-do=toggle]")
            await desk.until("tutti.output.deck.audio.paused", 2000)
            await gone
            await desk.until("tutti.store.isUp", 30_000)
            await desk.page.wait_for_timeout(2000)
            assert await desk.ask("tutti.output.deck.audio.paused")
            async with server.phone(admin) as remote:
                assert not (await remote.ask("player.get"))["isPlaying"]
            desk.forgive_the_outage()
