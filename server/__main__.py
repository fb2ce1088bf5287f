"""python -m server: one process of the server."""

import asyncio
import ssl
import sys

import structlog
import uvloop
from aiohttp import web

from server.app import HEADER_LINE, make_app
from tutti.log import set_up_log
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
    web.run_app(
        make_app(settings),
        host=settings.host,
        port=settings.port,
        ssl_context=tls_of(settings),
        keepalive_timeout=KEEP_ALIVE_S,
        shutdown_timeout=GRACE_S,
        max_line_size=HEADER_LINE,
        max_field_size=HEADER_LINE,
        access_log=None,
        print=None,
        reuse_port=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
