"""The peer of bench/fanout.py: aiohttp, Redis and send_str per socket, in 60 lines, with no state."""

import asyncio
import os

import redis.asyncio as redis
import uvloop
from aiohttp import web

SOCKETS: set[web.WebSocketResponse] = set()


async def listen(request: web.Request) -> web.WebSocketResponse:
    """One socket that hears everything."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    SOCKETS.add(socket)
    try:
        async for _message in socket:
            pass
    finally:
        SOCKETS.discard(socket)
    return socket


async def fan_out() -> None:
    """Redis → every socket."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    async with client.pubsub() as pubsub:
        await pubsub.subscribe(os.environ["CHANNEL"])
        async for message in pubsub.listen():
            if message["type"] == "message":
                text = message["data"].decode()
                for socket in list(SOCKETS):
                    await socket.send_str(text)


async def start(app: web.Application) -> None:
    """Begin to hear Redis."""
    app["fan_out"] = asyncio.create_task(fan_out())


async def healthy(request: web.Request) -> web.Response:
    """It is up."""
    return web.Response(text="ok")


def main() -> None:
    """Serve on PORT."""
    if os.environ.get("EVENT_LOOP") == "uvloop":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    app = web.Application()
    app.on_startup.append(start)
    app.router.add_get("/ws", listen)
    app.router.add_get("/healthz", healthy)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None, access_log=None)


if __name__ == "__main__":
    main()
