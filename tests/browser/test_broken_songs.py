"""Songs whose bytes do not come, or are not what they should be: the music goes on."""

import asyncio
from pathlib import Path

import pytest

from tests.browser.conftest import DESK, AddSong, Browsers, Visitor
from tests.browser.test_away import out_of_reach
from tests.running import Server, server_process
from tutti.context import Floor, Person
from tutti.settings import Settings

pytestmark = pytest.mark.browser
IN_PARTY = "tutti.output.role === 'party' && tutti.output.party.isSounding"
QUICKLY_S = 3
"""A page needs a tenth of a second for a broken song; tests run on busy machines."""


def damage(settings: Settings, *which: int) -> None:
    """What the disk holds of these songs (by order of adding) is no sound any more, and as long as ever."""
    files = [file for file in (Path(settings.data_dir) / "media").rglob("*") if file.is_file()]
    files.sort(key=lambda file: file.stat().st_mtime_ns)
    for number in which:
        files[number].write_bytes(b"\x13" * files[number].stat().st_size)


def sounds(title: str) -> str:
    return f"tutti.store.now.item?.title === '{title}' && tutti.output.deck.isMoving && tutti.output.isHeard"


async def play_all(desk: Visitor, *song_ids: object) -> None:
    """Put these into the queue, and play the first of them here."""
    await desk.open("/")
    await desk.until_up()
    ids = [str(one) for one in song_ids]
    await desk.ask(f"() => tutti.wish('queue.add', {{songIds: {ids}, at: 'end'}})")
    await desk.ask("() => tutti.play()")


async def test_a_broken_song_is_skipped_whether_it_comes_next_or_first(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong, settings: Settings
) -> None:
    first, *songs = [
        await add_song(admin, title, seconds)
        for title, seconds in (("Auf dem Flusse", 20), ("Rückblick", 5), ("Irrlicht", 20), ("Rast", 20))
    ]
    damage(settings, 0, 2)
    async with browsers.visit(server, person=admin) as desk:
        await play_all(desk, first, *songs)
        await desk.until(sounds("Rückblick"), QUICKLY_S * 1000)
        assert "“Auf dem Flusse” cannot be played" in (await desk.page.text_content(".toast") or "")
        await desk.until("tutti.output.spare.audio.error")
        await desk.until("tutti.store.now.item?.title !== 'Rückblick'")
        await desk.until(sounds("Rast"), QUICKLY_S * 1000)
        assert await desk.ask("tutti.store.player.notice?.title") == "Irrlicht"


async def test_a_song_whose_loading_fell_into_an_outage_sounds_when_its_turn_comes(
    browsers: Browsers, settings: Settings, floor: Floor, admin: Person, add_song: AddSong
) -> None:
    songs = [await add_song(admin, title, 36) for title in ("Der greise Kopf", "Die Krähe")]
    with server_process(settings, floor) as (server, process):
        async with browsers.visit(server, person=admin) as desk:
            await play_all(desk, *songs)
            await desk.ask("() => { tutti.line.socket.random = () => 0.05; }")
            await desk.until("tutti.output.deck.positionMs > 3000")
            gone = asyncio.create_task(out_of_reach(server, process, 5))
            await desk.until("tutti.output.spare.audio.error", 15_000)
            await gone
            await desk.until("tutti.store.isUp", 30_000)
            await desk.ask("() => tutti.wish('player.seek', {positionMs: 33000})")
            await desk.until(sounds("Die Krähe"), 8000)
            assert await desk.ask("tutti.store.now.isPlaying && !tutti.store.player.notice")
            desk.forgive_the_outage()


async def test_a_song_that_was_chosen_while_its_bytes_could_not_be_had_sounds_as_soon_as_they_can(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    """The line is up all the time; only the way to the bytes is closed."""
    await add_song(admin, "Letzte Hoffnung")
    async with browsers.visit(server, person=admin) as desk:
        await desk.open("/")
        await desk.until_up()
        await desk.page.route("**/stream", lambda route: route.fulfill(status=503))
        await desk.page.click("#songs .item-main")
        await asyncio.sleep(4)
        assert await desk.ask(
            "tutti.store.now.isPlaying && !tutti.output.isHeard && !tutti.store.player.notice"
        )
        await desk.page.unroute("**/stream")
        await desk.until(sounds("Letzte Hoffnung"))
        assert await desk.ask("tutti.output.deck.positionMs < 8000")
        desk.complaints.clear()


async def test_a_party_skips_what_none_of_its_devices_can_play_and_asks_for_it_once(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong, settings: Settings
) -> None:
    songs = [
        await add_song(admin, title, seconds)
        for title, seconds in (("Im Dorfe", 14), ("Täuschung", 30), ("Der Wegweiser", 20))
    ]
    damage(settings, 1)
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, DESK, admin) as other:
        await other.open("/")
        await other.until_up()
        await play_all(desk, *songs)
        await desk.until(sounds("Im Dorfe"))
        await desk.ask(f"() => tutti.wish('output.add', {{deviceId: '{await other.ask('tutti.deviceId')}'}})")
        for visitor in (desk, other):
            await visitor.until(IN_PARTY, 20_000)
        await desk.until("tutti.store.now.item?.title !== 'Im Dorfe'", 20_000)
        for visitor in (desk, other):
            await visitor.until(f"{IN_PARTY} && tutti.store.now.item?.title === 'Der Wegweiser'", 10_000)
        assert await desk.ask("tutti.store.player.notice?.title") == "Täuschung"


async def test_a_party_does_not_ask_again_and_again_for_a_song_that_cannot_be_decoded(
    browsers: Browsers, server: Server, admin: Person, add_song: AddSong
) -> None:
    await add_song(admin, "Das Wirtshaus")
    async with browsers.visit(server, person=admin) as desk, browsers.visit(server, DESK, admin) as other:
        await other.page.add_init_script(
            "AudioContext.prototype.decodeAudioData ="
            " async () => { throw new DOMException('no', 'EncodingError') }"
        )
        await other.open("/")
        await other.until_up()
        await desk.open("/")
        await desk.until_up()
        await desk.page.click("#songs .item-main")
        await desk.until(sounds("Das Wirtshaus"))
        await desk.ask(f"() => tutti.wish('output.add', {{deviceId: '{await other.ask('tutti.deviceId')}'}})")
        await other.until("tutti.output.role === 'party' && tutti.output.deck.isMoving", 15_000)
        await other.ask(
            "() => { globalThis.asked = 0; const old = fetch; fetch = (...all) => (asked++, old(...all)); }"
        )
        await asyncio.sleep(12)
        assert await other.ask("asked") == 0
        assert await other.ask("tutti.output.deck.isMoving")
