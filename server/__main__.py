"""python -m server: one process of the server."""

import asyncio
import signal
import ssl
import sys
from contextlib import suppress

import structlog
import uvloop
from aiohttp import web

from server.app import HEADER_LINE, HEADER_LINES, make_app
from server.health import DRAINING, LAG
from server.patience import PatientSite
from server.watchdog import Watchdog
from tutti.log import set_up_log
from tutti.schema_version import EXIT_CODE, WrongSchema
from tutti.settings import BadSetting, Settings, read_settings

KEEP_ALIVE_S = 75
GRACE_S = 20
log = structlog.get_logger()


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the configured certificate, or None."""
    if not settings.uses_tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; answers the exit code."""
    try:
        settings = read_settings()
    except BadSetting as bad:
        sys.stderr.write(f"{bad}\n")
        return 2
    set_up_log(settings)
    if settings.event_loop == "uvloop":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(serve(settings))
    except WrongSchema as wrong:
        sys.stderr.write(f"{wrong}\n")
        return EXIT_CODE
    return 0


async def serve(settings: Settings) -> None:
    """Listen until the signal; then not ready, no new connections, sockets closed, requests finished."""
    stopping = asked_to_stop()
    app = make_app(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE_S)
    try:
        await runner.setup()
        await listen(runner, settings)
        watchdog = Watchdog(app[LAG])
        watchdog.start()
        await stopping.wait()
        watchdog.stop()
        app[DRAINING].set()
        stopping.clear()
        with suppress(TimeoutError):  # a second signal cuts the notice short
            await asyncio.wait_for(stopping.wait(), settings.stop_notice_s)
    finally:
        await runner.cleanup()


async def listen(runner: web.AppRunner, settings: Settings) -> None:
    """Take connections from now on."""
    limits = {
        "keepalive_timeout": KEEP_ALIVE_S,
        "max_line_size": HEADER_LINE,
        "max_field_size": HEADER_LINE,
        "max_headers": HEADER_LINES,
        "access_log": None,
    }
    site = PatientSite(runner, settings.host, settings.port, settings=limits, ssl_context=tls_of(settings))
    await site.start()


def asked_to_stop() -> asyncio.Event:
    """Set by SIGTERM and Ctrl-C."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, asked.set)
    return asked


if __name__ == "__main__":
    sys.exit(main())
