"""A person with a song, two servers of which one is badly off, and pages there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from playwright.async_api import Browser

from bench.parts.jitter import jittery
from bench.parts.members import add_person
from bench.parts.pages import PARTS, Listener, open_page
from bench.parts.stage import Stage
from tutti import audio, identity, library
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.floor import open_floor

AHEAD_MS = 700
JITTER_MS = 100


class Home:
    """One person with a song, two servers, and a browser."""

    def __init__(self, floor: Floor, person_id: UUID, browser: Browser, urls: tuple[str, str]) -> None:
        self._floor = floor
        self._person_id = person_id
        self._browser = browser
        self._near, self._far = urls

    async def page(self, *, far: bool = False) -> Listener:
        """One more device of the person; `far` is at the skewed server behind the bad line."""
        ctx = Context(self._floor, ip_address="127.0.0.1", user_agent="bench")
        opened = await perform(ctx, identity.open_browser_session, user_id=self._person_id)
        return await open_page(self._browser, self._far if far else self._near, opened.token)


async def a_person(floor: Floor) -> Person:
    """A member."""
    person_id = await add_person(floor, "Ann")
    audiences = ("public", "members", f"user:{person_id}")
    return Person(id=person_id, name="Ann", email=None, role="member", audiences=audiences)


async def add_song(floor: Floor, owner: Person, song: Path, content: bytes) -> UUID:
    """Put a file into a person's library, without the way of an upload."""
    digest = sha256(content)

    async def blocks() -> AsyncIterator[bytes]:
        yield content

    key = f"media/{digest.hexdigest()}"
    await floor.storage.begin(key)
    await floor.storage.write_at(key, 0, blocks(), len(content))
    added = await perform(
        Context(floor, person=owner),
        library.add_song,
        owner_id=owner.id,
        sha256=digest.digest(),
        storage_key=key,
        size=len(content),
        probe=await audio.probe(song, floor.settings),
        file_name=song.name,
    )
    return added.id


@asynccontextmanager
async def home(on: Stage, song: Path, browser: Browser) -> AsyncIterator[tuple[Home, UUID]]:
    """Two servers, the second skewed and behind the bad line, and who lives there."""
    content = song.read_bytes()  # noqa: ASYNC240  # nothing else runs yet
    _process, port = on.server()
    skewed = {"PYTHONPATH": str(PARTS / "skewed"), "CLOCK_AHEAD_MS": str(AHEAD_MS)}
    _process, skewed_port = on.server(**skewed)
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(open_floor(on.settings))
        _line, far_port = await stack.enter_async_context(jittery(skewed_port, JITTER_MS))
        person = await a_person(floor)
        song_id = await add_song(floor, person, song, content)
        urls = (f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{far_port}/")
        yield Home(floor, person.id, browser, urls), song_id
