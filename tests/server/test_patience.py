"""A server as it listens for strangers: what it says to bytes that are no request."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from server.app import HEADER_LINE, HEADER_LINES, make_app
from server.patience import PatientSite
from tests.ports import free_port
from tests.running import changed
from tutti.settings import Settings


@pytest.fixture
async def port(settings: Settings) -> AsyncIterator[int]:
    """A server that listens as `python -m server` does."""
    own = changed(settings, port=free_port())
    runner = web.AppRunner(make_app(own), access_log=None, shutdown_timeout=1)
    await runner.setup()
    limits = {"max_line_size": HEADER_LINE, "max_field_size": HEADER_LINE, "max_headers": HEADER_LINES}
    await PatientSite(runner, "127.0.0.1", own.port, settings=limits).start()
    yield own.port
    await runner.cleanup()


async def said(port: int, words: bytes) -> tuple[str, dict[str, str], bytes]:
    """What the server answers before it closes: status line, headers, body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a browser that speaks TLS\r\n\r\n",
        b"GET /api/v1/player HTTP/9\r\n\r\n",
        b"GET /api/v1/player HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /api/v1/player HTTP/1.1\r\nHost: localhost\r\nContent-Length: nine\r\n\r\n",
        b"GET /api/v1/player HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET /api/v1/player HTTP/1.1\r\nAccept: text/html\r\nHost: local\x00host\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_with_a_problem(port: int, words: bytes) -> None:
    status, headers, body = await said(port, words)
    assert status.partition(" ")[2] == "400 Bad Request"
    assert headers["content-type"] == "application/problem+json"
    assert headers["server"] == "Tutti"
    problem = json.loads(body)
    assert problem["code"] == "not_http"
    assert problem["status"] == 400
    assert b"aiohttp" not in body
    assert len(body) < 500, "nothing of what was sent comes back"


async def test_a_request_is_answered_as_ever(port: int) -> None:
    words = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status, _headers, body = await said(port, words)
    assert (status, json.loads(body)) == ("HTTP/1.1 200 OK", {"status": "ok"})
