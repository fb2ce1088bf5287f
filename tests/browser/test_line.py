"""The line is down: what is wished meanwhile is seen and heard here, and arrives when the line is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.browser.conftest import AddSong, Browsers, Visitor
from tests.browser.test_devices import start
from tests.running import Process, Server, server_process, wait_for_answer
from tutti.context import Floor, Person
from tutti.settings import Settings

pytestmark = pytest.mark.browser
WATCH = """() => {
  globalThis.codes = [];
  tutti.line.addEventListener("down", (event) => codes.push(event.detail.code));
}"""


async def come_back(server: Server, process: Process, visitor: Visitor) -> None:
    process.start()
    await asyncio.to_thread(wait_for_answer, f"{server.url}/healthz")
    await visitor.ask("() => tutti.line.hurry()")
    await visitor.until("tutti.store.isUp", 20_000)


@asynccontextmanager
async def away(process: Process, visitor: Visitor) -> AsyncIterator[None]:
    """From here on the server is away, and the visitor knows it."""
    await visitor.ask(WATCH)
    process.kill()
    await visitor.until("!tutti.store.isUp")
    yield
    assert [code for code in await visitor.ask("codes") if code == 4003] == []
    visitor.forgive_the_outage()


async def test_loudness_during_an_outage_is_heard_here_and_its_last_place_arrives(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der stürmische Morgen", seconds=120)
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await start(desk)
            async with away(process, desk):
                slider = desk.page.locator(".bar-end input[data-do=volume]")
                box = await slider.bounding_box()
                assert box is not None
                y = box["y"] + box["height"] / 2
                await desk.page.mouse.move(box["x"] + box["width"] * 0.9, y)
                await desk.page.mouse.down()
                for turn in range(110):
                    await desk.page.mouse.move(box["x"] + box["width"] * (0.1 + 0.04 * (turn % 20)), y)
                    await asyncio.sleep(0.06)
                await desk.page.mouse.move(box["x"] + box["width"] * 0.2, y)
                await desk.page.mouse.up()
                last = await desk.ask("tutti.player.volume")
                assert 0.1 < last < 0.3
                assert (
                    await desk.ask(
                        "Number(document.querySelector('.bar-end input[data-do=volume]').value) / 100"
                    )
                    == last
                )
                await desk.until(f"Math.abs(tutti.output.deck.level - {last**2}) < 0.02", 2000)
                loudest = "globalThis.loudest = Math.max(globalThis.loudest ?? 0, tutti.output.deck.level)"
                await desk.ask(f"() => {{ setInterval(() => {{ {loudest}; }}, 5); }}")
                await come_back(server, process, desk)
                await desk.until(f"tutti.store.player.volume === {last} && !tutti.line.socket.waiting.size")
                await asyncio.sleep(1)
                async with server.phone(admin) as remote:
                    assert (await remote.ask("player.get"))["volume"] == last
                assert await desk.ask("tutti.player.volume") == last
                assert await desk.ask("globalThis.loudest") < last**2 + 0.05


async def test_loudness_set_in_a_window_that_does_not_sound_is_heard_from_the_one_that_does(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Im Dorfe", seconds=120)
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await start(desk)
            second = await desk.another_window("/songs")
            await desk.until("tutti.store.isUp && tutti.store.player", page=second)
            async with away(process, desk):
                await desk.until("!tutti.store.isUp", page=second)
                await second.locator(".bar-end input[data-do=volume]").fill("30")
                await desk.until("Math.abs(tutti.output.deck.level - 0.09) < 0.02", 2000)
                await come_back(server, process, desk)
                await desk.until("tutti.store.player.volume === 0.3")
                await desk.until(
                    "tutti.store.player.volume === 0.3 && !tutti.store.foreseen.length", page=second
                )


WISH = """(songs) => {
  const add = (_, turn) => tutti.wish("queue.add", { songIds: [songs[turn % 3]], at: "end" });
  Promise.all(Array.from({ length: 150 }, add)).then((all) => (globalThis.done = all.filter(Boolean).length));
}"""


async def test_all_that_was_wished_during_an_outage_arrives_in_order(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    """They are more than the server takes of a session at once: 90, and then 30 a second."""
    songs = [str(await add_song(admin, title)) for title in ("Täuschung", "Mut", "Letzte Hoffnung")]
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await desk.open("/")
            await desk.until_up()
            async with away(process, desk):
                await desk.page.evaluate(WISH, songs)
                await come_back(server, process, desk)
                await desk.until("globalThis.done", 30_000)
                assert await desk.ask("done") == 150
                async with server.phone(admin) as remote:
                    queue = await remote.ask("queue.get", **{"from": 0, "limit": 200})
                assert [item["songId"] for item in queue["items"]] == songs * 50


NO_SOCKETS = """globalThis.WebSocket = class {
  constructor() { setTimeout(() => this.onclose?.({ code: 1006 }), 50); }
  close() {}
  send() {}
};"""


async def test_a_line_that_never_came_up_is_told(browsers: Browsers, server: Server, admin: Person) -> None:
    """As behind a proxy that lets no websocket through."""
    async with browsers.visit(server, person=admin) as desk:
        await desk.page.add_init_script(NO_SOCKETS)
        await desk.open("/")
        await desk.until("!document.getElementById('offline').hidden", 3000)
        await desk.picture("never-connected")


async def test_a_line_that_comes_up_as_usual_is_not_worth_a_word(
    browsers: Browsers, server: Server, admin: Person
) -> None:
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        await desk.until_up()
        await asyncio.sleep(1)
        assert await desk.ask("document.getElementById('offline').hidden")


COUNT_TRIES = """() => {
  globalThis.opened = [];
  const { socket } = tutti.line, own = socket.WebSocket;
  // By itself it would come back after many seconds.
  socket.random = () => 20;
  socket.WebSocket = class extends own {
    constructor(...of) {
      super(...of);
      opened.push(performance.now());
    }
  };
}"""


async def test_a_press_in_any_window_hurries_the_line(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Die Nebensonnen", seconds=120)
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await desk.open("/")
            await desk.until_up()
            second = await desk.another_window("/songs")
            await desk.until("tutti.store.isUp && tutti.store.player", page=second)
            await desk.ask(COUNT_TRIES)
            async with away(process, desk):
                for _ in range(20):
                    await second.evaluate("() => { document.dispatchEvent(new Event('visibilitychange')); }")
                    await asyncio.sleep(0.1)
                tries = await desk.ask("opened.filter((at) => at > performance.now() - 2000).length")
                assert 1 <= tries <= 3
                process.start()
                await asyncio.to_thread(wait_for_answer, f"{server.url}/healthz")
                assert not await second.evaluate("tutti.store.isUp")
                await second.click("#songs .item-main")
                await desk.until("tutti.store.isUp && tutti.store.player.isPlaying", 5000, page=second)
