"""The server goes away and comes back: the music goes on, the page says so, and nothing is lost."""

import pytest

from tests.browser.conftest import AddSong, Browsers
from tests.running import server_process, wait_for_answer
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
            desk.complaints = [text for text in desk.complaints if "ERR_CONNECTION" not in text]
