"""The seed's components: their events fire exactly once, and what they ask for happens."""

from typing import Any

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers, Visitor
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser
COUNT = """(names) => {
  globalThis.counted = {};
  for (const [selector, events] of Object.entries(names))
    for (const name of events)
      document.querySelector(selector).addEventListener(name, (event) => {
        (counted[`${selector} ${name}`] ??= []).push(event.detail ?? null);
      });
}"""


async def counted(visitor: Visitor) -> dict[str, Any]:
    """What was heard since the last time."""
    found: dict[str, Any] = await visitor.ask("(() => { const all = counted; counted = {}; return all; })()")
    return found


async def three_songs(visitor: Visitor, add_song: AddSong, person: Person) -> None:
    for title in ("Der Leiermann", "Die Krähe", "Letzte Hoffnung"):
        await add_song(person, title)
    await visitor.open("/songs?sort=title")
    await visitor.until_up()
    await visitor.page.click("[data-act=add-list], [data-act=play-list]")
    await visitor.until("tutti.store.player.queueLength === 3 && tutti.output.deck.isMoving")


async def test_each_control_of_the_player_fires_its_event_once(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    async with browsers.visit(server, person=admin) as desk:
        await three_songs(desk, add_song, admin)
        names = ["play", "pause", "seek", "volumeChange", "next", "previous", "shuffle", "repeat"]
        await desk.page.evaluate(COUNT, {"audio-player": names})
        expected = {
            "pause": ".bar [data-do=toggle]",
            "shuffle": ".bar [data-do=shuffle]",
            "repeat": ".bar [data-do=repeat]",
            "next": ".bar [data-do=next]",
            "previous": ".bar [data-do=previous]",
            "volumeChange": ".bar [data-do=mute]",
        }
        for name, selector in expected.items():
            before = await desk.ask("tutti.store.player.version")
            await desk.page.click(selector)
            await desk.until(f"tutti.store.player.version > {before}")
            heard = await counted(desk)
            assert list(heard) == [f"audio-player {name}"]
            assert len(heard[f"audio-player {name}"]) == 1
        slider = desk.page.locator(".bar input.seek")
        box = await slider.bounding_box()
        assert box is not None
        await slider.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        await desk.until("Math.abs(tutti.store.player.positionMs - 30000) < 1500")
        assert len((await counted(desk))["audio-player seek"]) == 1
        await desk.page.click(".bar [data-do=toggle]")
        await desk.until("tutti.store.player.isPlaying && tutti.output.deck.isMoving")
        assert [len(heard) for heard in (await counted(desk)).values()] == [1]
        assert await desk.ask("tutti.output.deck.positionMs") > 28_000


async def test_the_search_bar_fires_search_once_and_results_their_own(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    async with browsers.visit(server, person=admin) as desk:
        await add_song(admin, "Täuschung")
        await desk.open("/search")
        await desk.until_up()
        await desk.page.evaluate(COUNT, {"search-bar": ["search", "suggestionSelect"]})
        await desk.page.fill("search-bar input", "winterreise")
        await desk.page.press("search-bar input", "Enter")
        await desk.page.wait_for_selector("search-results")
        heard = await counted(desk)
        assert heard == {"search-bar search": [{"query": "winterreise"}]}
        await desk.picture("search-results")
        await desk.page.evaluate(COUNT, {"search-results": ["playSong", "viewAlbum", "viewArtist"]})
        await desk.page.click("search-results [data-kind=song] [data-act=play]")
        await desk.until("tutti.store.player.item?.title === 'Täuschung'")
        assert [len(each) for each in (await counted(desk)).values()] == [1]
        assert await desk.ask("tutti.store.player.item.source") == "search"
        await desk.page.click("search-results [data-view=album]")
        await desk.page.wait_for_url("**/albums/*")
        await desk.page.go_back()
        await desk.page.wait_for_selector("search-results")
        assert await desk.page.input_value("search-bar input") == "winterreise"


async def test_a_suggestion_is_chosen_with_a_finger(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    async with browsers.visit(server, PHONE, admin) as phone:
        await add_song(admin, "Im Dorfe")
        await phone.open("/search")
        await phone.until_up()
        await phone.page.evaluate(COUNT, {"search-bar": ["search", "suggestionSelect"]})
        await phone.page.tap("search-bar input")
        await phone.page.keyboard.type("dorf")
        await phone.page.wait_for_selector(".suggestion:first-child:has-text('Im Dorfe')")
        await phone.picture("phone-suggestions")
        await phone.page.tap(".suggestion")
        await phone.until("tutti.store.player.item?.title === 'Im Dorfe'")
        heard = await counted(phone)
        assert list(heard) == ["search-bar suggestionSelect"]
        assert len(heard["search-bar suggestionSelect"]) == 1


async def test_the_queue_is_put_in_order_by_drag_and_by_keys_and_back(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, PHONE, admin) as phone:
        await three_songs(desk, add_song, admin)
        await phone.open("/")
        await phone.until_up()
        titles = "JSON.stringify(tutti.store.queue.items.map((item) => item.title))"
        await desk.page.click(".bar-end [data-open=queue]")
        grips = desk.page.locator("#sheet-queue .grip")
        await grips.nth(2).wait_for()
        await desk.until("document.getElementById('sheet-queue').getAnimations().length === 0")
        low = await grips.nth(2).bounding_box()
        high = await grips.nth(0).bounding_box()
        assert low is not None
        assert high is not None
        await desk.page.mouse.move(low["x"] + 12, low["y"] + 12)
        await desk.page.mouse.down()
        await desk.page.mouse.move(low["x"] + 12, low["y"] - 20, steps=4)
        await desk.page.mouse.move(high["x"] + 12, high["y"] + 8, steps=6)
        await desk.picture("queue-drag")
        await desk.page.mouse.up()
        order = '["Letzte Hoffnung","Der Leiermann","Die Krähe"]'
        for visitor in (desk, phone):
            await visitor.until(f"{titles} === '{order}'")
        await grips.nth(0).focus()
        await desk.page.keyboard.press("ArrowDown")
        order = '["Der Leiermann","Letzte Hoffnung","Die Krähe"]'
        for visitor in (desk, phone):
            await visitor.until(f"{titles} === '{order}'")
        await desk.page.keyboard.press("Delete")
        for visitor in (desk, phone):
            await visitor.until("tutti.store.queue.length === 2")
        await desk.page.click(".toast button")
        for visitor in (desk, phone):
            await visitor.until(f"{titles} === '{order}'")
        await phone.page.tap(".tab[data-open=queue]")
        await phone.picture("phone-queue")


async def test_undo_is_offered_for_the_newest_change_alone(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    """Undo takes the last change back: an older offer beside it would take back what it does not name."""
    await add_song(admin, "Der greise Kopf")
    await add_song(admin, "Im Dorfe")
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        await desk.until_up()
        for row in (0, 1):
            await desk.page.locator("#songs [data-act=add]").nth(row).click()
            await desk.until(f"tutti.store.queue.length === {row + 1}")
        last = await desk.ask("tutti.store.queue.at(1).title")
        await desk.page.wait_for_selector(f".toast:has(button):has-text('{last}')")
        assert await desk.page.locator(".toast button:text('Undo')").count() == 1


async def test_a_song_added_where_nothing_plays_offers_to_play_it(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der stürmische Morgen", seconds=30)
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        await desk.until_up()
        offered = desk.page.locator(".toast button")
        await desk.page.click("#songs [data-act=add]")
        await desk.page.wait_for_selector(".toast:has-text('is in the queue')")
        assert await offered.all_text_contents() == ["Play", "Undo"]
        await desk.picture("toast-play")
        await offered.first.click()
        await desk.until("tutti.store.player.isPlaying && tutti.output.deck.isMoving")
        await desk.page.click("#songs [data-act=add]")
        await desk.until("tutti.store.queue.length === 2")
        await desk.page.wait_for_selector(".toast:not(.is-leaving):has-text('is in the queue')")
        last = ".toast:not(.is-leaving) button"
        assert await desk.page.locator(last).all_text_contents() == ["Undo"]
        for wish in ("'player.next'", "'player.seek', {positionMs: 28_000}"):
            await desk.ask(f"() => tutti.wish({wish})")
        await desk.until("!tutti.store.player.isPlaying", 30_000)
        await desk.page.click("#songs [data-act=add]")
        await desk.page.click(".toast button:text('Play')")
        await desk.until("tutti.store.player.currentIndex === 2 && tutti.output.deck.isMoving")


async def test_a_question_mark_shows_the_keys(browsers: Browsers, server: Server, admin: Person) -> None:
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        await desk.until_up()
        keys = desk.page.locator("#sheet-keys")
        await desk.page.keyboard.press("?")
        await keys.locator(":text('Play and pause')").wait_for()
        await desk.picture("keys")
        await desk.page.keyboard.press("Escape")
        await keys.wait_for(state="hidden")
        await desk.page.keyboard.press("/")
        await desk.page.keyboard.press("?")
        assert not await keys.is_visible()
        assert await desk.page.input_value("search-bar input") == "?"


async def test_ten_thousand_songs_scroll_with_few_rows(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    song_id = await add_song(admin, "Mut")
    async with server.phone(admin) as remote, browsers.visit(server, person=admin) as desk:
        for _ in range(10):
            await remote.ask("queue.add", songIds=[str(song_id)] * 1_000)
        await desk.open("/")
        await desk.until("globalThis.tutti?.store.queue.length === 10000", 30_000)
        view = desk.page.locator("aside .queue-view")
        for place in (9_990, 5_000, 0):
            await view.evaluate("(view, top) => { view.scrollTop = top; }", place * 60)
            row = f"aside .queue-item[data-item-id][data-index='{min(place, 9_995)}']"
            await desk.until(f'document.querySelector("{row}")')
        assert await desk.ask("document.querySelectorAll('aside .queue-item').length") < 40
