"""What a page is made of is the same for everybody, and is there while PostgreSQL is away."""

import aiohttp
import pytest

from server.keys import FLOOR
from tests.running import changed, running_server
from tutti.context import Floor, Person
from tutti.settings import Settings


@pytest.mark.parametrize("path", ["/static/style.css", "/static/icons.svg", "/vendor/htmx.js"])
async def test_it_is_given_without_a_word_to_postgresql(
    settings: Settings, floor: Floor, someone: Person, path: str
) -> None:
    async with running_server(changed(settings, database_pool=1), floor) as server:
        cookies = await server.cookie(someone)
        assert server.app is not None
        async with (
            server.app[FLOOR].pool.connection(),  # the only one
            aiohttp.ClientSession(cookies=cookies) as browser,
            browser.get(server.url + path) as answer,
        ):
            assert answer.status == 200
