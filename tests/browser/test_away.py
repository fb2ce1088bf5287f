"""The server goes away and comes back: the music goes on, the page says so, and nothing is lost."""

import asyncio
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers, Visitor
from tests.running import Process, Server, server_process, wait_for_answer
from tutti.context import Floor, Person
from tutti.settings import Settings

pytestmark = pytest.mark.browser
BACK_WITHIN_MS = 60_000
"""A page that was away for long waits up to 30 s before it tries again."""
COMES_BACK_SOON = "() => { tutti.line.socket.random = () => 0.05; }"
"""However long it was away."""


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
            await desk.until("!document.getElementById('offline').hidden")
            await desk.picture("reconnecting")
            before = await desk.ask("tutti.output.deck.positionMs")
            await desk.until(f"tutti.output.deck.positionMs - {before} > 1000")
            pressed = desk.page.click(".bar [data-do=toggle]")
            process.start()
            wait_for_answer(f"{server.url}/healthz")
            await pressed
            await desk.until("document.getElementById('offline').hidden", BACK_WITHIN_MS)
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
            listed = "document.getElementById('songs').textContent.includes('Die Wetterfahne')"
            await desk.until(listed, BACK_WITHIN_MS)
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
        # It stays away until it is told to come back.
        await desk.ask("() => { tutti.line.socket.random = () => 1000; tutti.line.socket.socket.close(); }")
        await desk.until("!tutti.store.isUp")
        await add_song(admin, "Wasserflut")
        listed = "document.getElementById('songs').textContent.includes('Wasserflut')"
        await phone.until(listed)
        assert not await desk.ask(listed)
        await desk.ask("() => tutti.line.hurry()")
        await desk.until(listed)


OUTAGE_S = 15
WATCH = """() => {
  globalThis.watched = [];
  const look = () => {
    const { deck, party } = tutti.output;
    const at = performance.now();
    const heardMs = party.isSounding ? party.positionMs : deck.audio.currentTime * 1000;
    const sounds = party.isSounding || (deck.isMoving && deck.level > 0.5);
    // A look during which the machine stood still belongs to no moment.
    if (performance.now() - at < 10) watched.push({at, sounds, heardMs});
  };
  setInterval(look, 50);
}"""
ROUNDS = "watched.filter((look, nth) => nth && look.heardMs < watched[nth - 1].heardMs - 3000).length"
AHEAD_MS = "tutti.output.deck.positionMs - performance.timeOrigin - performance.now()"
TOLD_AHEAD_MS = (
    "tutti.store.player.positionMs + tutti.clock.now() - Date.parse(tutti.store.player.anchoredAt)"
    " - performance.timeOrigin - performance.now()"
)
"""Where the music is, here or as told, less the time of the one machine: when one asks does not matter."""


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


Look = dict[str, Any]
LATE_MS = 100
NEAR_MS = 500
JUMP_MS = 150
ENOUGH_PER_S = 2
"""Of twenty looks in a second so many have to come on time to say something."""


def off(look: Look) -> float:
    """Where in the song it was, less the time."""
    return float(look["heardMs"] - look["at"])


def on_time(watched: list[Look]) -> list[Look]:
    """The looks that came on time, as all did in the half second before them.

    One that comes late says that the machine stood still, and with it what decodes and sounds.
    """
    late_at, found = watched[0]["at"], []
    for before, look in pairwise(watched):
        if look["at"] - before["at"] > LATE_MS:
            late_at = look["at"]
        elif look["at"] - late_at > NEAR_MS:
            found.append(look)
    return found


def breaks(watched: list[Look]) -> list[Look]:
    """The looks at which the music did not sound, or not where the time had led it.

    Where the machine stood still, that it is silent or falls behind says nothing, and what was lost may be
    caught up at once. That it is ahead of its time, goes back or is not heard for seconds is never right.
    """
    found = [look for look in watched if off(look) - off(watched[0]) >= JUMP_MS]
    found += [look for before, look in pairwise(watched) if before["heardMs"] - look["heardMs"] >= JUMP_MS]
    heard = [look for look in watched if look["sounds"]]
    found += [look for before, look in pairwise(heard) if look["at"] - before["at"] > 3000]
    counted = on_time(watched)
    for look in counted:
        near = [one for one in counted if abs(one["at"] - look["at"]) < NEAR_MS]
        highest = max(off(one) for one in near if one["at"] <= look["at"])
        catches_up = max(map(off, near)) - min(map(off, near)) >= JUMP_MS
        if highest - off(look) >= JUMP_MS or not (look["sounds"] or catches_up):
            found.append(look)
    return found


async def stands_where_it_is_told(told: Visitor, output: Visitor) -> None:
    """A lone output corrects the server every few seconds."""
    deadline = monotonic() + 15
    while abs(apart := await told.ask(TOLD_AHEAD_MS) - await output.ask(AHEAD_MS)) >= 300:
        assert monotonic() < deadline, apart
        await asyncio.sleep(0.1)


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
                await desk.until("tutti.store.isUp", BACK_WITHIN_MS, page)
            await phone.until("tutti.store.isUp && tutti.store.player.isPlaying", BACK_WITHIN_MS)
            await desk.page.wait_for_timeout(3000)
            watched = await desk.ask("watched")
            assert len(on_time(watched)) > OUTAGE_S * ENOUGH_PER_S
            assert breaks(watched) == []
            for page in (desk.page, second):
                assert await page.evaluate("tutti.store.now.isPlaying")
                assert not await page.query_selector(".toast")
            await stands_where_it_is_told(phone, desk)
            async with server.phone(admin) as remote:
                state = await remote.ask("player.get")
                assert state["isPlaying"]
                assert state["notice"] is None
                before_s = await desk.ask("tutti.output.deck.positionMs") / 1000
                (row,) = (await remote.ask("player.history"))["items"]
                after_s = await desk.ask("tutti.output.deck.positionMs") / 1000
                assert before_s - 2 < row["playedDuration"] < after_s + 2
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
                await visitor.until("tutti.output.role === 'party' && tutti.output.party.isSounding", 60_000)
            await asyncio.sleep(3)
            for visitor in (desk, phone):
                await visitor.ask(WATCH)
            await out_of_reach(server, process)
            for visitor in (desk, phone):
                await visitor.until("tutti.store.isUp", BACK_WITHIN_MS)
            await asyncio.sleep(3)
            for visitor in (desk, phone):
                watched = await visitor.ask("watched")
                assert len(on_time(watched)) > OUTAGE_S * ENOUGH_PER_S
                assert breaks(watched) == []
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
            await desk.ask(COMES_BACK_SOON)
            await out_of_reach(server, process, 18)
            rounds = await desk.ask(ROUNDS)
            assert rounds >= 3
            await desk.until("tutti.store.isUp", BACK_WITHIN_MS)
            await desk.until(f"{ROUNDS} > {rounds}")
            await desk.page.wait_for_timeout(2000)
            watched = await desk.ask("watched")
            silent = [look for look in on_time(watched) if not look["sounds"]]
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
            # A wish that is older than half a minute is not sent any more.
            await desk.ask(COMES_BACK_SOON)
            gone = asyncio.create_task(out_of_reach(server, process))
            await desk.until("!tutti.store.isUp", page=second)
            await second.click(".bar [data-do=toggle]")
            await desk.until("tutti.output.deck.audio.paused")
            assert not gone.done(), "it is paused here before the server can know"
            await gone
            await desk.until("tutti.store.isUp", BACK_WITHIN_MS)
            await desk.page.wait_for_timeout(2000)
            assert await desk.ask("tutti.output.deck.audio.paused")
            async with server.phone(admin) as remote:
                assert not (await remote.ask("player.get"))["isPlaying"]
            desk.forgive_the_outage()
