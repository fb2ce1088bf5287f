"""One conversation in which every message of the socket is said once, and what is left of it as examples."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from server.keys import HUB
from tests.made_up import SOUGHT, made_up_id, pair_tidied, tidied
from tests.running import Phone, Server
from tests.songs import add_song
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.wire import ServerDegraded
from web.exchanged import Exchanged

PASSWORD = "a quiet room and a piano"
COMMAND_ID = "0197a5c0-0000-7000-8000-00000000c0de"
BYTES = b"no music, but as many bytes as were announced"


class Line:
    """A phone that remembers the frames of every request."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.exchanges: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self.refusals: list[tuple[Any, dict[str, Any]]] = []
        self._serial = 0

    async def ask(self, method: str, /, **params: Any) -> Any:
        """Call a command; keeps both frames and answers the result."""
        request, answer = await self._exchange(method, params)
        assert "result" in answer, answer
        self.exchanges.setdefault(method, (request, answer))
        return answer["result"]

    async def is_refused(self, method: str, /, **params: Any) -> None:
        request, answer = await self._exchange(method, params)
        assert "error" in answer, answer
        self.refusals.append((request, answer))

    async def is_not_understood(self, text: str) -> None:
        await self.phone.ws.send_str(text)
        self.refusals.append((text, await self._answer(None)))

    async def _exchange(self, method: str, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        self._serial += 1
        request: dict[str, Any] = {"jsonrpc": "2.0", "id": self._serial, "method": method}
        request |= {"params": params} if params else {}
        await self.phone.ws.send_json(request)
        return request, await self._answer(self._serial)

    async def _answer(self, call_id: int | None) -> dict[str, Any]:
        while True:
            message = await self.phone._next()
            if "method" not in message and message["id"] == call_id:
                return message


class Conversation:
    """Two devices of one person, each on a server of its own, and a guest."""

    def __init__(self, floor: Floor, servers: tuple[Server, Server], clara: Person) -> None:
        self.floor = floor
        self.servers = servers
        self.clara = clara
        self.told: dict[str, dict[str, Any]] = {}
        self.heard: list[dict[str, Any]] = []
        self.lines: list[Line] = []

    async def run(self) -> None:
        """Say everything once."""
        one, other = self.servers
        async with self.line(one) as laptop, self.line(other) as phone:
            self.told |= {each["method"]: each for each in laptop.phone.heard}
            songs = await self.songs()
            await self.listening(laptop, phone, songs)
            await self.looking_around(laptop, phone, songs)
            await self.uploading(laptop, phone)
            await self.visitors(laptop, phone)
            await self.oneself(laptop)
            await self.signing_in_and_out(laptop)
            await self.parts_away(laptop)
            await self.mistakes(laptop)
            await laptop.ask("auth.logout")
            await self.hears(laptop, "session.ended")
            assert await laptop.phone.close_code() == 4500

    @asynccontextmanager
    async def line(self, server: Server) -> AsyncIterator[Line]:
        """A signed-in device that has heard the opening."""
        async with server.phone(self.clara) as phone:
            line = Line(phone)
            await phone.hear("devices.changed")
            self.lines.append(line)
            yield line
            self.heard += phone.heard

    async def songs(self) -> list[str]:
        """Three songs in the library."""
        titles = ("Träumerei", "Mondnacht", "Widmung")
        return [str(await add_song(self.floor, self.clara, title)) for title in titles]

    async def hears(self, line: Line, method: str, **members: Any) -> dict[str, Any]:
        """Wait for news with these members and keep the frame as the example."""
        params = await line.phone.hear(method, **members)
        self.told[method] = next(each for each in reversed(line.phone.heard) if each.get("params") is params)
        return params

    async def listening(self, laptop: Line, phone: Line, songs: list[str]) -> None:
        """Queue and player."""
        here = await laptop.ask("device.register", name="Laptop in the kitchen", kind="computer")
        there = await phone.ask("device.register", name="Clara's phone", kind="phone", canPlay=True)
        await self.hears(phone, "devices.changed", version=2)
        await laptop.ask("queue.add", songIds=songs, at="end", source="album")
        added = await self.hears(phone, "queue.changed", reload=False)
        items = [item["itemId"] for change in added["changes"] for item in change["items"]]
        playing = await laptop.ask("player.play", deviceId=here["deviceId"], commandId=COMMAND_ID)
        await self.hears(phone, "player.state", isPlaying=True)
        await laptop.ask(
            "device.report",
            state="playing",
            itemId=items[0],
            positionMs=0,
            version=playing["version"],
        )
        await laptop.ask("player.seek", positionMs=SOUGHT)
        await phone.ask("player.history", limit=1)
        await phone.ask("player.pause")
        await phone.ask("player.next", fromItemId=items[0])
        await phone.ask("player.previous", fromItemId=items[1])
        await phone.ask("player.change", volume=0.8, repeatMode="all")
        await phone.ask("player.transfer", deviceId=there["deviceId"])
        await phone.ask("output.add", deviceId=here["deviceId"])
        await phone.ask("output.remove", deviceId=here["deviceId"])
        await phone.ask("player.get")
        moves = [{"op": "move", "itemId": items[2], "to": 0}, {"op": "remove", "itemIds": [items[1]]}]
        await phone.ask("queue.edit", operations=moves)
        await phone.ask("queue.undo")
        await phone.ask("queue.redo")
        await phone.ask("queue.get", **{"from": 0, "limit": 2})
        await phone.ask("queue.clear")
        await phone.ask("device.list")
        await phone.ask("device.change", deviceId=there["deviceId"], delayMs=40)
        await phone.ask("device.leave")
        await phone.ask("device.forget", deviceId=here["deviceId"])
        await laptop.ask("clock.ping", t0=1234.5)

    async def looking_around(self, laptop: Line, phone: Line, songs: list[str]) -> None:
        """The library."""
        song = await laptop.ask("song.show", songId=songs[0])
        await laptop.ask("song.browse", sort="title", limit=1)
        await laptop.ask("song.change", songId=songs[0], year=1838, trackNumber=7)
        await self.hears(phone, "library.changed", change="changed")
        await laptop.ask("song.rate", songId=songs[0], rating=5)
        await laptop.ask("me.like", songId=songs[0])
        await laptop.ask("me.liked", limit=1)
        await laptop.ask("me.unlike", songId=songs[0])
        await laptop.ask("album.browse", limit=1)
        await laptop.ask("album.show", albumId=song["albumId"])
        await laptop.ask("artist.browse", limit=1)
        await laptop.ask("artist.show", artistId=song["artistId"])
        await laptop.ask("search.find", q="traumerei", limit=1)
        await laptop.ask("search.suggestions", q="trau", limit=1)
        await laptop.ask("search.index", entityType="song", entityId=songs[0])
        await laptop.ask("song.delete", songId=songs[2])
        await laptop.ask("song.restore", songId=songs[2])

    async def uploading(self, laptop: Line, phone: Line) -> None:
        """An upload; the bytes go over HTTP."""
        begun = await laptop.ask(
            "upload.init",
            fileName="Im wunderschönen Monat Mai.mp3",
            fileSize=len(BYTES),
            mimeType="audio/mpeg",
        )
        chunk = f"upload/chunk/{begun['uploadId']}/0"
        async with (
            self.servers[0].client(self.clara) as client,
            client.post(chunk, data=BYTES) as answer,
        ):
            assert answer.status == 200, await answer.text()
        await self.hears(phone, "upload.progress", received=len(BYTES))
        await laptop.ask("upload.get", uploadId=begun["uploadId"])
        await laptop.ask("upload.unfinished", limit=1)
        await laptop.ask("upload.complete", uploadId=begun["uploadId"])
        other = await laptop.ask(
            "upload.presignedUrl",
            fileName="Ich grolle nicht.flac",
            fileSize=31_415_926,
            mimeType="audio/flac",
        )
        await laptop.ask("upload.cancel", uploadId=other["uploadId"])

    async def visitors(self, laptop: Line, phone: Line) -> None:
        """A guest comes and goes."""
        invitation = await laptop.ask("guest.invite", rights=["see", "add"], uses=1)
        async with (
            self.servers[1].client() as client,
            client.post(f"join/{invitation['token']}", json={"name": "Felix"}) as answer,
        ):
            assert answer.status == 201, await answer.text()
        came = await self.hears(phone, "guests.changed")
        await laptop.ask("guest.list")
        await laptop.ask("guest.putOut", guestId=came["guests"][0]["id"])
        await laptop.ask("guest.endInvitations")

    async def oneself(self, laptop: Line) -> None:
        """Profile, password, what happened."""
        await laptop.ask("me.get")
        await laptop.ask("me.change", name="Clara", language="de")
        await laptop.ask("me.events", limit=1)
        await laptop.ask("auth.verifyEmail")
        await laptop.ask("auth.changePassword", currentPassword=PASSWORD, newPassword=f"{PASSWORD}, at night")

    async def signing_in_and_out(self, laptop: Line) -> None:
        """A radio's second socket comes with a ticket and takes the place of the first; one is put out."""
        address = f"{self.servers[0].url.replace('http', 'ws', 1)}/api/v1/socket"
        async with (
            self.line(self.servers[1]) as radio,
            aiohttp.ClientSession() as session,
            session.ws_connect(address) as ws,
        ):
            given = await radio.ask("session.ticket")
            await radio.ask("device.register", name="Radio")
            line = Line(Phone(ws))
            self.lines.append(line)
            await line.ask("session.authenticate", ticket=given["ticket"])
            await line.phone.hear("session.hello")
            await line.ask("clock.ping", t0=1234.5)
            await self.hears(radio, "device.taken")
            assert await radio.phone.close_code() == 4505
            await line.ask("device.leave")
        opened = await perform(
            Context(self.floor, ip_address="127.0.0.1", user_agent="tests"),
            identity.open_program_session,
            user_id=self.clara.id,
        )
        await self.hears(laptop, "session.changed")
        listed = await laptop.ask("session.list")
        await laptop.ask("session.end", sessionId=next(s["id"] for s in listed["items"] if not s["current"]))
        assert opened.access_token
        await laptop.ask("session.endOthers")

    async def parts_away(self, laptop: Line) -> None:
        """News are lost; a part is away."""
        topic = f"person:{self.clara.id}"
        async with self.floor.pool.connection() as connection:
            lost = await connection.fetchval(
                "update topics set version = version + 1 where topic = $1 returning version", topic
            )
        # A look at the versions before the first event of a topic says the same of an earlier one.
        await self.hears(laptop, "topic.changed", topic=topic, version=lost)
        app = self.servers[0].app
        assert app is not None
        app[HUB].broadcast("server.degraded", ServerDegraded(parts=["redis"]))
        await self.hears(laptop, "server.degraded")

    async def mistakes(self, laptop: Line) -> None:
        """What is refused, one for each code."""
        await laptop.is_refused("player.pause", ifVersion=1)
        await laptop.is_refused("player.seek", positionMs="one minute")
        await laptop.is_refused("player.explode")
        await laptop.is_not_understood('{"jsonrpc": "2.0", "method": "player.get", "batch": []}')
        await laptop.is_not_understood('{"jsonrpc": "2.0", ')

    def examples(self) -> Exchanged:
        """What went over the sockets, with made-up ids and times."""
        exchanges = {name: pair for line in self.lines for name, pair in line.exchanges.items()}
        refusals = [pair for line in self.lines for pair in line.refusals]
        known = {str(self.clara.id): made_up_id(1)}
        return Exchanged(
            requests={name: pair_tidied(pair, known) for name, pair in sorted(exchanges.items())},
            news={name: tidied(frame, known) for name, frame in sorted(self.told.items())},
            refusals=[pair_tidied(pair, known) for pair in refusals],
        )

    def frames(self) -> list[tuple[str, dict[str, Any]]]:
        """Every frame as it was, with the name of its message in the document."""
        made = [(each["method"], each) for each in self.heard]
        for line in self.lines:
            for name, (request, answer) in line.exchanges.items():
                made += [(name, request), (f"{name}.answer", answer)]
            made += [("error", answer) for _request, answer in line.refusals]
        return made
