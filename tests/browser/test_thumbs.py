"""Two people press the same button on two devices; and one presses it twice."""

import asyncio

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers, Visitor
from tests.browser.test_devices import start
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser
INDEX = "tutti.store.player.currentIndex"
BACK = "tutti.previous()"


async def well_into_the_second_song(*visitors: Visitor) -> None:
    await visitors[0].ask("tutti.wish('player.seek', { positionMs: 8000 }).then(() => true)")
    for visitor in visitors:
        await visitor.until(f"{INDEX} === 1 && tutti.store.player.positionMs >= 8000")


async def test_two_thumbs_begin_the_song_again_once_and_two_presses_go_back(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    song = await add_song(admin, "Gute Nacht")
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, PHONE, admin) as phone:
        await start(desk)
        await phone.open("/")
        await phone.until_up()
        await desk.ask(f"tutti.wish('queue.add', {{ songIds: ['{song}'] }}).then(() => tutti.next())")
        await well_into_the_second_song(desk, phone)
        await asyncio.gather(*(each.ask(f"{BACK}.then(() => true)") for each in (desk, phone)))
        for each in (desk, phone):
            assert await each.ask(f"{INDEX} === 1 && tutti.store.player.positionMs < 1500")
        await well_into_the_second_song(desk, phone)
        await desk.ask(f"Promise.all([{BACK}, {BACK}]).then(() => true)")
        assert await desk.ask(INDEX) == 0


async def test_each_press_counts_however_late_the_answers_come(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Gute Nacht")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.until("tutti.store.now.isPlaying")
        for presses, is_playing in ((3, "false"), (2, "false"), (1, "true")):
            await desk.ask(
                f"Promise.all(Array.from({{ length: {presses} }}, () => tutti.toggle())).then(() => true)"
            )
            assert await desk.ask(f"tutti.store.now.isPlaying === {is_playing}")
        button = "document.querySelector('audio-player').dispatchEvent(new CustomEvent('pause'))"
        await desk.ask(f"{button}, {button}, tutti.wish('player.get').then(() => true)")
        assert await desk.ask("tutti.store.now.isPlaying")
