"""Walk (c): a session is revoked on /settings/security, its sockets close elsewhere."""

import re

import aiohttp

from tests.running import Server
from tutti.context import Person


async def test_a_revoked_session_falls_silent_at_another_server(
    servers: tuple[Server, Server], someone: Person
) -> None:
    one, other = servers
    lost = await other.bearer(someone)
    cookie = await one.cookie(someone)
    async with other.phone(someone, lost) as phone, aiohttp.ClientSession(one.url, cookies=cookie) as browser:
        async with browser.get("/settings/security") as response:
            page = await response.text()
            assert response.status == 200
        forms = re.findall(r'action="(/settings/security/sessions/[0-9a-f-]{36})"', page)
        token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
        assert token is not None
        own_server = {"Origin": one.url}
        assert len(forms) == 1, "only the other session may be ended here"
        async with browser.post(forms[0], data={"csrf_token": token[1]}, headers=own_server) as response:
            assert response.status == 200
        assert await phone.close_code() == 4500
        async with (
            aiohttp.ClientSession(headers=lost) as client,
            client.get(f"{other.api}/player") as response,
        ):
            assert response.status == 401
