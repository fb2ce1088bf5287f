"""Uploads that meet trouble: a broken line, a closed window, a file that is no music."""

from pathlib import Path

import pytest
from playwright.async_api import Page, Route

from tests.audio_files import make_audio
from tests.browser.conftest import PHONE, Browsers
from tests.running import Server, Worker
from tutti.context import Person

pytestmark = pytest.mark.browser


async def choose(page: Page, files: list[Path]) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.click("[data-act=choose]")
    await (await chooser.value).set_files(files)


async def test_a_closed_window_goes_on_where_it_stopped(
    browsers: Browsers, server: Server, worker: Worker, admin: Person, tmp_path: Path
) -> None:
    file = tmp_path / "long.wav"
    make_audio(file, "wav", 110, {"title": "Winterstürme"})
    async with browsers.visit(server, person=admin) as desk:
        sent: list[str] = []

        async def break_the_last(route: Route) -> None:
            sent.append(route.request.url)
            await (route.abort() if route.request.url.endswith("/2") else route.continue_())

        await desk.open("/")
        await desk.until_up()
        await desk.context.route("**/api/v1/upload/chunk/**", break_the_last)
        async with (
            desk.page.expect_response("**/upload/chunk/*/0", timeout=60_000),
            desk.page.expect_response("**/upload/chunk/*/1", timeout=60_000),
        ):
            await choose(desk.page, [file])
        desk.page.on("dialog", lambda dialog: dialog.accept())
        await desk.open("/")
        await desk.until_up()
        # Not before the old page is gone: it tries again by itself.
        await desk.context.unroute("**/api/v1/upload/chunk/**")
        again: list[str] = []
        desk.page.on("request", lambda request: again.append(f"{request.method} {request.url}"))
        await choose(desk.page, [file])
        await desk.until("document.querySelectorAll('#songs [data-song-id]').length === 1", 120_000)
        chunks = [url.rsplit("/", 1)[1] for url in again if "/upload/chunk/" in url]
        assert chunks == ["2"]
        assert not any(url.endswith("/upload/init") for url in again)
        desk.complaints = [text for text in desk.complaints if "ERR_FAILED" not in text]


async def test_what_is_no_music_is_said_in_a_sentence(
    browsers: Browsers, server: Server, worker: Worker, admin: Person, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("Dear Clara, this is no music at all. " * 100)
    note = tmp_path / "note.txt"
    note.write_text("nor is this")
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        await desk.until_up()
        await desk.ask(
            "globalThis.errors = [], document.querySelector('upload-manager')"
            ".addEventListener('error', (event) => errors.push(event.detail)), 0"
        )
        await choose(desk.page, [note])
        await desk.page.wait_for_selector(".toast.is-bad")
        await choose(desk.page, [letter])
        await desk.page.wait_for_selector(".upload .error", timeout=120_000)
        await desk.picture("upload-failed")
        assert len(await desk.ask("errors")) == 2
        told = await desk.page.text_content(".upload .error")
        assert told is not None
        assert len(told.split()) > 3
        assert await desk.page.locator(".upload button").all_text_contents() == ["Remove"]
        await desk.page.click(".upload button")
        await desk.until("document.querySelector('.uploads').hidden")


async def test_the_panel_folds_when_all_is_over_and_tells_what_was_added(
    browsers: Browsers, server: Server, worker: Worker, admin: Person, tmp_path: Path
) -> None:
    song, letter = tmp_path / "song.mp3", tmp_path / "letter.mp3"
    make_audio(song, "mp3", 5, {"title": "Auf dem Flusse"})
    letter.write_text("Dear Clara, this is no music at all. " * 100)
    async with browsers.visit(server, PHONE, admin) as phone:
        await phone.open("/")
        await phone.until_up()
        await phone.page.wait_for_selector("#drop :text('Add music from this phone')")
        assert not await phone.page.locator("#drop :text('Drop music')").is_visible()
        await phone.picture("phone-add")
        await choose(phone.page, [song, letter])
        await phone.page.wait_for_selector(".uploads h3:text('1 added, 1 failed')", timeout=120_000)
        assert not await phone.page.locator(".uploads-list").is_visible()
        await phone.picture("phone-uploads-folded")
        await phone.page.tap(".uploads [aria-expanded]")
        await phone.page.wait_for_selector(".upload .error")
        await phone.picture("phone-uploads-open")
