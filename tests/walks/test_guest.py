"""A guest joins by an invitation on one server and is put out on the other: rights, tokens and socket end."""

import aiohttp
import pytest

from tests.running import Server
from tutti.context import Person


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks after the sessions: only the word that one has ended closes its sockets."""
    monkeypatch.setattr("server.healing.EVERY_S", 60)
    monkeypatch.setattr("server.healing.SOON_S", 60)


@pytest.mark.usefixtures("no_poll")
async def test_a_guest_joins_sees_the_hosts_player_and_is_put_out_everywhere(
    two_servers: tuple[Server, Server], someone: Person
) -> None:
    one, other = two_servers
    async with one.phone(someone) as host, one.client(someone) as client:
        async with client.post("guests", json={"rights": ["add"], "uses": 1}) as answer:
            assert answer.status == 201
            invitation = await answer.json()
        async with aiohttp.ClientSession() as stranger:
            joining = f"{other.api}/join/{invitation['token']}"
            async with stranger.post(joining, json={"name": "Franz"}) as answer:
                assert answer.status == 201
                joined = await answer.json()
            async with stranger.post(joining, json={"name": "Fanny"}) as answer:
                assert answer.status == 410
        headers = {"Authorization": f"Bearer {joined['accessToken']}"}
        assert [each["name"] for each in (await host.hear("guests.changed"))["guests"]] == ["Franz"]
        async with other.phone(someone, headers=headers) as guest:
            assert (await guest.ask("player.get"))["playerId"] == invitation["playerId"]
            assert guest.heard[0]["method"] == "session.hello"
            assert guest.heard[0]["params"]["rights"] == ["see", "add"]
            assert host.heard[0]["params"]["rights"] == ["see", "add", "control", "volume"]
            async with client.delete(f"guests/{joined['user']['id']}") as answer:
                assert answer.status == 204
            assert await guest.close_code() == 4500
        assert (await host.hear("guests.changed"))["guests"] == []
        async with aiohttp.ClientSession(headers=headers) as gone, gone.get(f"{other.api}/me") as answer:
            assert answer.status == 401
