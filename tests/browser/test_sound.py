"""Who lets a device sound, and who stops it: taps, the system, other windows, parties that come and go."""

import asyncio
from time import monotonic

import pytest

from tests.browser.conftest import DESK, AddSong, Browsers, Visitor
from tests.browser.test_away import out_of_reach
from tests.browser.test_devices import CANNOT_DECODE, MOVES, start
from tests.running import Phone, Server, server_process
from tutti.context import Floor, Person
from tutti.settings import Settings

pytestmark = pytest.mark.browser
RESTS = "tutti.output.deck.audio.paused && !tutti.output.isHeard"
IN_PARTY = "tutti.output.role === 'party' && tutti.output.party.isSounding"
BY_THE_SYSTEM = "() => tutti.output.deck.audio.pause()"
"""As when a call comes in or headphones are pulled: nobody asked the page."""
LONGER_THAN_A_REPORT_S = 6
REFUSES = "HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('no', 'NotAllowedError'))"
ASKED_FOR_A_TAP = (
    "globalThis.taps = 0; new MutationObserver(() => (taps += document.getElementById('listen') ? 1 : 0))"
)
WATCH_FOR_THE_WORD = (
    f"() => {{ {ASKED_FOR_A_TAP}.observe(document.body, {{childList: true, subtree: true}}) }}"
)


async def blocked(shy: Visitor, remote: Phone, song_id: object) -> None:
    """Music for a page that nobody has touched."""
    await shy.open("/")
    while not (known := await remote.hear("devices.changed"))["devices"]:
        pass
    await remote.ask("player.play", songId=str(song_id), deviceId=known["devices"][0]["deviceId"])
    await shy.page.wait_for_selector("#listen button")


async def until_given_up(remote: Phone) -> None:
    """No word came from there for ten seconds."""
    deadline = monotonic() + 20
    while ((await remote.ask("player.get"))["notice"] or {}).get("code") != "output_lost":
        assert monotonic() < deadline
        await asyncio.sleep(0.3)


@pytest.mark.parametrize("shy_browsers", ["document-user-activation-required"], indirect=True)
@pytest.mark.parametrize("where", ["on the button", "anywhere"])
async def test_a_tap_brings_the_music_however_late_it_comes(
    shy_browsers: Browsers, server: Server, admin: Person, add_song: AddSong, where: str
) -> None:
    song_id = await add_song(admin, "Frühlingstraum")
    async with server.phone(admin) as remote, shy_browsers.visit(server, person=admin) as shy:
        await blocked(shy, remote, song_id)
        await until_given_up(remote)
        await asyncio.sleep(1)
        await shy.page.click("#listen button" if where == "on the button" else "h1")
        await shy.until(MOVES)
        assert await shy.page.query_selector("#listen") is None
        assert (await remote.ask("player.get"))["isPlaying"]


@pytest.mark.parametrize("shy_browsers", ["document-user-activation-required"], indirect=True)
async def test_nobody_asks_for_a_tap_once_the_music_was_paused(
    shy_browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    song_id = await add_song(admin, "Einsamkeit")
    async with server.phone(admin) as remote, shy_browsers.visit(server, person=admin) as shy:
        await blocked(shy, remote, song_id)
        await remote.ask("player.pause")
        await shy.page.wait_for_selector("#listen", state="detached")


async def test_what_the_system_pauses_is_paused_for_everybody_until_somebody_plays(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Die Post")
    async with server.phone(admin) as remote, browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.ask(BY_THE_SYSTEM)
        await desk.until(f"!tutti.store.player.isPlaying && {RESTS}", 3000)
        stood_ms = await desk.ask("tutti.output.deck.positionMs")
        await asyncio.sleep(LONGER_THAN_A_REPORT_S)
        assert await desk.ask(RESTS)
        state = await remote.ask("player.get")
        assert not state["isPlaying"]
        assert state["notice"] is None
        assert abs(state["positionMs"] - stood_ms) < 500
        await desk.page.click(".bar [data-do=toggle]")
        await desk.until(f"{MOVES} && tutti.store.player.isPlaying")


async def test_what_the_system_lets_go_on_goes_on(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    """A browser plays again by itself when the call is over."""
    await add_song(admin, "Der stürmische Morgen")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.ask(BY_THE_SYSTEM)
        await desk.until(f"!tutti.store.player.isPlaying && {RESTS}", 3000)
        await desk.ask("() => tutti.output.deck.audio.play()")
        await desk.until(f"{MOVES} && tutti.store.player.isPlaying")
        await desk.page.click(".bar [data-do=toggle]")
        await desk.until(f"!tutti.store.player.isPlaying && {RESTS}")


async def test_a_pause_by_the_system_holds_while_the_server_is_away_and_after_it(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der Leiermann")
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await start(desk)
            await desk.ask("() => { tutti.line.socket.random = () => 0.05; }")
            gone = asyncio.create_task(out_of_reach(server, process, 5))
            await desk.until("!tutti.store.isUp")
            await desk.ask(BY_THE_SYSTEM)
            await desk.until("!tutti.store.now.isPlaying", 2000)
            await gone
            await desk.until("tutti.store.isUp", 30_000)
            await asyncio.sleep(2)
            assert await desk.ask(RESTS)
            async with server.phone(admin) as remote:
                assert not (await remote.ask("player.get"))["isPlaying"]
            desk.forgive_the_outage()


async def test_a_page_that_is_loaded_anew_pauses_nothing(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Mut")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.page.reload()
        await desk.until(f"{MOVES} && tutti.store.player.isPlaying")


async def test_in_a_party_the_system_stops_one_device_and_a_tap_lets_it_join_again(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Die Nebensonnen")
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, DESK, admin) as other:
        await other.page.add_init_script(CANNOT_DECODE)
        await other.open("/")
        await other.until_up()
        await start(desk)
        await desk.ask(f"() => tutti.wish('output.add', {{deviceId: '{await other.ask('tutti.deviceId')}'}})")
        await desk.until(IN_PARTY, 15_000)
        await other.until(f"tutti.output.role === 'party' && {MOVES}", 15_000)
        await other.ask(BY_THE_SYSTEM)
        await other.page.wait_for_selector("#listen")
        await asyncio.sleep(LONGER_THAN_A_REPORT_S)
        assert await other.ask(RESTS)
        assert await desk.ask(f"{IN_PARTY} && tutti.store.player.isPlaying")
        await other.page.click("#listen button")
        await other.until(MOVES)
        assert await other.page.query_selector("#listen") is None


async def test_all_windows_of_a_browser_ask_for_the_tap_and_stop_asking_together(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Wasserflut")
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/songs")
        await desk.until_up()
        await desk.ask(f"() => {{ {REFUSES} }}")
        await desk.page.click("#songs .item-main")
        await desk.page.wait_for_selector("#listen")
        late = await desk.another_window("/songs")
        await desk.until("tutti.store.isUp && document.getElementById('listen')", page=late)
        assert not await late.evaluate("tutti.line.isLeading")
        await desk.page.close()
        desk.page = late
        await desk.until(f"tutti.line.isLeading && {MOVES}")
        assert await late.query_selector("#listen") is None


async def test_a_window_that_comes_while_our_word_is_in_doubt_knows_of_it(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Rast")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.ask("() => { tutti.output.send = async () => {}; tutti.line.tell('doubt', null); }")
        late = await desk.another_window("/songs")
        await desk.until("tutti.store.isUp && tutti.store.reports.doubt.isOpen", page=late)
        await desk.ask("() => tutti.store.reports.trust()")
        await desk.until("!tutti.store.reports.doubt.isOpen", page=late)


async def together(desk: Visitor, other: Visitor) -> None:
    await desk.ask(f"() => tutti.wish('output.add', {{deviceId: '{await other.ask('tutti.deviceId')}'}})")


async def alone(desk: Visitor, other: Visitor) -> None:
    await desk.ask(f"() => tutti.wish('output.remove', {{deviceId: '{await other.ask('tutti.deviceId')}'}})")
    await other.until("tutti.output.role === 'silent'")


async def test_who_comes_back_into_a_party_that_rests_is_ready_for_its_next_start(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Erstarrung")
    ready = "tutti.store.player.outputs.length === 2 && tutti.store.player.outputs.every((one) => one.ready)"
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, DESK, admin) as other:
        await other.open("/")
        await other.until_up()
        await start(desk)
        await together(desk, other)
        for visitor in (desk, other):
            await visitor.until(IN_PARTY, 15_000)
        await desk.ask("() => tutti.wish('player.pause')")
        await alone(desk, other)
        await together(desk, other)
        await desk.until(ready)
        began = monotonic()
        await desk.ask("() => tutti.wish('player.play')")
        for visitor in (desk, other):
            await visitor.until(f"{IN_PARTY} && tutti.output.party.positionMs > 0")
        assert monotonic() - began < 2.5, "nobody was waited for"


GAVE_IT_BACK = (
    "tutti.output.party.context.state === 'suspended' && tutti.output.party.decoded.songs.size === 0"
)
TIME_THE_START = """() => {
  globalThis.waitedMs = null;
  let decodedAt = 0;
  const { party } = tutti.output;
  const look = setInterval(() => {
    const isDecoded = [...party.decoded.songs.values()].some((one) => one instanceof AudioBuffer);
    if (!decodedAt && isDecoded) decodedAt = performance.now();
    if (!party.isSounding) return;
    waitedMs = performance.now() - decodedAt;
    clearInterval(look);
  }, 20);
}"""
"""How long a song that is decoded waits until it sounds: decoding takes what the machine leaves it."""


async def test_a_party_that_is_over_leaves_nothing_and_the_next_one_begins_as_soon(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Gefrorne Tränen", 120)
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, DESK, admin) as other:
        await other.open("/")
        await other.until_up()
        await start(desk)
        waited = []
        await other.ask(WATCH_FOR_THE_WORD)
        for _ in range(2):
            await other.ask(TIME_THE_START)
            await together(desk, other)
            await other.until("waitedMs !== null", 20_000)
            waited.append(await other.ask("waitedMs"))
            await desk.until(IN_PARTY, 15_000)
            await alone(desk, other)
            await desk.until(MOVES)
            for visitor in (desk, other):
                await visitor.until(GAVE_IT_BACK, 20_000)
        assert waited[1] < max(1000, waited[0] + 300), waited
        # A touch of the page is no reason to wake what rests.
        await other.page.click("h1")
        await asyncio.sleep(0.5)
        assert await other.ask("tutti.output.party.context.state") == "suspended"
        assert await other.ask("taps") == 0
