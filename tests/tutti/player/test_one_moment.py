"""A queue is shown as it was at one moment: a version never comes with the items of another one."""

from typing import Any
from uuid import UUID

import pytest

from tests.tutti.player.conftest import Remote
from tutti import player
from tutti.player import news, queue


@pytest.fixture
def somebody_is_quick(monkeypatch: pytest.MonkeyPatch, desk: Remote, songs: list[UUID]) -> None:
    """Between the player's row and its items somebody else's addition commits."""
    page = queue.page

    async def after_an_addition(*given: Any, **named: Any) -> player.Queue:
        await desk.add(songs[4])
        return await page(*given, **named)

    monkeypatch.setattr(queue, "page", after_an_addition)
    monkeypatch.setattr(news, "page", after_an_addition)


@pytest.mark.usefixtures("somebody_is_quick")
async def test_the_items_are_those_of_the_version(phone: Remote, songs: list[UUID]) -> None:
    added = await phone.add(*songs[:3])
    shown = await phone.queue(from_=0, limit=200)
    assert shown.queue_version == added.queue_version
    assert len(shown.items) == shown.length == 3


@pytest.mark.usefixtures("somebody_is_quick")
async def test_what_was_missed_ends_at_the_version(phone: Remote, songs: list[UUID]) -> None:
    first = await phone.add(songs[0])
    await phone.add(songs[1])
    missed = await phone.queue(since=first.queue_version)
    assert missed.changes is not None
    assert [change.queue_version for change in missed.changes] == [missed.queue_version]


@pytest.mark.usefixtures("somebody_is_quick")
async def test_the_opening_is_of_one_moment(phone: Remote, songs: list[UUID]) -> None:
    await phone.add(*songs[:3])
    told = dict(await phone.do(player.opening))
    state, shown = told["player.state"], told["queue.state"]
    assert isinstance(state, player.State)
    assert isinstance(shown, player.Queue)
    assert state.queue_version == shown.queue_version
    assert len(shown.items) == shown.length == state.queue_length == 3
