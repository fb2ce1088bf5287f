"""What people do with a player all evening: commands made up from what a device shows, and guests."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import aiohttp

from tests.chaos.call import NotAnswered
from tests.chaos.device import REPORT, Device
from tests.running import Refused, Server

LONGEST_QUEUE = 150
ADD = "queue.add"
OUTPUTS = 2
GUEST_RIGHTS = ["see", "add", "control", "volume"]
SAID = ("playing", "playing", "playing", "paused", "stalled", "ready", "ended", "error")
OUT_WITHIN_S = 20


class Whim(NamedTuple):
    """Who wants what, and what it is to bring about once."""

    device: Device
    method: str
    params: dict[str, Any]
    key: str = ""


class Someone:
    """A person whose devices do whatever comes to mind, one thing after the other."""

    def __init__(self, devices: list[Device], songs: list[str], random: Random) -> None:
        self.devices = devices
        self.songs = songs
        """Those that nobody has added yet: each is added once, so that every effect can be counted."""
        self.random = random
        self.player_id = UUID(devices[0].state["playerId"])
        self.outputs: dict[str, Device] = {}
        self.guests: list[Device] = []
        """Those who are in."""
        self.gone: list[Device] = []
        self._wishing = asyncio.Lock()
        """Nobody goes in the middle of a wish of his: what became of it could not be known."""

    @property
    def everybody(self) -> list[Device]:
        """Who shows this player now."""
        return [*self.devices, *self.guests]

    async def live(self, until: asyncio.Event) -> None:
        for device in self.devices[:OUTPUTS]:
            known = await device.ask("device.register", name=device.name, kind="browser", canPlay=True)
            self.outputs[known["deviceId"]] = device
        while not until.is_set():
            async with self._wishing:
                device, method, params, key = self.whim()
                await device.insist(method, key=key, **params)
            await asyncio.sleep(self.random.uniform(0.2, 1.4))

    def whim(self) -> Whim:
        """One command, made up from what a device sees."""
        random = self.random
        device = random.choice([*self.devices, *self.guests])
        if device.state["queueLength"] > LONGEST_QUEUE:
            return Whim(device, "queue.clear", {})
        if random.random() < 0.15:
            return self._report()
        method, params = random.choice(
            [*self._steering(), *self._editing(device), *self._sounding(), *self._sounding()]
        )
        if method == ADD:
            return self._addition(device, params)
        return Whim(device, method, params)

    def _addition(self, device: Device, where: dict[str, Any]) -> Whim:
        count = self.random.randint(1, 4) if where["at"] == "end" else 1
        added, self.songs = self.songs[:count], self.songs[count:]
        assert added, "there were too few songs"
        return Whim(device, ADD, where | {"songIds": added}, ",".join(added))

    def _report(self) -> Whim:
        """An output says what it does; it is not always right, or up to date."""
        device = self.random.choice(list(self.outputs.values()))
        item = device.state.get("item") or {}
        said = {
            "state": self.random.choice(SAID),
            "positionMs": self.random.randint(0, 200_000),
            "version": device.state["version"] - self.random.choice([0, 0, 0, 1]),
        }
        return Whim(device, REPORT, said | ({"itemId": item["itemId"]} if item else {}))

    def _steering(self) -> list[tuple[str, dict[str, Any]]]:
        random = self.random
        return [
            ("player.pause", {}),
            ("player.next", {}),
            ("player.previous", {}),
            ("player.seek", {"positionMs": random.randint(0, 200_000)}),
            ("player.change", {"volume": round(random.random(), 3)}),
            ("player.change", {"repeatMode": random.choice(["none", "one", "all"])}),
            ("player.change", {"isShuffled": random.random() < 0.5}),
            ("player.change", {"muted": random.random() < 0.5}),
        ]

    def _sounding(self) -> list[tuple[str, dict[str, Any]]]:
        output = self.random.choice(list(self.outputs))
        return [
            ("player.play", {"deviceId": output}),
            ("player.transfer", {"deviceId": output}),
            ("output.add", {"deviceId": output}),
            ("output.remove", {"deviceId": output}),
        ]

    def _editing(self, device: Device) -> list[tuple[str, dict[str, Any]]]:
        random, length = self.random, device.state["queueLength"]
        wishes: list[tuple[str, dict[str, Any]]] = [
            (ADD, {"at": "end"}),
            (ADD, {"at": "next"}),
            ("queue.undo", {}),
            ("queue.redo", {}),
        ]
        if device.queue.items:
            item = random.choice(device.queue.items)
            move = {"op": "move", "itemId": item, "to": random.randint(0, max(0, length - 1))}
            wishes += [
                ("queue.edit", {"operations": [move]}),
                ("queue.edit", {"operations": [{"op": "remove", "itemIds": [item]}]}),
                ("player.play", {"itemId": item, "deviceId": random.choice(list(self.outputs))}),
            ]
        return wishes

    async def entertain(
        self, servers: Sequence[Server], http: aiohttp.ClientSession, until: asyncio.Event
    ) -> None:
        """One guest after the other: invited, in, busy like everybody, and out by himself or put out."""
        while not until.is_set():
            guest, guest_id = await self._let_in(servers, http)
            self.guests.append(guest)
            with suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), self.random.uniform(3, 9))
            if until.is_set():
                return  # he stays to the end, and shows what everybody shows
            async with self._wishing:
                self.guests.remove(guest)
            if self.random.random() < 0.7:
                await self._put_out(guest, guest_id)
            await guest.__aexit__()
            self.gone.append(guest)

    async def _let_in(self, servers: Sequence[Server], http: aiohttp.ClientSession) -> tuple[Device, str]:
        invitation = await self._asked("guest.invite", rights=GUEST_RIGHTS, uses=5)
        name = f"{self.devices[0].name}-guest-{len(self.gone)}"
        welcome = None
        while welcome is None:
            welcome = await self._joined(self.random.choice(servers), http, invitation["token"], name)
        headers = {"Authorization": f"Bearer {welcome['accessToken']}"}
        turned = self.random.sample(servers, len(servers))
        guest = Device(name, turned, headers, http, history=self.devices[0].history)
        return await guest.__aenter__(), welcome["user"]["id"]

    async def _joined(
        self, server: Server, http: aiohttp.ClientSession, token: str, name: str
    ) -> dict[str, Any] | None:
        """What an invitation brings; None while this server cannot say."""
        with suppress(aiohttp.ClientError):
            async with http.post(f"{server.api}/join/{token}", json={"name": name}) as answer:
                assert answer.status in (201, 503), await answer.text()
                if answer.status == 201:
                    welcome: dict[str, Any] = await answer.json()
                    return welcome
        await asyncio.sleep(0.3)
        return None

    async def _put_out(self, guest: Device, guest_id: str) -> None:
        await self._asked("guest.putOut", guestId=guest_id)
        told = monotonic()
        while 4500 not in guest.closed_with and not guest.statuses[401]:
            assert monotonic() - told < OUT_WITHIN_S, "who was put out is still in"
            await asyncio.sleep(0.05)

    async def _asked(self, method: str, **params: Any) -> Any:
        """Something that only the host may ask, again while a part is away."""
        while True:
            try:
                return await self.random.choice(self.devices).ask(method, **params)
            except Refused as refused:
                if refused.problem["status"] == 404:
                    return None  # it was done before, and the answer lost
                if refused.problem["status"] != 503:
                    raise
            except NotAnswered:
                continue
            await asyncio.sleep(0.3)
