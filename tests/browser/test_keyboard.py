"""Keys, and what a screen reader says: a key means one thing wherever the focus is, and no focus is lost."""

import asyncio
from typing import Any

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers, Visitor
from tests.browser.test_components import three_songs
from tests.browser.test_devices import start
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser
COUNT = """() => {
  globalThis.asked = [];
  const own = tutti.line.request.bind(tutti.line);
  tutti.line.request = (method, ...rest) => (asked.push(method), own(method, ...rest));
}"""
FOCUSED = "document.activeElement.closest('.queue-item')?.dataset.itemId"


async def asked(visitor: Visitor, *methods: str) -> list[str]:
    """Which of these commands were asked for since the last time."""
    found: list[str] = await visitor.ask("(() => { const all = asked; asked = []; return all; })()")
    return [method for method in found if method in methods]


async def hold(visitor: Visitor, key: str, repeats: int) -> None:
    """Press a key and let it repeat, as a finger that stays on it does."""
    for _ in range(repeats):
        await visitor.page.keyboard.down(key)
        await asyncio.sleep(0.03)
    await visitor.page.keyboard.up(key)


@pytest.mark.parametrize("sheet", ["queue", "devices", "phone", "keys"])
async def test_space_plays_and_pauses_in_every_sheet_that_was_just_opened(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong, sheet: str
) -> None:
    await add_song(admin, "Gute Nacht")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        if sheet == "keys":
            await desk.page.keyboard.press("?")
        else:
            await desk.page.click(f"{'.bar-end' if sheet == 'queue' else '.side'} [data-open={sheet}]")
        await desk.page.wait_for_selector(f"#sheet-{sheet} .sheet-body")
        for is_playing in ("false", "true"):
            await desk.page.keyboard.press(" ")
            await desk.until(f"tutti.store.player.isPlaying === {is_playing}")
        assert await desk.ask("tutti.store.player.queueLength") == 1
        assert await desk.page.is_visible(f"#sheet-{sheet}")
        await desk.page.keyboard.press("Tab")
        assert await desk.ask(f"document.activeElement.closest('#sheet-{sheet}') !== null")


async def test_space_plays_and_pauses_on_the_stage_and_on_a_slider(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Die Krähe")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.page.click(".bar-end input[data-do=volume]")
        await desk.page.keyboard.press(" ")
        await desk.until("!tutti.store.player.isPlaying")
        await desk.page.click(".bar-song")
        await desk.page.keyboard.press(" ")
        await desk.until("tutti.store.player.isPlaying")
        assert await desk.page.is_visible(".stage")


async def test_the_opened_queue_on_a_phone_has_its_name_in_focus(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    async with browsers.visit(server, PHONE, admin) as phone:
        await three_songs(phone, add_song, admin)
        await phone.page.tap(".tabs [data-open=queue]")
        await phone.page.wait_for_selector("#sheet-queue .queue-item >> nth=2")
        assert await phone.ask("document.activeElement.textContent") == "Queue"
        await phone.picture("phone-queue-focus")


async def test_a_key_that_is_held_counts_once(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Gefrorne Tränen")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.ask("() => document.activeElement.blur()")
        await desk.ask(COUNT)
        await hold(desk, " ", 20)
        await desk.until("!tutti.store.player.isPlaying")
        await asyncio.sleep(0.3)
        assert await asked(desk, "player.pause", "player.play") == ["player.pause"]
        await hold(desk, "?", 2)
        await desk.page.wait_for_selector("#sheet-keys .keys")
        await desk.page.keyboard.press("Escape")
        await desk.page.keyboard.down("Control")
        await hold(desk, "z", 20)
        await desk.page.keyboard.up("Control")
        await asyncio.sleep(0.3)
        assert len(await asked(desk, "queue.undo")) == 1


async def test_arrows_set_the_delay_of_a_device_step_by_step(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der Lindenbaum")
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, PHONE, admin) as phone:
        await start(desk)
        await phone.open("/")
        await phone.until_up()
        other = await phone.ask("tutti.deviceId")
        await desk.ask(f"tutti.wish('output.add', {{ deviceId: '{other}' }}).then(() => true)")
        await desk.page.click(".side [data-open=devices]")
        slider = desk.page.get_by_label("Sound earlier on Chrome on Android")
        await slider.focus()
        delay = f"tutti.store.player.outputs.find((one) => one.deviceId === '{other}').delayMs"
        for step in (5, 10, 15):
            await desk.page.keyboard.press("ArrowRight")
            await desk.until(f"{delay} === {step}")
        # What the list did not show while it was being used, it shows after that.
        await phone.ask(
            f"tutti.wish('device.change', {{ deviceId: '{other}', name: 'Kitchen' }}).then(() => true)"
        )
        await desk.until("tutti.store.devices.some((one) => one.name === 'Kitchen')")
        await desk.page.keyboard.press("Shift+Tab")
        await desk.page.wait_for_selector("#sheet-devices :text('Kitchen')")
        await desk.page.get_by_label("Sound earlier on Kitchen").click(position={"x": 5, "y": 5})
        await desk.until("document.activeElement.type !== 'range'")


async def test_the_focus_stays_in_the_queue_when_its_song_is_removed(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    async with browsers.visit(server, person=admin) as desk:
        await three_songs(desk, add_song, admin)
        await desk.page.click(".bar-end [data-open=queue]")
        await desk.page.wait_for_selector("#sheet-queue .queue-item >> nth=2")
        items: list[str] = await desk.ask("tutti.store.queue.items.map((one) => one.itemId)")
        await desk.page.focus("#sheet-queue .queue-item >> nth=1 >> .item-main")
        await hold(desk, "Delete", 5)
        await desk.until("tutti.store.queue.length === 2")
        await asyncio.sleep(0.3)
        assert await desk.ask(FOCUSED) == items[2]
        await desk.page.focus("#sheet-queue .queue-item >> nth=1 >> [data-act=remove]")
        await desk.page.keyboard.press("Enter")
        await desk.until("tutti.store.queue.length === 1")
        assert await desk.ask(
            f"{FOCUSED} === '{items[0]}' && document.activeElement.dataset.act === 'remove'"
        )
        await desk.page.keyboard.press("Delete")
        await desk.until("document.activeElement.textContent.includes('The queue is empty')")
        await desk.page.keyboard.press("Control+z")
        await desk.until("tutti.store.queue.length === 1")


FOUR_TIMES_LEFT = """() => {
  const key = { key: "ArrowLeft", bubbles: true, cancelable: true };
  for (let turn = 0; turn < 4; turn += 1)
    document.querySelector(".bar input.seek").dispatchEvent(new KeyboardEvent("keydown", key));
}"""


async def test_arrows_move_within_a_song_by_seconds_and_each_counts(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Auf dem Flusse", seconds=200)
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        await desk.ask(
            "tutti.wish('player.pause').then(() => tutti.wish('player.seek', { positionMs: 50000 }))"
        )
        await desk.until("tutti.store.player.positionMs === 50000 && tutti.player.progress === 0.25")
        await desk.page.focus(".bar input.seek")
        for key, position in (("ArrowRight", 55), ("PageUp", 85), ("ArrowDown", 80), ("PageDown", 50)):
            await desk.page.keyboard.press(key)
            await desk.until(f"tutti.store.player.positionMs === {position * 1000}")
        await desk.ask(FOUR_TIMES_LEFT)
        await desk.until("tutti.store.player.positionMs === 30000")
        await desk.page.keyboard.press("Home")
        await desk.until("tutti.store.player.positionMs === 0")


async def test_the_bar_says_what_plays_and_what_a_press_does(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Frühlingstraum")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        said = desk.page.get_by_role("button", name="Frühlingstraum Franz Schubert Show the whole player")
        assert await said.get_attribute("class") == "bar-song"


PRESS_TWICE = (
    "(() => {{ const one = document.querySelector('.bar [data-do={}]'); one.click(); one.click(); }})()"
)


@pytest.mark.parametrize(
    "what", [("repeat", "repeatMode", "one"), ("shuffle", "isShuffled", False), ("mute", "muted", False)]
)
async def test_two_quick_presses_count_as_two(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong, what: tuple[str, str, Any]
) -> None:
    button, member, expected = what
    await add_song(admin, "Rast")
    async with browsers.visit(server, person=admin) as desk:
        await start(desk)
        before = await desk.ask("tutti.store.player.version")
        await desk.ask(PRESS_TWICE.format(button))
        assert await desk.ask(f"tutti.store.now.{member}") == expected, "not shown at once"
        await desk.until(f"tutti.store.player.version >= {before + 2} && !tutti.store.foreseen.length")
        assert await desk.ask(f"tutti.store.player.{member}") == expected
