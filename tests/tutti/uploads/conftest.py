"""Somebody who uploads as the byte route does, without HTTP, and a worker in this process."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.audio_files import AudioFile
from tests.conftest import ContextOf
from tutti import identity, library, search, uploads
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.event import unpacked
from tutti.job import collect_jobs
from tutti.uploads import UploadState, receiving
from tutti.uploads.model import ChunkAnswer
from workers.running import Runner

CHUNK = 262_144
JOBS = collect_jobs((identity, search, library, uploads))


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 50_000):
        yield content[start : start + 50_000]


class Uploader:
    """One person who uploads."""

    def __init__(self, context_of: ContextOf, person: Person) -> None:
        self.person = person
        self._context_of = context_of

    @property
    def ctx(self) -> Context:
        return self._context_of(self.person)

    async def begin(self, content: bytes, **wishes: Any) -> UploadState:
        given = {
            "file_name": "song.mp3",
            "file_size": len(content),
            "mime_type": "audio/mpeg",
            "chunk_size": CHUNK,
        }
        return await perform(self.ctx, uploads.init, **(given | wishes))

    async def send(self, upload: UploadState, index: int, content: bytes) -> ChunkAnswer:
        """One chunk, as server/uploads.py does it."""
        body = content[index * upload.chunk_size : (index + 1) * upload.chunk_size]
        ctx = self.ctx
        expected = await perform(
            ctx, receiving.expect_chunk, upload_id=upload.upload_id, index=index, announced=len(body)
        )
        written = await ctx.storage.write_at(expected.key, expected.offset, pieces(body), expected.length)
        return await perform(ctx, receiving.chunk_arrived, expected=expected, sha256=written.sha256)

    async def send_all(self, content: bytes, **wishes: Any) -> UploadState:
        upload = await self.begin(content, **wishes)
        for index in reversed(range(upload.total_chunks)):
            await self.send(upload, index, content)
        return await self.get(upload.upload_id)

    async def complete(self, upload_id: UUID) -> UploadState:
        return await perform(self.ctx, uploads.complete, upload_id=upload_id)

    async def get(self, upload_id: UUID) -> UploadState:
        return await perform(self.ctx, uploads.get, upload_id=upload_id)


@pytest.fixture
def uploader(context_of: ContextOf, someone: Person) -> Uploader:
    return Uploader(context_of, someone)


@pytest.fixture
def somebody_else(context_of: ContextOf, someone_else: Person) -> Uploader:
    return Uploader(context_of, someone_else)


class Hands:
    """Does the jobs that wait, in this process."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.runner = Runner(floor, JOBS)

    async def waiting(self, name: str) -> list[UUID]:
        async with self.floor.pool.connection() as connection:
            found = await connection.fetch("select id from jobs where name = $1 and state = 'queued'", name)
        return [row["id"] for row in found]

    async def do(self, name: str = "uploads.ingest") -> None:
        for job_id in await self.waiting(name):
            await self.runner.run(job_id)


@pytest.fixture
def hands(floor: Floor) -> Hands:
    return Hands(floor)


def stored_files(floor: Floor) -> dict[str, str]:
    """Every stored file with the SHA-256 of its content."""
    root = Path(floor.settings.data) / "media"
    found = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found
    }


@pytest.fixture(scope="session")
def song_bytes(audio_file: AudioFile) -> bytes:
    """An MP3 of several small chunks."""
    tags = {"title": "Widmung", "artist": "Robert Schumann", "album": "Myrthen", "track": "1"}
    return audio_file("mp3", 40.0, tags, extra=("-b:a", "128k")).read_bytes()


@pytest.fixture
def heard(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Everything that is published from now on: (topic, JSON-RPC message)."""
    published: list[tuple[str, dict[str, Any]]] = []

    def publish(topic: str, message: bytes) -> None:
        published.extend((topic, json.loads(each.text)) for each in unpacked(topic, message))

    monkeypatch.setattr(floor.publisher, "publish", publish)
    return published
