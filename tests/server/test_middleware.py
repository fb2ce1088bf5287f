"""What stands in a request before anybody knows who sent it: bytes that are no text, names, addresses."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from server.app import make_app
from server.middleware import client_address
from tests.conftest import ContextOf
from tests.running import Server, changed, running_server
from tests.tutti.identity.people import PASSWORD, account
from tutti.context import Floor
from tutti.settings import Settings


async def answer(server: Server, head: str, *lines: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """Status and the rest of the answer to a request that no client library would send."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head_lines = [
        f"{head} HTTP/1.1".encode(),
        b"Connection: close",
        *([] if any(line.startswith(b"Host:") for line in lines) else [f"Host: {host}:{port}".encode()]),
        b"Content-Length: %d" % len(body),
        *lines,
    ]
    writer.write(b"\r\n".join(head_lines) + b"\r\n\r\n" + body)
    answered = await reader.read()
    writer.close()
    return int(answered.split(b" ", 2)[1]), answered


async def test_a_user_agent_of_any_bytes_signs_in(server: Server, context_of: ContextOf) -> None:
    someone = await account(context_of())
    body = b'{"email":"%s","password":"%s"}' % (str(someone.email).encode(), PASSWORD.encode())
    status, _ = await answer(
        server,
        "POST /api/v1/auth/login",
        b"Content-Type: application/json",
        b"User-Agent: Player\xff\xfe",
        body=body,
    )
    assert status == 200
    async with server.client(someone) as client, client.get("auth/sessions") as response:
        agents = [item["userAgent"] for item in (await response.json())["items"]]
    assert "Player??" in agents


@pytest.mark.parametrize(
    "cookie", [b"sid=\xff\xfe", b"form=\xff", b"other=\xff; sid=\xff; form=\xe9; device=\xff"]
)
async def test_a_cookie_that_is_no_text_is_nobodys(server: Server, cookie: bytes) -> None:
    status, _ = await answer(server, "GET /login", b"Cookie: " + cookie)
    assert status in (200, 303)
    assert (await answer(server, "GET /api/v1/me", b"Cookie: " + cookie))[0] == 401
    status, _ = await answer(
        server, "POST /login", b"Cookie: " + cookie, b"Sec-Fetch-Site: same-origin", body=b"email=x"
    )
    assert status == 403


@pytest.mark.parametrize(
    "line",
    [
        b"Origin: http://[bad",
        b"Referer: http://[bad",
        b"Origin: http://\xff",
        b"Origin: null",
        b"Sec-Fetch-Site: same-origin\r\nX-CSRF-Token: \xff",
    ],
)
async def test_a_proof_that_cannot_be_read_is_none(server: Server, line: bytes) -> None:
    assert (await answer(server, "POST /login", line))[0] == 403


async def test_a_socket_from_an_origin_that_cannot_be_read_is_refused(server: Server) -> None:
    upgrade = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    status, _ = await answer(server, "GET /ws", *upgrade, key, b"Origin: http://[bad")
    assert status == 403


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded; charset=none-such", b"email=x"),
        ("application/x-www-form-urlencoded", b"email=\xff"),
        ("application/x-www-form-urlencoded", b"email=%00"),
        ("multipart/form-data", b"email=x"),
        ("multipart/form-data; boundary=b", b"email=x"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="e"\r\n\r\nx'),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(server: Server, kind: str, body: bytes) -> None:
    line = f"Content-Type: {kind}".encode()
    status, _ = await answer(server, "POST /login", line, b"Sec-Fetch-Site: same-origin", body=body)
    assert status in (400, 403)


@pytest.mark.parametrize(
    "path",
    ["/%00", "/api/v1/songs?genre=%00", "/songs/%00", "/join/%00", "/search?q=a%00", "/login?next=/%00"],
)
async def test_an_address_holds_no_nul(server: Server, path: str) -> None:
    assert (await answer(server, f"GET {path}"))[0] == 400


async def test_a_long_name_of_a_file_is_not_found(server: Server) -> None:
    for name in ("a" * 300, "a" * 5000, "a/" * 60):
        assert (await answer(server, f"GET /static/{name}"))[0] == 404


async def test_the_host_is_known_however_it_is_written(settings: Settings, floor: Floor) -> None:
    async with running_server(changed(settings, allowed_hosts="Music.Example"), floor) as server:
        for host, expected in (
            (b"LOCALHOST", 200),
            (b"music.example", 200),
            (b"MUSIC.example:8800", 200),
            (b"evil.example", 400),
            (b"music.example.evil", 400),
            (b"localhost@evil.example", 400),
        ):
            status, _ = await answer(server, "GET /healthz", b"Host: " + host)
            assert status == expected, host


@pytest.mark.parametrize(
    ("trusted", "lines", "expected"),
    [
        (0, ["6.6.6.6"], "10.0.0.9"),
        (1, ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (1, ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),  # a proxy that adds a line of its own
        (2, ["6.6.6.6", "1.2.3.4", "10.0.0.8"], "1.2.3.4"),
        (2, ["1.2.3.4"], "10.0.0.9"),
        (1, [], "10.0.0.9"),
        (1, ["; drop table"], "10.0.0.9"),
        (1, ["2001:db8::1"], "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_tell_the_address(
    settings: Settings, trusted: int, lines: list[str], expected: str
) -> None:
    request = _request(make_app(changed(settings, trusted_proxies=trusted)), lines)
    assert client_address(request) == expected


def _request(app: web.Application, forwarded: list[str]) -> web.Request:
    given = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])
    return make_mocked_request("GET", "/", headers=given, app=app).clone(remote="10.0.0.9")


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/docs", "/healthz", "/static/app.js", "/api/v1/search?q=lied", "/api/search?q=lied"],
)
async def test_what_can_be_got_has_a_head_that_names_no_versions(server: Server, path: str) -> None:
    got, _ = await answer(server, f"GET {path}")
    status, head = await answer(server, f"HEAD {path}")
    assert status == got
    assert head.endswith(b"\r\n\r\n")
    assert b"\r\nServer: Tutti\r\n" in head


async def test_strangers_forms_and_proofs_are_counted_together(settings: Settings, floor: Floor) -> None:
    async with running_server(changed(settings, rate_strangers_per_minute=4), floor) as server:
        from_page = (b"Sec-Fetch-Site: same-origin", b"Content-Type: application/x-www-form-urlencoded")
        body = b"csrf_token=x&email=a@example.org"
        assert [(await answer(server, "POST /register", *from_page, body=body))[0] for _ in range(2)] == [
            403,
            403,
        ]
        async with server.client() as client:
            for number, expected in enumerate((202, 202, 429)):
                wish = {"email": f"v{number}@example.org"}
                async with client.post("auth/password/forgot", json=wish) as response:
                    assert response.status == expected
        assert (await answer(server, "POST /register", *from_page, body=body))[0] == 429
        assert (await answer(server, "GET /login"))[0] in (200, 303)
