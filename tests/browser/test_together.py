"""Two devices of a person, one of them on a bad line: what leaves their loudspeakers is compared."""

import asyncio
from pathlib import Path
from statistics import median
from time import monotonic
from urllib.parse import urlsplit

import pytest

from bench.parts.clicks import Click, clicks_in, spreads, write_song
from bench.parts.home import add_song
from bench.parts.jitter import jittery
from bench.parts.pages import EAR
from tests.browser.conftest import DESK, Browsers, Visitor
from tests.browser.test_devices import DIARY, stood_still
from tests.running import Server
from tutti.context import Floor, Person

pytestmark = pytest.mark.browser
JITTER_MS = 60
TAPPED = DESK | {"bypass_csp": True}
IN_PARTY = "tutti.output.role === 'party' && tutti.output.party.isSounding"


async def heard(visitor: Visitor) -> list[Click]:
    taken = await visitor.ask("() => heard('party')")
    return clicks_in(taken["pulses"], taken["stamps"])


async def spread_over(seconds: float, *visitors: Visitor) -> list[float]:
    """How far apart each click left the devices, ms."""
    for visitor in visitors:
        await heard(visitor)
    await asyncio.sleep(seconds)
    return spreads([await heard(visitor) for visitor in visitors])


async def sound_together(seconds: float, *visitors: Visitor) -> None:
    """Most clicks of so many seconds leave them as one; of later ones where the machine stood still."""
    deadline = monotonic() + 4 * seconds
    while len(apart := await spread_over(seconds, *visitors)) < 2 * seconds or median(apart) >= 40:
        assert await stood_still(*visitors), apart
        assert monotonic() < deadline, apart


async def test_two_devices_sound_together_over_a_bad_line(
    browsers: Browsers, server: Server, floor: Floor, admin: Person, tmp_path: Path
) -> None:
    file = tmp_path / "clicks.wav"
    await asyncio.to_thread(write_song, file, 120)
    song_id = await add_song(floor, admin, file, await asyncio.to_thread(file.read_bytes))
    port = urlsplit(server.url).port or 0
    async with (
        jittery(port, JITTER_MS) as (line, far_port),
        browsers.visit(server, TAPPED, admin) as desk,
        browsers.visit(Server(f"http://127.0.0.1:{far_port}", floor), TAPPED, admin) as far,
    ):
        for visitor in (desk, far):
            await visitor.context.add_init_script(EAR)
            await visitor.open("/")
            await visitor.until_up()
        own, other = await desk.ask("() => tutti.deviceId"), await far.ask("() => tutti.deviceId")
        await desk.ask(f"() => tutti.wish('player.play', {{songId: '{song_id}', deviceId: '{own}'}})")
        await desk.ask(f"() => tutti.wish('output.add', {{deviceId: '{other}'}})")
        for visitor in (desk, far):
            await visitor.until(IN_PARTY, 30_000)
            await visitor.ask(DIARY)
            await visitor.ask("() => listenToParty()")
        assert line.delayed > 10
        await sound_together(5, desk, far)

        await far.ask("() => tutti.wish('player.seek', {positionMs: 2000})")
        await asyncio.sleep(2)
        await sound_together(4, desk, far)
