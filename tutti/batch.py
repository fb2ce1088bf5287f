"""Many small questions asked as one: what comes while the line is busy goes together with the next.

To ask PostgreSQL for one row costs much the same as to ask for fifty, and so does a commit. Nobody waits for
company: whoever comes while the line is free goes at once, alone if he is alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

MOST: Final = 64
"""So many go together; who comes after them goes with the next."""
WAIT_S: Final = 0.05
"""Nobody waits longer for the line: one that says nothing must not keep the others."""


class Batch(Generic[Asked, Answered]):
    """Gathers what is asked at the same time; `work` answers all of it, in order.

    What `work` raises is raised to each who asked in that batch, and to nobody else.
    """

    def __init__(self, work: Callable[[list[Asked]], Awaitable[Sequence[Answered]]]) -> None:
        self.work = work
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._line: asyncio.Task[None] | None = None
        """What is waited for before the next may leave."""
        self._under_way: set[asyncio.Task[None]] = set()
        self._departure: asyncio.Handle | None = None

    async def ask(self, asked: Asked) -> Answered:
        """The answer to one of many."""
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        self._arrange()
        return await answer

    def _arrange(self) -> None:
        """Leave at the end of this turn of the loop, or when the line is free, or when that is late."""
        if self._waiting and self._departure is None:
            loop = asyncio.get_running_loop()
            at_end, later = loop.call_soon, loop.call_later
            self._departure = later(WAIT_S, self._leave) if self._line else at_end(self._leave)

    def _leave(self) -> None:
        together, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        self._line = asyncio.create_task(self._carry_out(together), name="batch")
        self._line.add_done_callback(self._came_back)
        self._under_way.add(self._line)
        self._departure = None
        self._arrange()

    def _came_back(self, line: asyncio.Task[None]) -> None:
        self._under_way.discard(line)
        if line is not self._line:
            return  # it took so long that others have left without it
        self._line = None
        if self._departure is not None:
            self._departure.cancel()
            self._departure = None
        self._arrange()

    async def _carry_out(self, together: list[tuple[Asked, asyncio.Future[Answered]]]) -> None:
        waiting = [answer for _, answer in together]
        try:
            answers = await self.work([asked for asked, _ in together])
        except asyncio.CancelledError:
            for each in waiting:
                each.cancel()
            raise
        except Exception as error:  # noqa: BLE001  # whatever it was, it is told to who asked
            for each in waiting:
                if not each.done():
                    each.set_exception(error)
        else:
            for each, answer in zip(waiting, answers, strict=True):
                if not each.done():
                    each.set_result(answer)
