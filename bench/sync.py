"""Three pages in Chromium play one song together: how far apart do they sound?

    python -m bench.sync [seconds=60]

The first two pages are at one server; the third is at another whose wall clock is 700 ms ahead, and each way
of its socket takes up to 100 ms, at random. The song is made of numbered clicks; what each page sends to its
loudspeaker is tapped in its AudioContext, and the context's own stamps say when that leaves the device, on
the one monotonic clock of this machine. All pages have the same sound card (none, in a container), so what a
real card adds beyond what it tells is not in these figures; the delay slider of each device is there for it.

The peer, in the same run and over the same bad line, is an audio element in each page, begun by the event as
it arrives. The limit is the clock of the third page: nobody can tell from messages alone which of both ways
was the slow one, so the best of 16 exchanges under such jitter errs by 20 ms in one of twenty cases. What all
exchanges together allow errs by 8 ms after 16 of them and by 2 to 3 ms after 64.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from playwright.async_api import Browser

from bench.parts.clicks import EVERY_MS, Click, errors, shift, spreads, write_song
from bench.parts.home import AHEAD_MS, JITTER_MS, Home, home
from bench.parts.jitter import jittery
from bench.parts.pages import Listener, all_heard, chromium, open_page
from bench.parts.stage import Stage, percentile, stage, table
from bench.parts.verdicts import at_least, at_most, exit_code, judged
from bench.peers.plain_party import plain_party

TOGETHER_MS = 15
SPREAD = at_most("three pages in a party, spread p95", TOGETHER_MS, "ms")
HEARD = at_least("clicks that all three sounded, of those there were", 0.95)
FIRST = at_most("late joiner, wish → first sound, worst", 3000, "ms")
LATE_ROUNDS = 3
LATE_S = 8
HANDOFFS = 4
PEER_STARTS = 6


class Late(NamedTuple):
    """How one late joiner did."""

    first_sound_ms: float
    """From the wish to the first click it sounded."""
    first_error_ms: float
    together_ms: float
    """From the wish until every click was within 15 ms of the others."""


class Figures(NamedTuple):
    """All that was measured of ours."""

    apart: list[float]
    expected: int
    late: list[Late]
    gaps: list[float]
    gaps_on_bad_line: list[float]
    told: list[float]
    """What the pages themselves said the handoffs took."""


async def measure(home: Home, song_id: UUID, seconds: int) -> Figures:
    """One after the other: late joiners, the minute, handoffs."""
    first, second = await home.page(), await home.page()
    await first.wish("player.play", songId=str(song_id), deviceId=await first.device_id)
    await join(first, second)
    await asyncio.gather(first.ask("() => listenToParty()"), second.ask("() => listenToParty()"))
    late, third = [], None
    for _ in range(LATE_ROUNDS):
        if third is not None:
            await first.wish("output.remove", deviceId=await third.device_id)
            await third.context.close()
        await first.wish("player.seek", positionMs=0)
        third = await home.page(far=True)
        late.append(await late_joiner(first, third))
    assert third is not None
    pages = (first, second, third)
    apart = await together(pages, seconds)
    for page in pages:
        await page.ask("() => listenToElements('decks', tutti.output.deck.audio, tutti.output.spare.audio)")
    await first.wish("player.seek", positionMs=0)
    await first.wish("player.transfer", deviceId=await first.device_id)
    await first.until("tutti.output.role === 'solo' && tutti.output.deck.isMoving")
    near = [await hand_over(*pair) for pair in turns(first, second)]
    far = [await hand_over(*pair) for pair in turns(first, third)]
    told = [said for _gap, said in near + far]
    gaps, far_gaps = ([gap for gap, _said in some] for some in (near, far))
    return Figures(apart, seconds * 1000 // EVERY_MS, late, gaps, far_gaps, told)


async def join(host: Listener, guest: Listener) -> None:
    """Let one more device play along; until it sounds."""
    await host.wish("output.add", deviceId=await guest.device_id)
    for page in (host, guest):
        await page.until("tutti.output.role === 'party' && tutti.output.party.isSounding")


async def late_joiner(host: Listener, late: Listener) -> Late:
    """A page that was opened just now plays along with music that plays already."""
    listening = asyncio.create_task(late.ask("() => listenToParty()"))
    await host.heard("party")
    wished: float = await host.ask("() => performance.timeOrigin + performance.now()")
    await join(host, late)
    await listening
    await asyncio.sleep(LATE_S)
    others, own = await all_heard([host, late], "party")
    found = errors(own, others)
    astray = [at for at, error in found if abs(error) > TOGETHER_MS]
    good = [at for at, _error in found if at > max(astray, default=0)]
    return Late(found[0][0] - wished, found[0][1], (good[0] if good else float("nan")) - wished)


async def together(pages: Sequence[Listener], seconds: int) -> list[float]:
    """From a common start on, so many seconds: how far apart each click was."""
    host = pages[0]
    await host.wish("player.pause")
    await host.wish("player.seek", positionMs=0)
    for page in pages:
        await page.until("!tutti.output.party.isSounding")
    await asyncio.sleep(1)
    await all_heard(pages, "party")
    await host.wish("player.play")
    heard: list[list[Click]] = [[] for _page in pages]
    for page in pages:
        await page.until("tutti.output.party.isSounding")
    began = monotonic()
    while (left := began + seconds - monotonic()) > 0:
        await asyncio.sleep(min(5, left))
        for known, fresh in zip(heard, await all_heard(pages, "party"), strict=True):
            known.extend(fresh)
    return spreads(heard)


def turns(one: Listener, other: Listener) -> list[tuple[Listener, Listener]]:
    """There and back, so often."""
    return [(one, other), (other, one)] * (HANDOFFS // 2)


async def hand_over(old: Listener, new: Listener) -> tuple[float, float]:
    """Move the music; by how much the song was moved, and what the page says."""
    await asyncio.sleep(2)
    await all_heard([old, new], "decks")
    await asyncio.sleep(2)
    await new.ask(
        """() => tutti.output.addEventListener("handedOver", (event) => (globalThis.told = event.detail))"""
    )
    await new.wish("player.transfer", deviceId=await new.device_id)
    await new.until("tutti.output.role === 'solo' && tutti.output.deck.isMoving")
    await old.until("tutti.output.role === 'silent'")
    await asyncio.sleep(2)
    before, after = await all_heard([old, new], "decks")
    return shift(before[-6:], after[:6]), await new.ask("() => globalThis.told")


async def peer(browser: Browser, song: Path, seconds: int) -> list[float]:
    """The same three pages with plain audio elements, begun anew every sixth of the time."""
    async with plain_party(song) as (party, port), jittery(port, JITTER_MS) as (_line, far_port):
        pages = [await open_page(browser, f"http://127.0.0.1:{one}/") for one in (port, port, far_port)]
        for page in pages:
            await page.ask("() => listenToElements('plain', audio)")
            await page.until("globalThis.isUp && audio.readyState === 4")
        apart: list[float] = []
        for _ in range(PEER_STARTS):
            await party.play(1)
            await asyncio.sleep(seconds / PEER_STARTS)
            heard = await all_heard(pages, "plain")
            apart += spreads([clicks[2:] for clicks in heard])
        return apart


async def run(on: Stage, seconds: int) -> tuple[Figures, list[float]]:
    """Ours, then the peer."""
    song = on.folder / "clicks.wav"
    write_song(song, seconds + 60)
    async with chromium() as browser:
        async with home(on, song, browser) as (ours, song_id):
            figures = await measure(ours, song_id, seconds)
        for context in browser.contexts:
            await context.close()
        return figures, await peer(browser, song, seconds)


def main() -> int:
    """Measure, print, judge."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    before = os.getloadavg()[0]
    with stage() as on:
        figures, plain = asyncio.run(run(on, seconds))
    load = f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    ours, theirs = (percentile(apart, 0.95) for apart in (figures.apart, plain))
    table(
        f"three pages, {seconds} s: one at a server {AHEAD_MS} ms ahead, {JITTER_MS} ms jitter, {load}",
        [
            ("", "clicks heard by all", "spread p50 ms", "p95 ms", "worst ms", "ratio at p95"),
            ("Tutti", f"{len(figures.apart)} of {figures.expected}", *_three(figures.apart), theirs / ours),
            ("audio elements begun by the event", len(plain), *_three(plain), 1.0),
        ],
    )
    party = judged((SPREAD, ours), (HEARD, len(figures.apart) / figures.expected))
    table(
        f"a device that joins late over the bad line, {LATE_ROUNDS} times",
        [
            ("", "median ms", "worst ms"),
            ("wish → first sound", *_middle_and_worst([one.first_sound_ms for one in figures.late])),
            ("error of its first click", *_middle_and_worst([one.first_error_ms for one in figures.late])),
            ("wish → within 15 ms for good", *_middle_and_worst([one.together_ms for one in figures.late])),
        ],
    )
    joining = judged((FIRST, max(one.first_sound_ms for one in figures.late)))
    table(
        f"the music moves to another device, {HANDOFFS} times each: by how much the song was moved",
        [
            ("", "median ms", "worst ms"),
            ("between two near pages", *_middle_and_worst(figures.gaps)),
            ("to and from the page on the bad line", *_middle_and_worst(figures.gaps_on_bad_line)),
            ("as the pages told", *_middle_and_worst(figures.told)),
        ],
    )
    return exit_code(party, joining)


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    return percentile(values, 0.5), percentile(values, 0.95), max(values, default=float("nan"))


def _middle_and_worst(values: Sequence[float]) -> tuple[float, float]:
    sizes = [abs(value) for value in values]
    return median(sizes), max(sizes)


if __name__ == "__main__":
    sys.exit(main())
