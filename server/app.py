"""Composition root: settings → floor, hub, routes, pages."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from random import random

import django_htmx
from aiohttp import web

from server import connection, documents, health, http, media, middleware, uploads, ws
from server.crowds import CROWDS, Crowds
from server.healing import Healing
from server.health import DRAINING, LAG
from server.hub import Hub
from server.keys import BUCKETS, FLOOR, HUB, LOCAL_BUCKETS, OPENING_SHARE, REDIS, SETTINGS
from server.limits import Buckets, LocalBuckets
from server.places import PLACES, Places
from server.socket import RESTARTING, Socket
from server.song_end import SONG_ENDS, SongEnds
from server.watchdog import LoopLag
from tutti import identity
from tutti.command import perform
from tutti.floor import open_floor, open_redis
from tutti.settings import Settings
from tutti.share import Share
from tutti.slices import COMMANDS
from web import account, docs, library, pages, player, search, security
from web.keys import CTX

PAGES = (account, security, docs, library, player, search)
STATIC = Path(pages.__file__).parent / "static"
DRAIN_S = 5
HEADER_LINE, HEADER_LINES = 8190, 64
HEALING = web.AppKey("healing", Healing)


def make_app(settings: Settings) -> web.Application:
    """The whole server for these settings; its parts open when the application starts."""
    app = web.Application(middlewares=[middleware.answer, middleware.who_asks], client_max_size=http.MAX_BODY)
    app[SETTINGS] = settings
    app[connection.COMMANDS] = COMMANDS
    app[LOCAL_BUCKETS] = LocalBuckets()
    app[DRAINING] = asyncio.Event()
    app.cleanup_ctx.append(_parts)
    app.on_shutdown.append(drain)
    pages.set_up(app, settings)
    _add_routes(app)
    return app


def _add_routes(app: web.Application) -> None:
    http.add_commands(app, COMMANDS)
    uploads.add_routes(app)
    media.add_routes(app)
    health.add_routes(app)
    documents.add_routes(app)
    for path in middleware.SOCKET_PATHS:
        app.router.add_get(path, ws.serve)
    app.router.add_get("/.well-known/jwks.json", jwks)
    for route in pages.collect_pages(PAGES):
        for verb in http.READING if route.verb == "GET" else (route.verb,):
            app.router.add_route(verb, route.path, route.function)
    app.router.add_get("/vendor/htmx.js", htmx)
    app.router.add_get("/static/{name:[a-z0-9_./-]{1,100}}", static)


async def _parts(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    async with AsyncExitStack() as stack:
        app[LAG] = await stack.enter_async_context(LoopLag())
        floor = app[FLOOR] = await stack.enter_async_context(open_floor(settings))
        app[OPENING_SHARE] = Share(floor.pool, max(1, settings.database_pool // 2))
        app[CROWDS] = Crowds(floor.pool)
        client = app[REDIS] = open_redis(settings)
        stack.push_async_callback(client.aclose)
        app[BUCKETS] = Buckets(client, settings.redis_namespace)
        hub = app[HUB] = Hub(settings)
        ends = app[SONG_ENDS] = SongEnds(floor, hub)
        stack.callback(ends.stop)
        places = app[PLACES] = Places(hub)
        healing = app[HEALING] = Healing(floor, hub, places)
        await hub.start()
        stack.push_async_callback(hub.stop)
        await healing.start()
        stack.push_async_callback(healing.stop)
        yield


async def drain(app: web.Application) -> None:
    """SIGTERM: not ready any more, then every socket is closed with 1012, spread over a moment (F25)."""
    app[DRAINING].set()
    sockets = list(app[HUB].sockets)
    await asyncio.gather(*(_close_within(socket, min(DRAIN_S, len(sockets) / 200)) for socket in sockets))
    await app[HUB].emptied(DRAIN_S)


async def _close_within(socket: Socket, seconds: float) -> None:
    await asyncio.sleep(random() * seconds)  # noqa: S311  # spreads load, guards nothing
    socket.close(RESTARTING)


async def jwks(request: web.Request) -> web.Response:
    """The keys by which others may check our access tokens (RFC 7517)."""
    keys = await perform(request[CTX], identity.jwks)
    return web.json_response(keys, headers={"Cache-Control": "public, max-age=300"})


async def static(request: web.Request) -> web.StreamResponse:
    """Our own scripts, styles and pictures; always asked for anew, answered 304 when unchanged."""
    file = (STATIC / request.match_info["name"]).resolve()
    if not file.is_relative_to(STATIC) or not file.is_file():
        raise web.HTTPNotFound
    return _file(file)


async def htmx(request: web.Request) -> web.StreamResponse:
    """The htmx file that the django-htmx package ships."""
    return _file(Path(str(files(django_htmx).joinpath("static/django_htmx/htmx-2.min.js"))))


def _file(path: Path) -> web.FileResponse:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    # A page asks for the drawn icons again and again while it changes; everything else must be new at once.
    keep = "public, max-age=600" if path.suffix == ".svg" else "no-cache"
    return web.FileResponse(path, headers={"Cache-Control": keep, "Content-Type": kind})
