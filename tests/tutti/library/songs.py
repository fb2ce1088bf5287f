"""Songs for tests, made as an upload makes them."""

from hashlib import sha256
from typing import Any

from tests.conftest import ContextOf
from tutti import library, search
from tutti.audio import Probe, Tags
from tutti.command import perform
from tutti.context import Floor, Person


class Shelf:
    """Adds songs for a person."""

    def __init__(self, context_of: ContextOf) -> None:
        self.context_of = context_of
        self._count = 0

    async def add(
        self, owner: Person, title: str = "", artist: str = "", *, content: bytes = b"", **more: Any
    ) -> library.Song:
        """A song of these tags; every call has other bytes unless `content` says which."""
        self._count += 1
        visibility = more.pop("visibility", "members")
        body = content or f"{owner.id}{self._count}".encode()
        tags = Tags(title=title or f"Song {self._count}", artist=artist or "Clara Schumann", **more)
        return await perform(
            self.context_of(owner),
            library.add_song,
            owner_id=owner.id,
            sha256=sha256(body).digest(),
            storage_key=f"media/{self._count}",
            size=len(body),
            probe=probe(tags),
            file_name=f"{self._count}.mp3",
            visibility=visibility,
        )


def probe(tags: Tags | None = None) -> Probe:
    """What a probe says of an MP3."""
    return Probe(
        format="mp3",
        content_type="audio/mpeg",
        suffix="mp3",
        codec="mp3",
        duration_ms=215_000,
        bitrate=192_000,
        sample_rate=44_100,
        channels=2,
        tags=tags or Tags(),
    )


async def jobs(floor: Floor, name: str) -> int:
    """How many rows there are of this job."""
    async with floor.pool.connection() as connection:
        return int(await connection.fetchval("select count(*) from jobs where name = $1", name))


async def count(floor: Floor, table: str) -> int:
    """How many rows a table has."""
    async with floor.pool.connection() as connection:
        return int(await connection.fetchval(f"select count(*) from {table}"))


async def found(context_of: ContextOf, person: Person, q: str) -> list[tuple[str, str]]:
    """What a person finds by this: type and title of each."""
    answer = await perform(context_of(person), search.find, q=q)
    return sorted((item.type, item.title) for item in answer.items)
