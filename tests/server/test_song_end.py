"""The end of songs: on time, after an outage only once the outputs have spoken, and whatever goes wrong."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from server.song_end import SONG_ENDS
from tests.running import Server
from tests.songs import add_song
from tutti import player
from tutti.context import Floor, Person
from tutti.pool import DatabaseAway


async def test_a_song_ends_for_everybody_without_anybody_asking(
    server: Server, floor: Floor, someone: Person
) -> None:
    first = await add_song(floor, someone, "Short", duration_ms=1500)
    second = await add_song(floor, someone, "Long")
    async with server.phone(someone) as phone:
        device = await phone.ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        await phone.ask("queue.add", songIds=[str(first), str(second)], at="end")
        state = await phone.ask("player.play", deviceId=device["deviceId"])
        report = {"itemId": state["item"]["itemId"], "positionMs": 0, "version": state["version"]}
        await phone.ask("device.report", state="playing", **report)
        heard = await phone.hear("player.state", currentIndex=1)
        assert heard["item"]["title"] == "Long"
        assert heard["isPlaying"]


async def test_after_an_outage_an_output_that_went_on_is_not_called_lost(
    server: Server, floor: Floor, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = await add_song(floor, someone)
    async with server.phone(someone) as phone:
        device = await phone.ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        state = await phone.ask("player.play", songId=str(song), deviceId=device["deviceId"])
        report = {"itemId": state["item"]["itemId"], "version": state["version"]}
        await phone.ask("device.report", state="playing", positionMs=0, **report)
        assert server.app is not None
        ends = server.app[SONG_ENDS]
        real, tried = player.settle, asyncio.Event()

        async def away(ctx: Any, player_id: Any) -> None:
            tried.set()
            raise DatabaseAway(retry_after=5)

        monkeypatch.setattr(player, "settle", away)
        async with floor.pool.connection() as connection:
            await connection.execute(
                "update queues set output_seen_at = output_seen_at - interval '11 s', "
                "anchored_at = anchored_at - interval '11 s', updated_at = updated_at - interval '11 s'"
            )
        ends._later(UUID(state["playerId"]), 0)
        await asyncio.wait_for(tried.wait(), 10)
        monkeypatch.setattr(player, "settle", real)
        await asyncio.sleep(2.5)
        report["version"] = (await phone.ask("player.get"))["version"]
        await phone.ask("device.report", state="playing", positionMs=14_000, **report)
        await asyncio.sleep(7)
        assert (await phone.ask("player.get"))["isPlaying"]
