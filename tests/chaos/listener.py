"""People who use two servers at once by nothing but the public API: sign-in, uploads, a device at each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import aiohttp

from tests.audio_files import AudioFile
from tests.chaos.device import Device
from tests.chaos.history import History
from tests.walks.test_upload import CHUNK, upload

PASSWORD = "a long walk by the Rhine"
SONGS = 4
READ = ("player", "player/queue", "player/history", "player/devices", "songs", "albums", "artists", "me")
READ_MORE = ("auth/sessions", "guests", "upload", "me/liked", "search?q=romanze", "search/suggestions?q=rom")


async def signed_in(http: aiohttp.ClientSession, url: str, name: str) -> dict[str, str]:
    """The header of a new session, opened as anybody opens one."""
    who = {"email": f"{name}@example.org", "password": PASSWORD}
    async with http.post(f"{url}/api/v1/auth/login", json=who) as answer:
        assert answer.status == 200, await answer.text()
        return {"Authorization": f"Bearer {(await answer.json())['accessToken']}"}


async def songs_of(client: aiohttp.ClientSession, audio_file: AudioFile, first: int) -> list[str]:
    """Upload some songs, each a sound of its own; their ids when they are ready."""
    uploads = []
    for number in range(first, first + SONGS):
        tags = {"title": f"Romanze {number}", "artist": "Clara Schumann", "album": "Romanzen"}
        file = audio_file("wav", 20, tags, hertz=300 + 10 * number)
        uploads.append(await upload(client, file.name, file.read_bytes(), chunk_size=CHUNK))
    return [await ready(client, each) for each in uploads]


async def ready(client: aiohttp.ClientSession, upload_id: str, within_s: float = 60) -> str:
    deadline = monotonic() + within_s
    while True:
        async with client.get(f"upload/{upload_id}") as answer:
            state = await answer.json()
        if state.get("status") == "ready":
            song_id: str = state["songId"]
            return song_id
        assert state.get("status") != "failed", state
        assert monotonic() < deadline, state
        await asyncio.sleep(0.1)


class Address(NamedTuple):
    """Where a server answers."""

    api: str


class Listener:
    """One person: a device at each server, songs, and all that was answered."""

    def __init__(self, name: str, songs: list[str]) -> None:
        self.name = name
        self.songs = songs
        self.history = History()
        self.devices: list[Device] = []
        self.clients: list[aiohttp.ClientSession] = []

    @property
    def player_id(self) -> UUID:
        return UUID(self.devices[0].state["playerId"])

    async def listen(self, device: Device, until: asyncio.Event) -> None:
        """Somebody who hears music and adds some, five times a second, once each: nothing is tried again."""
        at = 0
        while not until.is_set():
            song = self.songs[at % len(self.songs)]
            await device.do("queue.add", key=f"{self.name} {at}", songIds=[song])
            await device.do("player.change", volume=round(0.1 + at % 90 / 100, 2))
            at += 1
            await asyncio.sleep(0.2)


@asynccontextmanager
async def line(url: str, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientSession]:
    """A signed-in HTTP client with paths relative to the API."""
    async with aiohttp.ClientSession(f"{url}/api/v1/", headers=headers) as session:
        yield session


async def join(stack: AsyncExitStack, url: str, person: Listener) -> Device:
    """One more device of this person at this server, with a session opened there."""
    http = await stack.enter_async_context(aiohttp.ClientSession())
    headers = await signed_in(http, url, person.name)
    name = f"{person.name}-{len(person.devices)}"
    device = Device(name, [Address(f"{url}/api/v1")], headers, http, history=person.history)
    person.devices.append(await stack.enter_async_context(device))
    person.clients.append(await stack.enter_async_context(line(url, headers)))
    return device


def wishes(songs: list[str], output: str) -> list[tuple[str, dict[str, Any]]]:
    """Every command that steers, in an order in which each has something to do."""
    return [
        ("queue.add", {"songIds": songs, "at": "end"}),
        ("player.play", {"deviceId": output}),
        ("player.seek", {"positionMs": 2000}),
        ("player.change", {"isShuffled": True}),
        ("player.next", {}),
        ("player.change", {"repeatMode": "all", "muted": True}),
        ("queue.add", {"songIds": songs[:1], "at": "next"}),
        ("player.previous", {}),
        ("queue.undo", {}),
        ("queue.redo", {}),
        ("player.pause", {}),
        ("player.play", {"songId": songs[-1], "deviceId": output}),
        ("player.change", {"isShuffled": False, "volume": 0.5}),
        ("queue.clear", {}),
        ("queue.undo", {}),
        ("player.pause", {}),
    ]


async def statuses(client: aiohttp.ClientSession) -> dict[str, tuple[int, Any]]:
    """What this server answers to everything that can be read."""
    found = {}
    for path in (*READ, *READ_MORE):
        async with client.get(path) as answer:
            found[path] = (answer.status, await answer.json())
    return found
