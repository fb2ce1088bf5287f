"""From `init` to "ready, found and playable" for a file of 10 MB; the limit beside it is the machine's own:
writing the same bytes with fsync and hashing them.

    python -m bench.first_sound [rounds=8]
"""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from bench.command import Line, connect
from bench.parts.stage import percentile, stage, table
from bench.parts.verdicts import at_most, exit_code, judged
from tutti.audio import ffmpeg_path

# A second is what people wait without their thoughts wandering: half of it, and never more than it.
P50 = at_most("init → ready, found and playable, p50", 500, "ms")
WORST = at_most("init → ready, found and playable, worst", 1000, "ms")
SIZE = 10_000_000
PARALLEL = 3
MAKE = ("-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=57:sample_rate=44100", "-ac", "2")


def make_song(path: Path, number: int) -> bytes:
    """A WAV of about 10 MB, different in each round, with a title of its own."""
    wave = [*MAKE, "-metadata", f"title=Rauschen Nummer {number}", str(path)]
    subprocess.run([ffmpeg_path(), *wave], check=True)
    content = bytearray(path.read_bytes())
    content[-8:] = number.to_bytes(8, "big")
    return bytes(content)


async def one(http: aiohttp.ClientSession, base: str, line: Line, content: bytes, number: int) -> float:
    """Upload, hear that it is ready, find it, ask for its first bytes; answers milliseconds."""
    begin = time.perf_counter()
    wish = {"fileName": f"{number}.wav", "fileSize": len(content), "mimeType": "audio/wav"}
    async with http.post(f"{base}/upload/init", json=wish) as response:
        begun = await response.json()
    size, upload_id = begun["chunkSize"], begun["uploadId"]
    gate = asyncio.Semaphore(PARALLEL)

    async def chunk(index: int) -> None:
        part = content[index * size : (index + 1) * size]
        async with gate, http.post(f"{base}/upload/chunk/{upload_id}/{index}", data=part) as response:
            response.raise_for_status()

    await asyncio.gather(*(chunk(index) for index in range(begun["totalChunks"])))
    async with http.post(f"{base}/upload/complete/{upload_id}", json={}) as response:
        response.raise_for_status()
    ready = await line.hear("upload.progress", lambda params: params["stage"] in ("ready", "failed"))
    async with http.get(f"{base}/search", params={"q": f"Rauschen Nummer {number}"}) as response:
        found = await response.json()
    if ready["songId"] not in [item["id"] for item in found["items"]]:
        raise RuntimeError(f"not found: {ready} {found}")
    async with http.get(
        f"{base}/songs/{ready['songId']}/stream", headers={"Range": "bytes=0-65535"}
    ) as response:
        await response.read()
        response.raise_for_status()
    return (time.perf_counter() - begin) * 1000


def limit(folder: Path, content: bytes) -> float:
    """What the machine itself needs to write these bytes durably and hash them, milliseconds."""
    begin = time.perf_counter()
    with (folder / "limit").open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    hashlib.sha256((folder / "limit").read_bytes()).digest()
    return (time.perf_counter() - begin) * 1000


async def measure(port: int, bearer: str, contents: list[bytes]) -> list[float]:
    """Every round's milliseconds."""
    headers = {"Authorization": f"Bearer {bearer}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        line = await connect(http, port, bearer)
        base = f"http://127.0.0.1:{port}/api/v1"
        return [await one(http, base, line, content, number) for number, content in enumerate(contents)]


def main() -> int:
    """Measure, print, judge."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    with stage() as on:
        on.process("-m", "workers.relay")
        on.process("-m", "workers")
        _process, port = on.server()
        (bearer,) = on.bearers(1)
        contents = [make_song(on.folder / "song.wav", number) for number in range(rounds)]
        limits = [limit(on.folder, content) for content in contents]
        took = asyncio.run(measure(port, bearer, contents))[1:]
    table(
        f"first sound: {len(contents[0]) / 1e6:.1f} MB, init → ready, found and playable, {len(took)} rounds",
        [
            ("", "p50 ms", "worst ms", "ratio to the limit"),
            ("Tutti", percentile(took, 0.5), max(took), percentile(took, 0.5) / percentile(limits, 0.5)),
            ("write + fsync + hash", percentile(limits, 0.5), max(limits), 1.0),
        ],
    )
    return exit_code(judged((P50, percentile(took, 0.5)), (WORST, max(took))))


if __name__ == "__main__":
    sys.exit(main())
