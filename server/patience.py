"""How long a client may take to say what it wants: aiohttp would wait for the rest of a header (R27).

And how it is told that what it said is no request.
"""

import asyncio
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any

from aiohttp import web

from server.problems import problem_response
from tutti.errors import Failed, Invalid
from tutti.text import _

HEADER_WITHIN_S = 10
BACKLOG = 2048
"""Connections the kernel keeps for us while everybody comes back at once (F27)."""


class NotHttp(Invalid):
    """Bytes that are no HTTP request, or a header longer than we read."""

    sentence = _("This is not a request that can be read.")


class PatientHandler(web.RequestHandler):
    """One connection, closed when a request's header is not whole ten seconds after its first byte."""

    __slots__ = ("_seen_requests", "_too_late", "on_lost")

    def __init__(self, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._too_late: asyncio.TimerHandle | None = None
        self._seen_requests = 0
        self.on_lost: Callable[[], None] | None = None
        """Called before the connection's descriptor is closed."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._request_count != self._seen_requests:
            self._seen_requests = self._request_count
            self._take_back()
        elif self._current_request is None and self._too_late is None:
            self._too_late = self._loop.call_later(HEADER_WITHIN_S, self._give_up)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what reached no route; aiohttp's own would be plain text, or HTML with a trace."""
        super().handle_error(request, status, exc, message)
        problem = Failed() if status >= 500 else NotHttp()
        response = problem_response(problem, instance=token_urlsafe(12))
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Server"] = "Tutti"
        response.force_close()
        return response

    def connection_lost(self, exc: BaseException | None) -> None:
        self._take_back()
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)

    def _take_back(self) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None

    def _give_up(self) -> None:
        self._too_late = None
        if self._current_request is None and not self._messages:
            self.force_close()


class PatientSite(web.TCPSite):
    """Listens, and gives every connection this patience; `settings` are those of aiohttp's RequestHandler."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, *, settings: Any, **more: Any) -> None:
        super().__init__(runner, host, port, backlog=BACKLOG, **more)
        self._settings = settings

    async def start(self) -> None:
        await web.BaseSite.start(self)
        manager, loop = self._runner.server, asyncio.get_running_loop()
        if manager is None:
            raise RuntimeError("the runner has not been set up")
        self._server = await loop.create_server(
            lambda: PatientHandler(manager, loop=loop, **self._settings),
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
        )
