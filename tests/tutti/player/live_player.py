"""A live player, steered from a thread, and a mirror of its queue kept as clients keep theirs."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec

from tests.running import Phone, Refused
from tests.tutti.player.conftest import Remote, apply
from tests.tutti.player.present import Presence
from tutti import player
from tutti.command import Overtaken, described
from tutti.context import Context, Floor, Person, SessionRef
from tutti.errors import Conflict, NotFound
from tutti.player.queue import Move, Remove, Replace

T = TypeVar("T")
Wish = tuple[Callable[..., Awaitable[player.State]], dict[str, Any]]
SOON = timedelta(seconds=2)


class RemoteOverSocket(Remote):
    """One session of a person, with a socket at a running server: every command goes there as JSON-RPC."""

    def __init__(self, floor: Floor, person: Person, session: SessionRef, phone: Phone) -> None:
        super().__init__(floor, person, session)
        self._phone = phone

    async def do(self, command: Callable[..., Awaitable[T]], **parameters: Any) -> T:
        """Ask the server; what it refuses is raised as it was there."""
        spoken = described(command)
        fields = spoken.parameters
        names = dict(zip(fields.__struct_fields__, fields.__struct_encode_fields__, strict=True))
        wish = {names[name]: msgspec.to_builtins(value) for name, value in parameters.items()}
        try:
            answer = await self._phone.ask(spoken.name, **wish)
        except Refused as refused:
            for kind in (Conflict, NotFound):
                if refused.problem["status"] == kind.status:
                    raise kind from refused
            raise
        told: T = msgspec.convert(answer or None, spoken.returns)
        return told


class LivePlayer:
    """One person with two devices; what is real happens on the test's loop."""

    person: Person
    phone: Remote
    state: player.State

    def __init__(self, loop: asyncio.AbstractEventLoop, floor: Floor, songs: list[UUID]) -> None:
        super().__init__()
        self.loop, self.floor, self.songs = loop, floor, songs
        self.chance = Random(3)
        self.mirror: list[UUID] = []
        self.passed_s = 0.0
        self.began = loop.time()
        self.presence = Presence()
        self.sent: list[Wish] = []
        """What took effect once, and may be sent again at any time."""

    @property
    def now_s(self) -> float:
        return self.loop.time() - self.began + self.passed_s

    def here(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result()

    def do(self, remote: Remote, command: Callable[..., Awaitable[player.State]], **parameters: Any) -> bool:
        """A refusal is fine, which False tells; a broken promise is not."""
        is_done = False
        with suppress(Conflict, NotFound):
            answer = self.here(remote.do(command, **parameters))
            assert answer.version >= self.state.version
            is_done = True
        self.follow()
        return is_done

    def do_once(self, remote: Remote, command: Callable[..., Awaitable[player.State]], **wish: Any) -> bool:
        """The same with an id, so that it can be sent again."""
        wish["command_id"] = uuid4()
        is_done = self.do(remote, command, **wish)
        if is_done:
            self.sent.append((command, wish))
        return is_done

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

    def settle(self) -> player.State:
        """Let time do what is due, and see it."""
        self.here(self.phone.settle())
        self.follow()
        return self.state

    def is_still(self) -> bool:
        """Nothing happens by itself in the next moment, so that what changes was changed by somebody."""
        due = player.due_at(self.state)
        return due is None or due - self.floor.clock.now() > SOON

    def position_ms(self) -> int:
        """Where the music is now, as a client reckons."""
        passed = self.floor.clock.now() - self.state.anchored_at
        moved_ms = max(0, round(passed.total_seconds() * 1000)) if self.state.is_playing else 0
        return self.state.position_ms + moved_ms

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

    def any_wish(self, name: str, place: int, to: int) -> Wish:
        """A command of any kind."""
        plain: dict[str, Wish] = {
            "add": (player.add_to_queue, {"song_ids": self.songs[:2]}),
            "next": (player.next_song, {}),
            "pause": (player.pause, {}),
            "play": (player.play, {}),
            "seek": (player.seek, {"position_ms": place * 5_000}),
            "volume": (player.change_player, {"volume": to / 40}),
            "repeat": (player.change_player, {"repeat_mode": ("none", "one", "all")[place % 3]}),
            "shuffle": (player.change_player, {"is_shuffled": not self.state.is_shuffled}),
            "undo": (player.undo_queue, {}),
            "redo": (player.redo_queue, {}),
        }
        return plain[name] if name in plain else self.wish(name, place, to)

    def perish(self, command: Callable[..., Awaitable[player.State]], parameters: dict[str, Any]) -> None:
        """Begin a command and die: nothing of it is committed but what one statement wrote by itself."""

        async def begin() -> None:
            ctx = Context(self.floor, person=self.person, session=self.phone.session)
            try:
                with suppress(Conflict, NotFound, Overtaken):
                    await command(ctx, **parameters)
            finally:
                await ctx.roll_back()

        self.here(begin())
