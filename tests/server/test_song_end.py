"""The end of songs: on time, after an outage only once the outputs have spoken, and whatever goes wrong."""

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from server.song_end import REPORTS_WITHIN_S, RETRY_S, SONG_ENDS, SongEnds
from tests.running import Server
from tests.songs import add_song
from tests.tutti.player.builders import an_item, playing
from tutti import event, player
from tutti.command import CrossedTooOften
from tutti.context import Floor, Person
from tutti.player.model.state import state_of
from tutti.pool import DatabaseAway

AWAY_S = 11
"""Longer than an output may be silent."""


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
        item_id, began = state["item"]["itemId"], monotonic()

        async def say_where_it_plays(more_s: float = 0) -> None:
            version = (await phone.ask("player.get"))["version"]
            at_ms = int((monotonic() - began + more_s) * 1000)
            said = {"itemId": item_id, "version": version, "positionMs": at_ms}
            await phone.ask("device.report", state="playing", **said)

        await say_where_it_plays()
        assert server.app is not None
        ends = server.app[SONG_ENDS]
        real, tried = player.settle, asyncio.Event()

        async def away(ctx: Any, player_id: Any) -> None:
            tried.set()
            raise DatabaseAway(retry_after=5)

        monkeypatch.setattr(player, "settle", away)
        async with floor.pool.connection() as connection:
            await connection.execute(
                "update queues set output_seen_at = output_seen_at - $1::interval, "
                "anchored_at = anchored_at - $1::interval, updated_at = updated_at - $1::interval",
                timedelta(seconds=AWAY_S),
            )
        ends.due_in(UUID(state["playerId"]), 0)
        await asyncio.wait_for(tried.wait(), 10)
        monkeypatch.setattr(player, "settle", real)
        for _ in range(3):
            await asyncio.sleep(2.5)
            await say_where_it_plays(AWAY_S)
        assert (await phone.ask("player.get"))["isPlaying"]
        told = [each["params"] for each in phone.heard if each["method"] == "player.state"]
        assert all(each["notice"] is None for each in told), "nobody was told that it was lost"


def song_ends(server: Server) -> SongEnds:
    assert server.app is not None
    return server.app[SONG_ENDS]


def a_state(floor: Floor, version: int, *, is_playing: bool) -> player.State:
    """Of one and the same player; playing, its song ends in ten seconds."""
    now = floor.clock.now()
    members = {"anchored_at": now, "output_seen_at": now, "heard_since": now, "updated_at": now}
    return state_of(playing(an_item(seconds=10), **members, version=version, is_playing=is_playing))


async def test_a_state_that_was_read_before_a_newer_one_was_heard_stops_no_timer(
    server: Server, floor: Floor
) -> None:
    """The opening of a socket reads, then others act, then it is told what was read."""
    ends = song_ends(server)
    newer = a_state(floor, 11, is_playing=True)
    ends.watch(newer)
    assert ends.is_watching(newer.player_id)
    ends.watch(msgspec.structs.replace(a_state(floor, 10, is_playing=False), player_id=newer.player_id))
    assert ends.is_watching(newer.player_id)
    ends.watch(msgspec.structs.replace(a_state(floor, 12, is_playing=False), player_id=newer.player_id))
    assert not ends.is_watching(newer.player_id)


class Settling:
    """The times at which a player was settled; the first time fails, after something else has happened."""

    def __init__(self) -> None:
        self.times = 0
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()

    async def settle(self, ctx: Any, player_id: UUID) -> None:
        self.times += 1
        if self.times == 1:
            self.begun.set()
            await self.goes_on.wait()
            raise CrossedTooOften


@pytest.fixture
def settling(monkeypatch: pytest.MonkeyPatch) -> Settling:
    """What is tried anew is tried soon."""
    made = Settling()
    monkeypatch.setattr(player, "settle", made.settle)
    monkeypatch.setattr("server.song_end.RETRY_S", 0.3)
    return made


@pytest.mark.parametrize("sooner", [True, False])
async def test_of_a_newer_states_timer_and_trying_anew_the_sooner_settles_and_the_other_does_not(
    server: Server, someone: Person, settling: Settling, sooner: bool
) -> None:
    async with server.phone(someone) as phone:
        player_id = UUID((await phone.ask("player.get"))["playerId"])
        ends = song_ends(server)
        ends.due_in(player_id, 0)
        await asyncio.wait_for(settling.begun.wait(), 5)
        ends.due_in(player_id, 0.1 if sooner else 0.6, 12)
        settling.goes_on.set()
        await asyncio.sleep(1.2)
        assert settling.times == 2
        assert not ends.is_watching(player_id)


@pytest.mark.parametrize(
    ("error", "speaks_first"), [(DatabaseAway(retry_after=5), True), (CrossedTooOften(), False)]
)
async def test_only_after_an_outage_are_the_outputs_waited_for(
    server: Server,
    someone: Person,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    speaks_first: bool,
) -> None:
    async with server.phone(someone) as phone:
        player_id = UUID((await phone.ask("player.get"))["playerId"])
        fails = [error]
        settled = asyncio.Event()

        async def settle(ctx: Any, player_id: UUID) -> None:
            if fails:
                raise fails.pop()
            settled.set()

        monkeypatch.setattr(player, "settle", settle)
        song_ends(server).due_in(player_id, 0)
        if speaks_first:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(settled.wait(), RETRY_S + 1)
        else:
            await asyncio.wait_for(settled.wait(), RETRY_S + REPORTS_WITHIN_S - 0.5)


async def test_a_player_whom_nobody_hears_any_more_is_forgotten(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, player_id = song_ends(server), uuid4()
    hub = NobodySoon(event.player(player_id))
    monkeypatch.setattr(ends, "_hub", hub)
    monkeypatch.setattr("server.song_end.RETRY_S", 0.01)

    async def away(ctx: Any, player_id: Any) -> None:
        raise DatabaseAway(retry_after=5)

    monkeypatch.setattr(player, "settle", away)
    ends.due_in(player_id, 0)
    await asyncio.wait_for(hub.has_gone.wait(), 5)
    assert not ends.is_watching(player_id)
    assert ends.missed == frozenset()


class NobodySoon:
    """A hub whose last listener of a topic goes away between two looks."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._looks = 0
        self.has_gone = asyncio.Event()

    def is_heard(self, topic: str) -> bool:
        assert topic == self._topic
        self._looks += 1
        if self._looks > 1:
            self.has_gone.set()
        return self._looks == 1
