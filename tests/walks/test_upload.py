"""Walk (b): the browser uploads chunks, the song is playable and searchable."""

import hashlib

import aiohttp

from tests.audio_files import AudioFile
from tests.running import Server, Worker
from tutti.context import Person

CHUNK = 262_144


async def upload(client: aiohttp.ClientSession, name: str, content: bytes, *, chunk_size: int = CHUNK) -> str:
    """Send a file in chunks, the last one first; answers the upload's id."""
    wish = {
        "fileName": name,
        "fileSize": len(content),
        "mimeType": "application/octet-stream",
        "chunkSize": chunk_size,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    async with client.post("upload/init", json=wish) as response:
        assert response.status == 201, await response.text()
        begun = await response.json()
    size = begun["chunkSize"]
    for index in reversed(range(begun["totalChunks"])):
        body = content[index * size : (index + 1) * size]
        async with client.post(f"upload/chunk/{begun['uploadId']}/{index}", data=body) as response:
            assert response.status == 200, await response.text()
    async with client.post(f"upload/complete/{begun['uploadId']}", json={}) as response:
        assert response.status == 202, await response.text()
    upload_id: str = begun["uploadId"]
    return upload_id


async def test_an_uploaded_song_is_heard_of_found_and_played(
    servers: tuple[Server, Server], worker: Worker, someone: Person, audio_file: AudioFile
) -> None:
    one, other = servers
    file = audio_file("mp3", 20, {"title": "Widmung", "artist": "Robert Schumann", "album": "Myrthen"})
    content = file.read_bytes()
    async with (
        other.phone(someone) as browser,
        one.client(someone) as client,
        other.client(someone) as reader,
    ):
        upload_id = await upload(client, file.name, content)
        ready = await browser.hear("upload.progress", within_s=60, uploadId=upload_id, stage="ready")
        async with reader.get("search", params={"q": "widmung"}) as response:
            found = await response.json()
        assert [item["id"] for item in found["items"] if item["type"] == "song"] == [ready["songId"]]
        async with reader.get("search/suggestions", params={"q": "widmnug"}) as response:
            assert "Widmung" in await response.text()
        async with reader.get(f"songs/{ready['songId']}/stream", headers={"Range": "bytes=0-99"}) as response:
            assert response.status == 206
            assert await response.read() == content[:100]
        played = await browser.ask("player.play", songId=ready["songId"])
        assert played["item"]["title"] == "Widmung"
        assert played["item"]["artist"] == "Robert Schumann"
