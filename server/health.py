"""Is it alive, is it ready, how is it doing: /healthz, /readyz, /metrics."""

import asyncio
from contextlib import suppress

import redis.asyncio as redis
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from server.keys import FLOOR, HUB, REDIS, SETTINGS
from server.watchdog import LoopLag
from tutti import search
from tutti.context import Context
from tutti.errors import Forbidden, Problem

SKEW_WARNING_S = 5
DRAINING = web.AppKey("draining", asyncio.Event)
LAG = web.AppKey("lag", LoopLag)
REGISTRY = CollectorRegistry()
sockets_open = Gauge("tutti_sockets_open", "Sockets open on this process", registry=REGISTRY)
topics_heard = Gauge("tutti_topics_heard", "Topics this process listens to", registry=REGISTRY)
deliveries = Gauge("tutti_deliveries", "Events written to sockets since the start", registry=REGISTRY)
round_trip = Gauge("tutti_database_round_trip_seconds", "Best of the last clock samples", registry=REGISTRY)


def add_routes(app: web.Application) -> None:
    """The three addresses that ask how we are."""
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)


async def alive(request: web.Request) -> web.Response:
    """Asks nobody."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Each dependency by name; 503 when requests should go elsewhere."""
    parts = {"database": await _database(request.app), "redis": await _redis(request.app)}
    if parts["database"] == "ok" and (state := await _elasticsearch(request.app)):
        parts["elasticsearch"] = state
    if request.app[DRAINING].is_set():
        parts["server"] = "stopping"
    elif request.app[LAG].lags:
        parts["server"] = "too busy: it came more than a second late to its work"
    elif abs(request.app[FLOOR].clock.skew().total_seconds()) > SKEW_WARNING_S:
        parts["clock"] = "this machine's clock differs from the database's by more than 5 s"
    is_ready = parts["database"] == "ok" and "server" not in parts
    return web.json_response(
        {"status": "ready" if is_ready else "not ready", **parts}, status=200 if is_ready else 503
    )


async def metrics(request: web.Request) -> web.Response:
    """Prometheus' text, for this machine unless METRICS_PUBLIC."""
    if not request.app[SETTINGS].metrics_public and request.remote not in ("127.0.0.1", "::1"):
        raise Forbidden
    hub = request.app[HUB]
    sockets_open.set(len(hub.sockets))
    topics_heard.set(len(hub.topics()))
    deliveries.set(hub.deliveries)
    round_trip.set(request.app[FLOOR].clock.round_trip_s or 0)
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _database(app: web.Application) -> str:
    try:
        async with app[FLOOR].pool.connection() as connection:
            await asyncio.wait_for(connection.execute("select 1"), 2)
    except (Problem, TimeoutError):
        return "away"
    return "ok"


async def _elasticsearch(app: web.Application) -> str | None:
    ctx = Context(app[FLOOR])  # nobody asks in particular: these paths stand before the question of who
    try:
        return await search.health(ctx)
    except Problem:
        return "away"
    finally:
        await ctx.roll_back()


async def _redis(app: web.Application) -> str:
    with suppress(redis.RedisError, OSError, TimeoutError):
        await app[REDIS].ping()
        return "ok"
    return "away"
