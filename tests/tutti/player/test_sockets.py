"""The player as devices see it: over real sockets."""

import pytest

from server.keys import HUB
from server.socket import SILENT
from tests.running import Refused, Server
from tests.tutti.library.songs import Shelf
from tutti.context import Person


async def test_the_first_screen_comes_without_asking(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        queue = await phone.hear("queue.state")
        devices = await phone.hear("devices.changed")
        assert queue["items"] == []
        assert devices["devices"] == []


async def test_what_one_does_all_hear(server: Server, someone: Person, shelf: Shelf) -> None:
    song = await shelf.add(someone, "So What")
    headers = await server.bearer(someone)
    async with server.phone(someone, headers) as phone, server.phone(someone) as desk:
        answer = await phone.ask("queue.add", songIds=[str(song.id)])
        change = await desk.hear("queue.changed")
        state = await desk.hear("player.state", version=answer["version"])
        assert change["version"] == state["version"] == answer["version"]
        assert change["changes"][0]["items"][0]["title"] == "So What"
        assert {name: state[name] for name in answer} == answer


async def test_a_closed_browser_is_seen_to_be_away(server: Server, someone: Person) -> None:
    async with server.phone(someone) as desk:
        async with server.phone(someone) as phone:
            await phone.ask("device.register", name="Kitchen")
            heard = await desk.hear("devices.changed", version=1)
            assert [each["isOnline"] for each in heard["devices"]] == [True]
        heard = await desk.hear("devices.changed", version=2)
        assert [each["isOnline"] for each in heard["devices"]] == [False]


async def test_a_list_of_devices_says_of_which_version_it_is(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        await phone.ask("device.register", name="Kitchen")
        heard = await phone.hear("devices.changed", version=1)
        listed = await phone.ask("device.list")
        assert {name: heard[name] for name in listed} == listed
        await phone.ask("player.change", volume=0.5)
        assert (await phone.ask("device.list"))["version"] == 2


async def test_a_device_that_was_silent_for_long_is_seen_to_be_away(server: Server, someone: Person) -> None:
    """A laptop without power says no goodbye."""
    assert server.app is not None
    async with server.phone(someone) as laptop:
        await laptop.ask("device.register", name="Laptop")
        (socket,) = server.app[HUB].sockets
        async with server.phone(someone) as phone:
            socket.close(SILENT)
            heard = await phone.hear("devices.changed", version=2)
            assert [each["isOnline"] for each in heard["devices"]] == [False]


async def test_a_song_ends_without_anybody_asking(server: Server, someone: Person, shelf: Shelf) -> None:
    first, second = await shelf.add(someone, "A"), await shelf.add(someone, "B")
    async with server.phone(someone) as phone:
        await phone.ask("device.register", name="Kitchen")
        await phone.ask("queue.add", songIds=[str(first.id), str(second.id)])
        playing = await phone.ask("player.play", positionMs=214_500)
        assert playing["next"]["title"] == "B"
        ended = await phone.hear("player.state", version=playing["version"] + 1)
        assert ended["item"]["title"] == "B"


async def test_bad_wishes_get_a_sentence(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        with pytest.raises(Refused):
            await phone.ask("player.seek", positionMs=-1)
        with pytest.raises(Refused):
            await phone.ask("player.seek", position_ms=1)
        with pytest.raises(Refused):
            await phone.ask("player.play")


async def test_the_seeds_endpoints_answer(server: Server, someone: Person, shelf: Shelf) -> None:
    song = await shelf.add(someone, "So What")
    async with server.client(someone) as client:
        async with client.post("player/queue", json={"songIds": [str(song.id), str(song.id)]}) as answer:
            assert (answer.status, (await answer.json())["queueLength"]) == (200, 2)
        for path in ("play", "pause", "next", "previous"):
            async with client.post(f"player/{path}") as answer:
                assert answer.status == 200, await answer.text()
        async with client.get("player/queue", params={"from": "1", "limit": "5"}) as answer:
            queue = await answer.json()
            assert (queue["from"], queue["length"], queue["songIds"]) == (1, 2, [str(song.id)])
        async with client.get("player/history") as answer:
            assert (answer.status, list(await answer.json())) == (200, ["items", "nextCursor"])
        async with client.delete("player/queue") as answer:
            assert (answer.status, (await answer.json())["queueLength"]) == (200, 0)
