"""Somebody who alone steers a player: what he was answered stands until he wishes something else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from time import monotonic
from typing import Any
from uuid import UUID

from tests.chaos.device import REPORT, Device
from tests.chaos.history import History, check_versions
from tests.chaos.household import devices_of
from tests.chaos.songs import many_songs
from tests.chaos.truth import HEALED_WITHIN_S, converged, truth
from tests.conftest import add_person
from tests.running import Refused, Server
from tutti.context import Floor

PAUSE_S = 0.05
LOOKS, LOOKED_WITHIN_S = 20, 30
"""So often somebody looks once more when the faults are over, and so long a slow machine takes for that."""
Wish = tuple[str, dict[str, Any]]


class Steering:
    """One device wishes, every device looks: nothing that was answered is undone."""

    def __init__(self, devices: list[Device], output: str | None, history: History) -> None:
        self.devices = devices
        self.history = history
        self.player_id = UUID(devices[0].state["playerId"])
        self.looks = 0
        """How often somebody could read what had been answered."""
        self._output = output
        self._version = 0
        self._stands: dict[str, Any] = {}

    async def go_on(self, until: asyncio.Event) -> None:
        """One wish after the other, each of which changes something; after each answer everybody looks."""
        for number in count(1):
            for method, params in self._wishes(number):
                if until.is_set():
                    return
                await self._carry_out(method, params)
                await self._look()
                await asyncio.sleep(PAUSE_S)

    def _wishes(self, number: int) -> list[Wish]:
        """It is paused at their beginning and at their end, so a position that was sought stands still."""
        quiet: list[Wish] = [
            ("player.seek", {"positionMs": number * 1000}),
            ("player.change", {"volume": round(0.1 + number % 89 / 100, 2)}),
        ]
        if self._output is None:
            return quiet
        return [
            *quiet,
            ("player.play", {"deviceId": self._output}),
            ("player.change", {"muted": bool(number % 2)}),
            ("player.pause", {}),
        ]

    async def _carry_out(self, method: str, params: dict[str, Any]) -> None:
        deed = await self.devices[0].insist(method, within_s=60, **params)
        assert deed.outcome == "ok", deed
        assert deed.version >= self._version, "an answer was undone"
        self._version = deed.version
        if method == "player.play":
            self._stands.pop("positionMs", None)
            self._stands["isPlaying"] = True
            await self.devices[0].insist(REPORT, state="playing", positionMs=0, version=deed.version)
        elif method == "player.pause":
            self._stands |= {"isPlaying": False, "positionMs": deed.answer["positionMs"]}
        else:
            self._stands |= params

    async def _look(self) -> None:
        """A server that cannot read says so; one that reads must show what was answered."""
        for device in self.devices:
            with suppress(Refused):
                self._check(await device.ask("player.get"))
                self.looks += 1

    def _check(self, state: dict[str, Any]) -> None:
        assert state["version"] >= self._version, "a state older than what was answered"
        shown = {name: state[name] for name in self._stands}
        assert shown == self._stands, "what was answered is undone, and nobody else steers"

    async def has_looked(self, more: int) -> None:
        """Until what was answered was read so many times more, the first of them soon."""
        began, before = monotonic(), self.looks
        while self.looks < before + more:
            within_s = HEALED_WITHIN_S if self.looks == before else LOOKED_WITHIN_S
            assert monotonic() - began < within_s, "nobody can read it"
            await asyncio.sleep(PAUSE_S)

    async def check(self, floor: Floor) -> None:
        """When it is quiet: every device and PostgreSQL itself have it, and versions rose with every wish."""
        await converged(floor, {self.player_id: self.devices})
        self._check(await truth(floor, self.player_id))
        check_versions(self.history, ("player.seek", "player.change", "player.play", "player.pause"))


@asynccontextmanager
async def steered(floor: Floor, servers: Sequence[Server], *, plays: bool = True) -> AsyncIterator[Steering]:
    """A person who steers while the body runs, with a device at each server; checked at its end.

    Without `plays` no music is begun: it would stop by itself where reports do not come through for 10 s.
    """
    person, until, history = await add_person(floor, "Fanny", "member"), asyncio.Event(), History()
    songs = await many_songs(floor, person, 1)
    async with devices_of(floor, person, servers, len(servers), history=history) as devices:
        here = await devices[0].ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        await devices[0].ask("queue.add", songIds=songs)
        steering = Steering(devices, here["deviceId"] if plays else None, history)
        going_on = asyncio.create_task(steering.go_on(until))
        try:
            yield steering
            await steering.has_looked(LOOKS)
        finally:
            until.set()
            await going_on
        await steering.check(floor)
