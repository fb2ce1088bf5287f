"""A guest joins by a code on his own phone, adds a song, and is put out."""

import pytest

from tests.browser.conftest import DESK, PHONE, AddSong, Browsers, Visitor
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser


async def test_a_guest_joins_adds_a_song_and_is_put_out(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der Wegweiser")
    async with browsers.visit(server, person=admin) as host, browsers.visit(server, PHONE) as guest:
        await host.open("/")
        await host.until_up()
        await host.page.click(".side a[href='/guests']")
        await host.page.click("form button:has-text('New invitation')")
        await host.page.wait_for_selector("input[readonly]")
        await host.picture("guests")
        address = await host.page.input_value("input[readonly]")
        await guest.page.goto(address)
        await guest.picture("phone-join")
        await guest.page.fill("[name=name]", "Robert")
        await guest.page.tap("button[type=submit]")
        await guest.page.wait_for_url(f"{guest.url}/")
        await guest.until_up()
        await guest.picture("phone-guest")
        assert await guest.page.query_selector("[data-act=choose]") is None
        assert await guest.page.query_selector("a[href='/history']") is None
        await guest.page.tap("#songs [data-act=add]")
        await host.until("tutti.store.queue.at(0)?.addedBy?.name === 'Robert'")
        await host.page.click(".side a[href='/']")
        await host.page.wait_for_selector("aside .queue-item :text('Robert')")
        await host.page.click(".side a[href='/guests']")
        await host.page.click("button:has-text('Put out')")
        await guest.page.wait_for_url(f"{guest.url}/login**")
        await guest.page.wait_for_selector("text=Your visit is over")


async def join(host: Visitor, guest: Visitor, *rights: str) -> None:
    """Come in by an invitation with these rights, beside the one to see."""
    await host.open("/guests")
    for right in ("add", "control", "volume"):
        await host.page.set_checked(f"input[name={right}]", right in rights)
    await host.page.click("form button:has-text('New invitation')")
    await host.page.wait_for_selector("input[readonly]")
    await guest.page.goto(await host.page.input_value("input[readonly]"))
    await guest.page.fill("[name=name]", "Robert")
    await guest.page.click("button[type=submit]")
    await guest.page.wait_for_url(f"{guest.url}/")
    await guest.until_up()


@pytest.mark.parametrize("kind", ["desk", "phone"])
async def test_a_guest_is_offered_only_what_he_may_do(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong, kind: str
) -> None:
    await add_song(admin, "Die Nebensonnen")
    async with (
        browsers.visit(server, person=admin) as host,
        browsers.visit(server, PHONE if kind == "phone" else DESK) as guest,
    ):
        await host.open("/")
        await host.until_up()
        await host.page.click("#songs .item-main")
        await host.until("tutti.output.deck.isMoving")
        await join(host, guest, "add")
        await guest.until("tutti.store.now?.isPlaying && tutti.store.hello.rights.join() === 'see,add'")
        pause = guest.page.locator(".bar [data-do=toggle]")
        assert await pause.get_attribute("aria-disabled") == "true"
        assert await pause.get_attribute("title") == "Only your host steers what plays here."
        await pause.click(force=True)
        await guest.page.wait_for_selector(".toast:has-text('Only your host steers')")
        await guest.page.keyboard.press("Space")
        await guest.page.click("#songs .item-main")
        await host.until("tutti.store.queue.length === 2")
        assert await host.ask("tutti.store.now.isPlaying && tutti.store.now.currentIndex === 0")
        await guest.picture(f"{kind}-guest-sees-and-adds")
        await guest.page.click(f".{'tabs' if kind == 'phone' else 'bar-end'} [data-open=queue]")
        await guest.page.wait_for_selector("#sheet-queue .queue-item")
        assert await guest.page.locator("#sheet-queue [data-act=remove]:visible").count() == 0
        assert await guest.page.locator("#sheet-queue [data-act=clear]:visible").count() == 0
        await guest.picture(f"{kind}-guest-queue")
        await guest.page.click("#sheet-queue [data-close]")
        await guest.page.click(f".{'top' if kind == 'phone' else 'side'} [data-open=devices]")
        await guest.page.wait_for_selector("#sheet-devices .device")
        assert await guest.page.locator("#sheet-devices .device button, #sheet-devices input").count() == 0
        await guest.picture(f"{kind}-guest-devices")
        assert await guest.page.locator("input[data-do=volume]").first.is_disabled()


async def test_a_guest_who_may_steer_is_hindered_by_nothing(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Der Leiermann")
    async with browsers.visit(server, person=admin) as host, browsers.visit(server, PHONE) as guest:
        await host.open("/")
        await host.until_up()
        await host.page.click("#songs .item-main")
        await host.until("tutti.output.deck.isMoving")
        await join(host, guest, "add", "control", "volume")
        await guest.until("tutti.store.now?.isPlaying && tutti.rights.may('control')")
        assert await guest.page.locator("[data-refused]").count() == 0
        await guest.page.tap(".bar [data-do=toggle]")
        await host.until("!tutti.store.now.isPlaying")
        assert await host.page.locator("[data-refused]").count() == 0
