"""Lost messages, lost parts: compare versions with PostgreSQL's, tell who fell behind, end dead sessions."""

import asyncio

import structlog

from server.hub import Hub
from server.places import Places
from tutti import identity, player
from tutti.command import perform
from tutti.context import Context, Floor
from tutti.errors import Unavailable
from tutti.topics import topic_versions
from tutti.wire import Part, ServerDegraded, TopicChanged

EVERY_S = 2
SOON_S = 0.5
"""Until the next round when a part is away, or when a topic looked behind: its message may be on its way."""
log = structlog.get_logger()


class Healing:
    """One round every two seconds, sooner when something is amiss, and at once when Redis comes back."""

    def __init__(self, floor: Floor, hub: Hub, places: Places) -> None:
        self._floor = floor
        self._hub = hub
        self._places = places
        self._suspects: dict[str, int] = {}
        self._now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        hub.on_reconnect.append(self._now.set)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="healing")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            at_once = await self._wait()
            try:
                await self._round(at_once=at_once or bool(self._hub.degraded))
                self._say_degraded([] if self._hub.is_connected else ["redis"])
            except Unavailable:
                self._say_degraded(["database"] if self._hub.is_connected else ["database", "redis"])
            except Exception:  # whatever it was, the next round must come
                log.exception("a healing round failed")

    async def _wait(self) -> bool:
        try:
            is_amiss = self._suspects or self._hub.degraded
            # Not wait_for: before Python 3.12 it forgets a cancellation that meets the end of its wait.
            async with asyncio.timeout(SOON_S if is_amiss else EVERY_S):
                await self._now.wait()
        except TimeoutError:
            return False
        self._now.clear()
        return True

    async def _round(self, *, at_once: bool) -> None:
        truth = await perform(Context(self._floor), versions, topics=self._hub.topics())
        known = self._hub.delivered
        behind = {topic: version for topic, version in truth.items() if version > known.get(topic, version)}
        for topic in truth.keys() - known.keys():
            # A message may have been lost between a client's first snapshot and now: let him compare.
            self._tell(topic, truth[topic])
        for topic, version in behind.items():
            # A commit whose message is under way looks behind too: what was so a round ago is lost.
            was_behind = self._suspects.get(topic, 0) > known[topic]
            if at_once or not self._hub.is_connected or was_behind:
                self._tell(topic, version)
        self._suspects = behind
        await self._end_dead_sessions()

    def _tell(self, topic: str, version: int) -> None:
        self._hub.delivered[topic] = version
        self._hub.say(topic, "topic.changed", TopicChanged(topic=topic, version=version))

    async def _end_dead_sessions(self) -> None:
        here, held = self._hub.sessions(), self._places.held()
        if not here:
            return
        living = await perform(Context(self._floor), identity.still_live, session_ids=list(here))
        for session_id in here - living.keys():
            self._hub.end_session(session_id)
        self._places.compare(held, living)

    def _say_degraded(self, parts: list[Part]) -> None:
        if parts != self._hub.degraded:
            self._hub.degraded = parts
            self._hub.broadcast("server.degraded", ServerDegraded(parts=parts))


async def versions(ctx: Context, topics: list[str]) -> dict[str, int]:
    """The true version of each topic: a player's is in its own row, the others' in `topics`."""
    return await topic_versions(ctx, topics=topics) | await player.versions(ctx, topics=topics)
