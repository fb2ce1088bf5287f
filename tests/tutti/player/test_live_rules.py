"""The same rules against the live commands: whatever people, devices, time and crashes do, nothing breaks."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from tests.running import Server, changed, running_server
from tests.tutti.library.songs import Shelf
from tests.tutti.player.conftest import Remote
from tests.tutti.player.live_player import RemoteOverSocket
from tests.tutti.player.troubled_player import TroubledPlayer
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person

UNLIMITED = {
    "rate_commands_per_second": 100_000,
    "rate_commands_burst": 100_000,
    "rate_reads_per_minute": 1_000_000,
    "rate_writes_per_minute": 1_000_000,
}


class LiveRules(TroubledPlayer, RuleBasedStateMachine):
    """What must hold whatever happens. Hypothesis runs in a thread; everything real is on the test's loop."""

    @invariant()
    def one_current_item_when_there_is_a_queue(self) -> None:
        assert self.state.queue_length == len(self.mirror)
        assert (self.state.item is None) == (not self.mirror)
        assert self.state.item is not None or not self.state.is_playing

    @invariant()
    def index_and_next_tell_the_truth(self) -> None:
        if self.state.item is None:
            assert self.state.next is None
            return
        index = self.state.current_index
        assert self.mirror[index] == self.state.item.item_id
        follows = self.mirror[index + 1 :] or (self.mirror if self.state.repeat_mode == "all" else [])
        assert (self.state.next.item_id if self.state.next else None) == (follows[0] if follows else None)


class LiveRulesOverSockets(LiveRules):
    """The same, asked over two sockets of a running server."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, floor: Floor, songs: list[UUID], server: Server
    ) -> None:
        super().__init__(loop, floor, songs)
        self._server = server
        self._sockets = AsyncExitStack()

    async def remote_of(self, person: Person) -> Remote:
        ctx = Context(self.floor, ip_address="127.0.0.1", user_agent="tests")
        opened = await perform(ctx, identity.open_program_session, user_id=person.id)
        headers = {"Authorization": f"Bearer {opened.access_token}"}
        found = await perform(Context(self.floor), identity.session_of_access_token, jwt=opened.access_token)
        assert found is not None
        phone = await self._sockets.enter_async_context(self._server.phone(person, headers))
        return RemoteOverSocket(self.floor, person, found.session, phone)

    def teardown(self) -> None:
        self.here(self._sockets.aclose())


async def hold(rules: Callable[[], LiveRules], examples: int) -> None:
    """Let Hypothesis try so many sequences, in a thread."""
    kept = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, rules, settings=kept)  # type: ignore[arg-type]  # it is called like a class


async def test_the_rules_hold_for_the_live_commands(floor: Floor, someone: Person, shelf: Shelf) -> None:
    songs = [(await shelf.add(someone, title)).id for title in "ABCDE"]
    loop = asyncio.get_running_loop()
    await hold(lambda: LiveRules(loop, floor, songs), 25)


async def test_the_rules_hold_over_the_sockets_of_a_server(
    floor: Floor, someone: Person, shelf: Shelf
) -> None:
    songs = [(await shelf.add(someone, title)).id for title in "ABCDE"]
    loop = asyncio.get_running_loop()
    async with running_server(changed(floor.settings, **UNLIMITED), floor) as server:
        await hold(lambda: LiveRulesOverSockets(loop, floor, songs, server), 12)
