"""The main job, as two people with two devices would do it."""

from pathlib import Path
from time import monotonic

import pytest
from tinytag import TinyTag

from tests.audio_files import make_audio
from tests.browser.conftest import PHONE, Browsers, Visitor
from tests.running import Server, Worker
from tutti.context import Person

pytestmark = pytest.mark.browser
PASSWORD = "a tidy row of drums"
A_WHILE_S = 150
"""Longer than any of these tests takes on a slow machine: what plays in them does not end meanwhile."""
STANDS = "[tutti.store.player.version, tutti.store.player.positionMs]"
SOUNDING = "tutti.output.role !== 'silent' && tutti.output.deck.audio.currentTime"

WATCH_FOR_GAPS = """() => {
  globalThis.mark = tutti.output.deck.audio;
  mark.gaps = 0;
  for (const name of ["pause", "emptied", "seeking"]) mark.addEventListener(name, () => (mark.gaps += 1));
}"""


SPEED = """async () => {
  const { audio } = tutti.output.deck;
  const speeds = [];
  for (let nth = 0; nth < 5; nth += 1) {
    const [at, from] = [performance.now(), audio.currentTime];
    await new Promise((resolve) => setTimeout(resolve, 400));
    speeds.push(((audio.currentTime - from) * 1000) / (performance.now() - at));
  }
  return speeds.sort((one, other) => one - other)[2];
}"""
"""How fast the song goes on, by the middle one of some readings: the machine may stand still in one."""


def lengthened(song: Path) -> Path:
    """The same song for as long as a test needs it."""
    known = TinyTag.get(song)
    tags = {"title": known.title or "", "artist": known.artist or "", "album": known.album or ""}
    make_audio(song, song.suffix[1:], A_WHILE_S, tags)
    return song


async def set_up(desk: Visitor, code: str) -> None:
    await desk.open("/")
    await desk.picture("setup")
    for name, value in {
        "code": code,
        "name": "Clara Wieck",
        "email": "clara@example.org",
        "password": PASSWORD,
    }.items():
        await desk.page.fill(f"[name={name}]", value)
    await desk.page.click("button[type=submit]")
    await desk.page.wait_for_url(f"{desk.url}/")
    await desk.until_up()


async def sign_in(phone: Visitor) -> None:
    await phone.open("/")
    await phone.picture("login")
    await phone.page.fill("[name=email]", "clara@example.org")
    await phone.page.fill("[name=password]", PASSWORD)
    await phone.page.tap("button[type=submit]")
    await phone.page.wait_for_url(f"{phone.url}/")
    await phone.until_up()


async def drop(desk: Visitor, files: list[Path]) -> None:
    async with desk.page.expect_file_chooser() as chooser:
        await desk.page.click("[data-act=choose]")
    await (await chooser.value).set_files(files)


async def test_upload_find_play_and_steer_from_a_phone(
    browsers: Browsers, server: Server, worker: Worker, setup_code: str, six_songs: list[Path]
) -> None:
    lengthened(six_songs[1])
    async with browsers.visit(server) as desk, browsers.visit(server, PHONE) as phone:
        await set_up(desk, setup_code)
        await desk.picture("home-empty")
        await drop(desk, six_songs)
        await desk.picture("uploading")
        await desk.until("document.querySelectorAll('#songs [data-song-id]').length === 6", 120_000)
        await desk.picture("home-with-songs")

        await desk.page.keyboard.press("/")
        await desk.page.keyboard.type("aguas", delay=30)
        await desk.page.wait_for_selector(".suggestion:first-child:has-text('Águas de Março')")
        await desk.picture("suggestions")
        await desk.page.keyboard.press("ArrowDown")
        await desk.page.keyboard.press("Enter")
        await desk.until(
            "tutti.store.player.item?.title === 'Águas de Março' && tutti.store.player.isPlaying"
        )
        await desk.until(f"{SOUNDING} > 0.5")
        assert 0.7 < await desk.ask(SPEED) < 1.5

        await sign_in(phone)
        await phone.until("document.querySelector('.bar [data-part=title]').textContent === 'Águas de Março'")
        assert await phone.ask("tutti.output.role") == "silent"
        assert await phone.ask("tutti.store.now.isPlaying")
        await phone.picture("phone-home")
        await phone.page.tap(".bar-song")
        await phone.picture("phone-stage")
        await phone.page.tap(".stage [data-do=toggle]")
        await desk.until("!tutti.store.player.isPlaying && tutti.output.deck.audio.paused")
        await phone.until("!tutti.store.player.isPlaying")
        deadline = monotonic() + 10
        while (there := await desk.ask(STANDS)) != (here := await phone.ask(STANDS)):
            assert monotonic() < deadline, (there, here)
        await desk.until(f"Math.abs(tutti.output.deck.audio.currentTime * 1000 - {there[1]}) < 150")

        await phone.page.tap(".stage [data-do=toggle]")
        await desk.until("!tutti.output.deck.audio.paused")


async def test_music_goes_on_while_one_browses(
    browsers: Browsers, server: Server, worker: Worker, setup_code: str, six_songs: list[Path]
) -> None:
    async with browsers.visit(server) as desk:
        await set_up(desk, setup_code)
        await drop(desk, [lengthened(song) for song in six_songs[:3]])
        await desk.until("document.querySelectorAll('#songs [data-song-id]').length === 3", 120_000)
        await desk.page.click("#songs .item-main")
        await desk.until(f"{SOUNDING} > 0.2")
        await desk.ask(WATCH_FOR_GAPS)
        for path, name in [
            ("/songs", "songs"),
            ("/search", "search"),
            ("/history", "history"),
            ("/settings/security", "security"),
        ]:
            await desk.page.click(f".side a[href='{path}']")
            await desk.page.wait_for_url(f"{desk.url}{path}")
            await desk.picture(name)
        await desk.page.click(".side a[href='/songs']")
        await desk.page.wait_for_url(f"{desk.url}/songs")
        await desk.page.click("a[href='/albums']")
        await desk.page.wait_for_selector(".tile")
        await desk.picture("albums")
        await desk.page.click(".tile")
        await desk.page.wait_for_selector(".head")
        await desk.picture("album")
        await desk.page.click(".head a[href^='/artists/']")
        await desk.page.wait_for_url("**/artists/*")
        await desk.picture("artist")
        await desk.page.go_back()
        await desk.page.wait_for_url("**/albums/*")
        await desk.page.wait_for_selector(".head")
        assert await desk.ask("globalThis.mark === tutti.output.deck.audio && !mark.paused")
        assert await desk.ask("mark.gaps") == 0


async def test_a_signed_out_device_goes_silent(
    browsers: Browsers, server: Server, worker: Worker, setup_code: str, six_songs: list[Path]
) -> None:
    async with browsers.visit(server) as desk, browsers.visit(server, PHONE) as phone:
        await set_up(desk, setup_code)
        await drop(desk, six_songs[:1])
        await desk.until("document.querySelectorAll('#songs [data-song-id]').length === 1", 120_000)
        await desk.page.click("#songs .item-main")
        await desk.until(f"{SOUNDING} > 0.2")
        await sign_in(phone)
        await phone.page.goto(f"{phone.url}/settings/security")
        await phone.picture("phone-security")
        await phone.page.tap(".item form button:has-text('Sign out')")
        await desk.page.wait_for_url(f"{desk.url}/login**")
        await desk.page.wait_for_selector("text=This device was signed out")
        await desk.picture("signed-out")


async def test_signing_out_oneself_says_so_and_goes_no_further(
    browsers: Browsers, server: Server, admin: Person
) -> None:
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/settings/security")
        await desk.until_up()
        await desk.page.click("form[action='/logout'] button")
        await desk.page.wait_for_selector("text=You are signed out.")
        await desk.page.wait_for_timeout(500)
        assert desk.page.url == f"{desk.url}/login?done=out"
