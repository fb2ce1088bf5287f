"""A guest joins by a code on his own phone, adds a song, and is put out."""

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers
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
        await guest.page.tap("#songs [data-act=add]")
        await host.until("tutti.store.queue.at(0)?.addedBy?.name === 'Robert'")
        await host.page.click(".side a[href='/']")
        await host.page.wait_for_selector("aside .queue-item :text('Robert')")
        await host.page.click(".side a[href='/guests']")
        await host.page.click("button:has-text('Put out')")
        await guest.page.wait_for_url(f"{guest.url}/login**")
        await guest.page.wait_for_selector("text=Your visit is over")
