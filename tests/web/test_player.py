"""The player's pages as a browser without JavaScript sees them, and the way for a phone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.running import Server, changed, running_server
from tests.songs import add_song
from tutti import tls
from tutti.context import Floor, Person
from tutti.settings import Settings
from web.player import address_for_others, qr_code


@pytest.fixture
async def reader(server: Server, someone: Person) -> AsyncIterator[aiohttp.ClientSession]:
    """Someone's browser, signed in."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(
        server.url, cookies=await server.cookie(someone), cookie_jar=jar
    ) as session:
        yield session


async def text(reader: aiohttp.ClientSession, path: str, **headers: str) -> str:
    async with reader.get(path, headers=headers) as response:
        assert response.status == 200, path
        return await response.text()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "Drop music here"),
        ("/songs", "No songs yet"),
        ("/albums", "No albums yet"),
        ("/artists", "No artists yet"),
        ("/liked", "Nothing liked yet"),
        ("/history", "Nothing heard yet"),
        ("/search", "What would you like to hear?"),
        ("/search?q=brahms", "Nothing found"),
        ("/phone", "make run LAN=1"),
    ],
)
async def test_a_page_without_songs_says_what_to_do(
    reader: aiohttp.ClientSession, path: str, words: str
) -> None:
    assert words in await text(reader, path)


async def test_pages_carry_no_inline_script_or_style(reader: aiohttp.ClientSession) -> None:
    """The content security policy would stop them."""
    for path in ("/", "/songs", "/search?q=a", "/history", "/phone"):
        page = await text(reader, path)
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert page.count("<script") == page.count("<script src=")


async def test_a_stranger_is_led_to_sign_in_and_back(server: Server) -> None:
    async with (
        aiohttp.ClientSession(server.url) as stranger,
        stranger.get("/songs?sort=title", allow_redirects=False) as response,
    ):
        assert response.status == 303
        assert response.headers["Location"] == "/login?next=%2Fsongs%3Fsort%3Dtitle"


async def test_a_list_goes_on_with_its_next_rows_only(
    reader: aiohttp.ClientSession, floor: Floor, someone: Person
) -> None:
    for number in range(63):
        await add_song(floor, someone, f"Lied {number:02}")
    first = await text(reader, "/songs?sort=title")
    assert first.count("data-song-id=") == 60
    more = first.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    rest = await text(reader, more, **{"HX-Request": "true"})
    assert rest.count("data-song-id=") == 3
    assert "<html" not in rest
    assert "<html" in await text(reader, more)


async def test_titles_are_text_whatever_they_hold(
    reader: aiohttp.ClientSession, floor: Floor, someone: Person
) -> None:
    await add_song(floor, someone, '<script>alert(1)</script>"onload="')
    for path in ("/", "/songs", "/search?q=alert"):
        page = await text(reader, path)
        assert "&lt;script&gt;alert(1)" in page.replace("<mark>", "").replace("</mark>", "")
        assert "<script>alert" not in page


@pytest.mark.parametrize(
    "path", ["/albums/none", "/artists/0190c0de-0000-7000-8000-000000000000", "/nowhere"]
)
async def test_what_is_not_there_is_a_page_that_helps(reader: aiohttp.ClientSession, path: str) -> None:
    async with reader.get(path) as response:
        assert response.status == 404
        assert "To the start page" in await response.text()


@pytest.mark.parametrize(
    ("changes", "asked", "address"),
    [
        ({}, "localhost:8800", None),
        ({}, "127.0.0.1:8800", None),
        ({"host": "0.0.0.0"}, "192.168.1.20:8800", "http://192.168.1.20:8800"),
        ({"host": "192.168.1.20"}, "localhost:8800", "http://192.168.1.20:8800"),
        ({"public_url": "https://music.example.org/"}, "localhost:8800", "https://music.example.org"),
        ({"public_url": "http://localhost:8800"}, "localhost:8800", None),
    ],
)
def test_the_way_for_a_phone_leads_over_the_network(
    settings: Settings, changes: dict[str, str], asked: str, address: str | None
) -> None:
    assert address_for_others(msgspec.structs.replace(settings, **changes), asked) == address


async def test_the_certificates_fingerprint_stands_beside_the_code(
    settings: Settings, floor: Floor, someone: Person, tmp_path: Path
) -> None:
    own = tls.own_identity(tmp_path, ["192.168.1.20"], datetime.now(UTC))
    on_the_lan = changed(
        settings,
        public_url="http://192.168.1.20:8800",
        tls_certificate=str(own.certificate),
        tls_key=str(own.key),
    )
    async with running_server(on_the_lan, floor) as server:
        cookies = await server.cookie(someone)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(server.url, cookies=cookies, cookie_jar=jar) as reader:
            shown = await text(reader, "/phone")
            assert "<svg" in shown
            assert tls.fingerprint(own.certificate) in shown
            assert "<h2" not in shown, "the sheet and the page have their own heading"


def test_the_code_is_a_picture_within_the_page() -> None:
    code = qr_code("https://192.168.1.20:8800")
    assert code.startswith("<svg")
    assert "style=" not in code
