"""PostgreSQL goes away and comes back under servers that stay: the music goes on, commands are refused."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.browser.conftest import PHONE, AddSong, Browsers, Visitor
from tests.browser.test_away import ENOUGH_PER_S, breaks, on_time, sounding, stands_where_it_is_told
from tests.chaos.conftest import for_all_of
from tests.chaos.proxy import proxy_of
from tests.chaos.test_postgres import through
from tests.folders import passable_folder
from tests.running import Phone, Refused, changed, migrated, server_process
from tutti.context import Floor, Person
from tutti.embedded import Postgres
from tutti.settings import Settings

pytestmark = pytest.mark.browser
OUTAGE_S = 13
"""Longer than the ten seconds after which outputs that are not heard count as silent."""
REFUSAL = "The database is not answering"
IS_TOLD = (
    "!document.getElementById('offline').hidden && "
    "document.getElementById('offline').textContent.includes('A part of the server is away')"
)
HAS_JUST_REPORTED = "performance.now() - tutti.output.reportedAt < 300"


@pytest.fixture(scope="module")
def postgres_part() -> Iterator[Postgres]:
    """One of our own, which is killed: other tests keep theirs."""
    with passable_folder() as folder, Postgres(folder / "postgres", fsync=False) as part:
        yield part


@pytest.fixture(scope="module")
def database_url(postgres_part: Postgres) -> str:
    """One database for all: each test has people of its own in it."""
    return migrated(postgres_part.url)


@pytest.fixture(autouse=True)
def whole_again(postgres_part: Postgres) -> Iterator[None]:
    """However a test ended, the next one finds PostgreSQL well."""
    yield
    if not postgres_part.running:
        postgres_part.start()


@pytest.fixture(autouse=True)
async def song(admin: Person, add_song: AddSong) -> None:
    """One that is longer than any outage here."""
    await add_song(admin, "Der Wegweiser", seconds=120)


async def change_volume(remote: Phone, volume: float) -> dict[str, Any]:
    """Somebody else, who tries until he is heard; answers the state that he is shown."""
    while True:
        try:
            state: dict[str, Any] = await remote.ask("player.change", volume=volume)
        except Refused:
            await asyncio.sleep(0.04)
        else:
            return state


async def press_in_vain(visitor: Visitor) -> None:
    """A command that cannot be carried out says so, and what was pressed can be pressed again."""
    await visitor.page.tap(".bar [data-do=toggle]")
    await visitor.until(f"document.querySelector('.toast')?.textContent.includes('{REFUSAL}')", 30_000)
    assert await visitor.ask("tutti.store.now.isPlaying")


async def open_in_vain(visitor: Visitor) -> None:
    """A page that cannot be had leaves the one that is there, with its music, and says so."""
    await visitor.page.click(".nav-link[href='/songs']")
    await visitor.until("document.querySelector('.toast')?.textContent.includes('A part of the server')")
    assert await visitor.ask("location.pathname === '/' && watched.length > 0")


async def test_music_plays_through_an_outage_of_postgresql_and_the_first_command_after_it(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, postgres_part: Postgres
) -> None:
    with server_process(settings, floor) as (server, process):
        async with (
            browsers.visit(server, person=admin) as desk,
            browsers.visit(server, PHONE, admin) as phone,
            server.phone(admin) as remote,
        ):
            await sounding(desk)
            await phone.open("/")
            await phone.until_up()
            second = await desk.another_window("/songs")
            await desk.until("tutti.store.player?.isPlaying", page=second)
            for visitor in (desk, phone):
                await visitor.ask(
                    "() => tutti.line.addEventListener('down', () => (globalThis.wasDown = true))"
                )
            # Who is not heard for long is cut off, and during the outage he says nothing.
            await remote.ask("player.get")
            for_all_of(postgres_part.pid, signal.SIGKILL)
            for visitor in (desk, phone):
                await visitor.until(IS_TOLD, 30_000)
            await desk.picture("part-away")
            await press_in_vain(phone)
            await open_in_vain(desk)
            await asyncio.sleep(OUTAGE_S)
            # So that its next word, which would settle it, is late.
            await desk.until(HAS_JUST_REPORTED, 30_000)
            postgres_part.start()
            assert (await change_volume(remote, 0.9))["volume"] == 0.9
            for visitor in (desk, phone):
                await visitor.until("document.getElementById('offline').hidden", 30_000)
                await visitor.until(
                    "tutti.store.player.volume === 0.9 && tutti.store.player.isPlaying", 30_000
                )
            await desk.page.wait_for_timeout(3000)
            watched = await desk.ask("watched")
            assert len(on_time(watched)) > OUTAGE_S * ENOUGH_PER_S
            assert breaks(watched) == []
            for page in (desk.page, second):
                assert await page.evaluate("tutti.store.now.isPlaying")
                assert not await page.query_selector(".toast")
            state = await remote.ask("player.get")
            assert state["isPlaying"]
            assert state["notice"] is None
            await stands_where_it_is_told(phone, desk)
            assert process.is_running
            for visitor in (desk, phone):
                assert not await visitor.ask("globalThis.wasDown")
                visitor.forgive_the_outage()


async def test_a_page_that_cannot_be_heard_does_not_obey_who_says_it_was_not(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, postgres_part: Postgres
) -> None:
    """Its server has lost the way to PostgreSQL, another one has not: that one takes the output for lost."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxy_of(postgres_part.sockets / ".s.PGSQL.5432"))
        cut_off = changed(settings, database_url=through(settings.database_url, proxy.port))
        server, _ = stack.enter_context(server_process(cut_off, floor))
        other, _ = stack.enter_context(server_process(settings, floor))
        desk = await stack.enter_async_context(browsers.visit(server, person=admin))
        remote = await stack.enter_async_context(other.phone(admin))
        await sounding(desk)
        await remote.hear("player.state", within_s=30, isPlaying=True)
        proxy.refuses = True
        proxy.cut()
        await desk.until(IS_TOLD, 30_000)
        while (await remote.hear("player.state", within_s=40))["notice"] is None:
            pass
        await asyncio.sleep(3)
        assert await desk.ask("tutti.store.now.isPlaying && !tutti.store.player.notice")
        proxy.refuses = False
        taken_back = await remote.hear("player.state", within_s=30, isPlaying=True)
        assert taken_back["notice"] is None
        await desk.until("document.getElementById('offline').hidden", 30_000)
        await desk.until(f"tutti.store.player.version >= {taken_back['version']}")
        watched = await desk.ask("watched")
        assert len(on_time(watched)) > OUTAGE_S * ENOUGH_PER_S
        assert breaks(watched) == []
        assert not await desk.page.query_selector(".toast")
        desk.forgive_the_outage()
