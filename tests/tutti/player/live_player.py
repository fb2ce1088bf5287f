"""A live player, steered from a thread, and a mirror of its queue kept as clients keep theirs."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from tests.tutti.player.conftest import Remote, apply
from tutti import player
from tutti.context import Context, Floor, Person
from tutti.errors import Conflict, NotFound
from tutti.player.queue import Move, Remove, Replace

T = TypeVar("T")
Wish = tuple[Callable[..., Awaitable[player.State]], dict[str, Any]]


class LivePlayer:
    """One person with two devices; what is real happens on the test's loop."""

    person: Person
    phone: Remote

    def __init__(self, loop: asyncio.AbstractEventLoop, floor: Floor, songs: list[UUID]) -> None:
        super().__init__()
        self.loop, self.floor, self.songs = loop, floor, songs
        self.chance = Random(3)
        self.mirror: list[UUID] = []
        self.state: player.State
        self.passed_s = 0.0

    def here(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result()

    def do(self, remote: Remote, command: Callable[..., Awaitable[player.State]], **parameters: Any) -> None:
        """A refusal is fine; a broken promise is not."""
        with suppress(Conflict, NotFound):
            answer = self.here(remote.do(command, **parameters))
            assert answer.version >= self.state.version
        self.follow()

    def follow(self) -> None:
        """As a client does: take what was missed, or reload; both must come to the same."""
        before = self.state
        self.state = self.here(self.phone.do(player.get_player))
        assert self.state.version >= before.version
        missed = self.here(self.phone.queue(since=before.queue_version, from_=0, limit=200))
        whole = [item.item_id for item in self.here(self.phone.queue(from_=0, limit=200)).items]
        for change in missed.changes or ():
            apply(self.mirror, change)
        assert missed.changes is None or self.mirror == whole
        self.mirror = whole

    def after_next(self) -> UUID | None:
        """What plays after `next`; None when nothing does."""
        self.do(self.phone, player.next_song)
        return self.state.item.item_id if self.state.is_playing and self.state.item else None

    def wish(self, name: str, place: int, to: int) -> Wish:
        """An edit of something that is there."""
        if name == "clear" or not self.mirror:
            return player.clear_queue, {}
        item = self.mirror[place % len(self.mirror)]
        operation = {
            "move": Move(item_id=item, to=to % len(self.mirror)),
            "remove": Remove(item_ids=(item,)),
            "replace": Replace(item_id=item, song_ids=(self.songs[0], self.songs[1])),
            "all": Replace(song_ids=tuple(self.songs[:3])),
        }[name]
        return player.edit_queue, {"operations": (operation,)}

    async def perish(
        self, command: Callable[..., Awaitable[player.State]], parameters: dict[str, Any]
    ) -> None:
        ctx = Context(self.floor, person=self.person, session=self.phone.session)
        try:
            await command(ctx, **parameters)
        finally:
            await ctx.roll_back()
