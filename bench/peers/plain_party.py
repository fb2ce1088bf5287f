"""The peer of bench/sync.py: audio elements that begin when the event arrives, with no clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

PAGE = """<!doctype html><title>party</title><script type="module">
  const audio = globalThis.audio = new Audio("/song");
  audio.preload = "auto";
  const socket = new WebSocket(`ws://${location.host}/socket`);
  socket.onopen = () => (globalThis.isUp = true);
  socket.onmessage = ({data}) => {
    audio.currentTime = JSON.parse(data).position;
    audio.play();
  };
</script>"""


class PlainParty:
    """The server: one song, and every socket hears what is sent."""

    def __init__(self, song: Path) -> None:
        self._song = song
        self._sockets: set[web.WebSocketResponse] = set()

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [web.get("/", self._page), web.get("/song", self._stream), web.get("/socket", self._listen)]
        )
        return app

    async def play(self, position_s: float) -> None:
        """Tell all pages to play from here."""
        for socket in list(self._sockets):
            await socket.send_json({"position": position_s})

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _stream(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(self._song)

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        async for _message in socket:
            pass
        self._sockets.discard(socket)
        return socket


@asynccontextmanager
async def plain_party(song: Path) -> AsyncIterator[tuple[PlainParty, int]]:
    """The peer and the port it listens at."""
    party = PlainParty(song)
    runner = web.AppRunner(party.app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield party, runner.addresses[0][1]
    finally:
        await runner.cleanup()
