"""The pages about the contracts, as a developer meets them."""

import pytest

from tests.browser.conftest import DESK, PHONE, Browsers, Visitor
from tests.running import Server
from tutti.context import Person

pytestmark = pytest.mark.browser


async def has_no_sideways_scroll(visitor: Visitor) -> bool:
    fits: bool = await visitor.ask("document.documentElement.scrollWidth <= innerWidth")
    return fits


async def test_the_pages_can_be_read_on_a_desk_and_on_a_phone(browsers: Browsers, server: Server) -> None:
    for kind, name in ((DESK, "desk"), (PHONE, "phone")):
        async with browsers.visit(server, kind) as visitor:
            for page in ("docs", "docs/socket", "docs/problems"):
                await visitor.open(f"/{page}")
                await visitor.picture(f"{page.replace('/', '-')}-{name}")
                assert await has_no_sideways_scroll(visitor)


async def test_a_link_to_a_command_opens_it(browsers: Browsers, server: Server) -> None:
    async with browsers.visit(server) as visitor:
        await visitor.open("/docs#player.play")
        await visitor.until("document.getElementById('player.play').open")
        await visitor.picture("docs-command")
        await visitor.page.click("[id='player.play'] a[href^='/docs/socket']")
        await visitor.page.wait_for_url(f"{server.url}/docs/socket#player.play")
        await visitor.until("document.getElementById('player.play').open")
        await visitor.picture("docs-example")
        shown = await visitor.page.inner_text("[id='player.play'] pre")
        assert '"method": "player.play"' in shown


async def test_a_request_can_be_tried_with_the_sign_in_of_the_page(
    browsers: Browsers, server: Server, someone: Person
) -> None:
    async with browsers.visit(server, person=someone) as visitor:
        await visitor.open("/docs/api")
        operation = visitor.page.locator(".opblock-patch").filter(has_text="Change how loud it is")
        await operation.wait_for()
        await visitor.picture("docs-api")
        await operation.locator(".opblock-summary").click()
        await operation.get_by_role("button", name="Try it out").click()
        await operation.locator("textarea").fill('{"volume": 0.25}')
        await operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response")
        await answer.wait_for()
        await visitor.picture("docs-tried")
        assert (await answer.locator(".response-col_status").inner_text()).startswith("200")
        assert '"volume": 0.25' in await answer.locator("pre").first.inner_text()
