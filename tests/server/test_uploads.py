"""The byte routes: chunks and signed links over real HTTP."""

import asyncio
import hashlib
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import pytest

from server import uploads as routes
from tests.running import Refused, Server, changed, running_server
from tutti.context import Floor, Person
from tutti.errors import StorageFull
from tutti.settings import Settings
from tutti.uploads import receiving

CHUNK = 262_144
CONTENT = os.urandom(2 * CHUNK + 500)


@pytest.fixture
async def client(server: Server, someone: Person) -> AsyncIterator[aiohttp.ClientSession]:
    async with server.client(someone) as session:
        yield session


async def begin(client: aiohttp.ClientSession, content: bytes = CONTENT, **wishes: Any) -> dict[str, Any]:
    wish = {"fileName": "a.mp3", "fileSize": len(content), "mimeType": "audio/mpeg", "chunkSize": CHUNK}
    status, answer = await ask(client, "POST", "upload/init", json=wish | wishes)
    assert status == 201, answer
    return answer


async def ask(
    client: aiohttp.ClientSession, verb: str, path: str, **given: Any
) -> tuple[int, dict[str, Any]]:
    async with client.request(verb, path, **given) as response:
        if response.status == 204:
            return 204, {}
        expected = "application/json" if response.status < 400 else "application/problem+json"
        assert response.content_type == expected
        answer: dict[str, Any] = await response.json()
        return response.status, answer


async def send(
    client: aiohttp.ClientSession, upload: dict[str, Any], index: object, body: Any, **headers: str
) -> tuple[int, dict[str, Any]]:
    path = f"upload/chunk/{upload['uploadId']}/{index}"
    return await ask(
        client, "POST", path, data=body, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


def part(index: int) -> bytes:
    return CONTENT[index * CHUNK : (index + 1) * CHUNK]


def digest_of(content: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(content).digest()).decode()}:"


def received(settings: Settings, upload: dict[str, Any]) -> bytes:
    return (Path(settings.data) / "media" / "incoming" / str(upload["uploadId"])).read_bytes()


async def test_chunks_come_in_any_order_and_lie_in_the_right_one(
    client: aiohttp.ClientSession, settings: Settings
) -> None:
    upload = await begin(client)
    answer: dict[str, Any] = {}
    for index, expected in ((2, [2]), (0, [0, 2]), (1, [0, 1, 2])):
        status, answer = await send(client, upload, index, part(index), Content_Digest=digest_of(part(index)))
        assert (status, answer["uploadedChunks"]) == (200, expected)
    assert answer["received"] == len(CONTENT)
    assert received(settings, upload) == CONTENT


async def test_chunks_sent_in_parallel_are_all_kept(
    client: aiohttp.ClientSession, settings: Settings
) -> None:
    upload = await begin(client)
    answers = await asyncio.gather(*(send(client, upload, index, part(index)) for index in range(3)))
    assert {status for status, _ in answers} == {200}
    assert received(settings, upload) == CONTENT


async def test_a_form_with_one_part_does_as_well(client: aiohttp.ClientSession, settings: Settings) -> None:
    upload = await begin(client)
    form = aiohttp.FormData()
    form.add_field("file", part(1), filename="blob", content_type="application/octet-stream")
    assert (await send(client, upload, 1, form))[0] == 200
    assert received(settings, upload)[CHUNK:] == part(1)
    two = aiohttp.FormData()
    two.add_field("file", part(0), filename="blob")
    two.add_field("more", "x")
    status, problem = await send(client, upload, 0, two)
    assert (status, problem["errors"][0]["detail"]) == (400, "A chunk's form has one part, with the bytes.")
    for body, kind in (
        (b"no form", "multipart/form-data"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=y"),
    ):
        assert (await send(client, upload, 0, body, Content_Type=kind))[0] == 400
    assert (await send(client, upload, 0, part(0)))[0] == 200


async def test_the_same_chunk_again_is_fine_and_another_one_is_not(
    client: aiohttp.ClientSession, settings: Settings
) -> None:
    upload = await begin(client)
    await send(client, upload, 0, part(0))
    assert (await send(client, upload, 0, part(0)))[0] == 200
    status, problem = await send(client, upload, 0, os.urandom(CHUNK))
    assert (status, problem["code"]) == (409, "other_bytes")
    assert received(settings, upload) == part(0)


BAD_CHUNKS = {
    "a number out of range": (3, b"x", 400, "no_such_chunk"),
    "no number": ("one", b"x", 400, "invalid"),
    "a negative number": (-1, b"x", 400, "invalid"),
    "a number with a sign": ("+1", b"x", 400, "invalid"),
    "too short": (0, CONTENT[: CHUNK - 1], 400, "wrong_length"),
    "too long": (0, CONTENT[: CHUNK + 1], 413, "chunk_too_large"),
    "empty": (0, b"", 400, "wrong_length"),
}


@pytest.mark.parametrize("bad", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
async def test_a_bad_chunk_is_refused_and_keeps_nothing(client: aiohttp.ClientSession, bad: Any) -> None:
    index, body, expected, code = bad
    upload = await begin(client)
    status, problem = await send(client, upload, index, body)
    assert (status, problem["code"]) == (expected, code)
    assert len(problem["detail"]) > 15
    assert "{" not in problem["detail"]
    assert (await ask(client, "GET", f"upload/{upload['uploadId']}"))[1]["uploadedChunks"] == []
    assert (await send(client, upload, 0, part(0)))[0] == 200


async def test_a_body_of_unknown_length_is_measured_while_it_comes(client: aiohttp.ClientSession) -> None:
    async def stream(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 10_000):
            yield content[start : start + 10_000]

    upload = await begin(client)
    for content, expected in ((part(0)[:-1], 400), (part(0) + b"x", 413), (part(0), 200)):
        assert (await send(client, upload, 0, stream(content)))[0] == expected


async def test_a_damaged_chunk_is_refused(client: aiohttp.ClientSession) -> None:
    upload = await begin(client)
    status, problem = await send(client, upload, 0, part(0), Content_Digest=digest_of(part(1)))
    assert (status, problem["code"]) == (400, "wrong_chunk_digest")
    assert (await send(client, upload, 0, part(0), Content_Digest="sha-256=:eA==:"))[0] == 400
    other = f"md5=:eA==:, {digest_of(part(0))}"
    assert (await send(client, upload, 0, part(0), Content_Digest=other))[0] == 200
    assert (await send(client, upload, 1, part(1), Content_Digest="sha-512=:eA==:"))[0] == 200


async def test_a_compressed_chunk_is_not_understood(client: aiohttp.ClientSession) -> None:
    upload = await begin(client)
    path = f"upload/chunk/{upload['uploadId']}/0"
    async with client.post(path, data=part(0), headers={"Content-Encoding": "gzip"}) as response:
        assert response.status in (400, 415)


async def test_nobody_sends_to_anothers_upload(
    server: Server, client: aiohttp.ClientSession, someone_else: Person
) -> None:
    upload = await begin(client)
    async with server.client(someone_else) as other, server.client() as stranger:
        assert (await send(other, upload, 0, part(0)))[0] == 404
        assert (await send(stranger, upload, 0, part(0)))[0] == 401
    assert (await send(client, {"uploadId": uuid4()}, 0, b"x"))[0] == 404
    assert (await send(client, {"uploadId": "none"}, 0, b"x"))[0] == 400


async def until_leased(floor: Floor, count: int = 1) -> datetime:
    """Wait until so many chunks are being received; answers when the first of their leases ends."""
    receiving_now = "select lease_until from upload_chunks where lease is not null order by lease_until"
    async with asyncio.timeout(20):
        while True:
            async with floor.pool.connection() as connection:
                leases = await connection.fetch(receiving_now)
            if len(leases) == count:
                first: datetime = leases[0]["lease_until"]
                return first
            await asyncio.sleep(0.02)


async def until_it_is(floor: Floor, instant: datetime) -> None:
    """Wait until PostgreSQL's clock has passed it."""
    is_past = "select clock_timestamp() > $1"
    async with asyncio.timeout(20), floor.pool.connection() as connection:
        while not await connection.fetchval(is_past, instant):  # noqa: ASYNC110  # a clock sets no event
            await asyncio.sleep(0.05)


async def test_a_connection_lost_in_the_middle_frees_the_chunk(
    server: Server, floor: Floor, someone: Person
) -> None:
    async with server.client(someone) as client:
        upload = await begin(client)
        headers = await server.bearer(someone)
        url = urlsplit(server.api)
        _reader, writer = await asyncio.open_connection(url.hostname, url.port)
        path = f"{url.path}/upload/chunk/{upload['uploadId']}/0"
        head = f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {CHUNK}\r\n"
        writer.write(
            (head + f"Authorization: {headers['Authorization']}\r\n\r\n").encode() + part(0)[:100_000]
        )
        await writer.drain()
        await until_leased(floor)
        assert (await send(client, upload, 0, part(0)))[0] == 409
        writer.transport.abort()
        status = 0
        for _ in range(200):
            status, _answer = await send(client, upload, 0, part(0))
            if status == 200:
                break
            await asyncio.sleep(0.05)
        assert status == 200


async def test_a_body_that_stands_still_is_given_up(
    server: Server, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield part(0)[:1000]
        await asyncio.sleep(60)

    async with server.client(someone) as client:
        upload = await begin(client)
        with monkeypatch.context() as patch:
            patch.setattr(routes, "STALLED_S", 0.2)
            status, problem = await send(client, upload, 0, stalling())
        assert (status, problem["code"]) == (408, "body_stalled")
        assert (await send(client, upload, 0, part(0)))[0] == 200


async def test_a_slow_body_keeps_its_lease(
    client: aiohttp.ClientSession, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LEASE_S", 3)
    monkeypatch.setattr(receiving, "RENEW_EVERY_S", 0.2)
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        """Never faster than ten pieces a second while the test looks."""
        sent = 0
        while not go_on.is_set():
            yield part(0)[sent : sent + 100]
            sent += 100
            await asyncio.sleep(0.1)
        yield part(0)[sent:]

    upload = await begin(client)
    slow = asyncio.create_task(send(client, upload, 0, slowly()))
    await until_it_is(floor, await until_leased(floor))
    assert (await send(client, upload, 0, part(0)))[0] == 409
    go_on.set()
    assert (await slow)[0] == 200


async def test_no_connection_to_the_database_is_held_while_a_body_comes(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    """As many bodies under way as the pool has connections, and the server still answers."""
    go_on = asyncio.Event()

    async def waiting(index: int) -> AsyncIterator[bytes]:
        yield part(index)[:1000]
        await go_on.wait()
        yield part(index)[1000:]

    few = changed(settings, database_pool=4)
    async with running_server(few, floor) as server, server.client(someone) as client:
        begun = [await begin(client) for _ in range(2)]
        slow = [
            asyncio.create_task(send(client, upload, index, waiting(index)))
            for upload in begun
            for index in range(2)
        ]
        await until_leased(floor, 4)
        status, answer = await ask(client, "GET", "upload")
        go_on.set()
        assert status == 200, answer
        assert [status for status, _ in await asyncio.gather(*slow)] == [200] * 4


async def test_a_full_disk_answers_507_and_the_upload_goes_on_later(
    server: Server, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await begin(client)

    async def full(*_: Any) -> None:
        raise StorageFull(retry_after=60)

    with monkeypatch.context() as patch:
        patch.setattr("tutti.storage_local.LocalStorage.write_at", full)
        async with client.post(f"upload/chunk/{upload['uploadId']}/0", data=part(0)) as response:
            assert response.status == 507
            assert response.headers["Retry-After"] == "60"
    assert (await send(client, upload, 0, part(0)))[0] == 200


async def test_bytes_that_vanished_end_the_upload(client: aiohttp.ClientSession, settings: Settings) -> None:
    upload = await begin(client)
    (Path(settings.data) / "media" / "incoming" / upload["uploadId"]).unlink()
    status, problem = await send(client, upload, 0, part(0))
    assert (status, problem["code"]) == (422, "bytes_lost")
    assert (await ask(client, "GET", f"upload/{upload['uploadId']}"))[1]["status"] == "failed"


async def test_completing_over_http(client: aiohttp.ClientSession) -> None:
    upload = await begin(client)
    await send(client, upload, 1, part(1))
    status, problem = await ask(client, "POST", f"upload/complete/{upload['uploadId']}")
    assert (status, problem["missing"]) == (409, [0, 2])
    for index in (0, 2):
        await send(client, upload, index, part(index))
    for _ in range(2):
        status, answer = await ask(client, "POST", f"upload/complete/{upload['uploadId']}")
        assert (status, answer["status"]) == (202, "assembling")
    assert (await send(client, upload, 0, part(0)))[0] == 409


async def test_an_upload_is_cancelled_over_http(client: aiohttp.ClientSession) -> None:
    upload = await begin(client)
    assert len((await ask(client, "GET", "upload"))[1]["items"]) == 1
    assert (await ask(client, "DELETE", f"upload/{upload['uploadId']}"))[0] == 204
    assert (await ask(client, "GET", "upload"))[1]["items"] == []
    assert (await send(client, upload, 0, part(0)))[0] == 410


async def test_a_name_with_folders_and_an_empty_file_are_refused(client: aiohttp.ClientSession) -> None:
    for wish, code in (
        ({"fileName": "../../etc/passwd"}, "bad_file_name"),
        ({"fileSize": 0}, "empty_file"),
        ({"fileSize": 2**40}, "file_too_large"),
    ):
        given = {"fileName": "a.mp3", "fileSize": 10, "mimeType": ""} | wish
        status, problem = await ask(client, "POST", "upload/init", json=given)
        assert (status, problem["code"]) == (413 if code == "file_too_large" else 400, code)
        assert len(problem["detail"]) > 15


async def test_a_signed_link_takes_one_body_without_sign_in(
    server: Server, client: aiohttp.ClientSession, settings: Settings
) -> None:
    query = {"fileName": "a.mp3", "fileSize": str(len(CONTENT)), "mimeType": "audio/mpeg"}
    status, link = await ask(client, "GET", "upload/presigned-url", params=query)
    assert (status, link["method"]) == (200, "PUT")
    async with aiohttp.ClientSession() as stranger:
        url = f"{server.url}{link['url']}"
        async with stranger.put(f"{url}x", data=CONTENT, headers=link["headers"]) as response:
            assert response.status == 403
        async with stranger.put(url, data=CONTENT[:-1], headers={"Content-Type": "audio/mpeg"}) as response:
            assert response.status == 403
        async with stranger.put(url, data=CONTENT, headers={"Content-Type": "text/html"}) as response:
            assert response.status == 403
        async with stranger.put(url, data=CONTENT, headers=link["headers"]) as response:
            assert response.status == 200
    assert received(settings, link) == CONTENT
    assert (await ask(client, "POST", f"upload/complete/{link['uploadId']}"))[0] == 202
    assert (await send(client, link, 0, CONTENT))[0] == 409


async def test_the_path_without_a_version_says_where_it_went(
    server: Server, client: aiohttp.ClientSession
) -> None:
    upload = await begin(client)
    path = f"{server.url}/api/upload/chunk/{upload['uploadId']}/0"
    async with client.post(path, data=part(0)) as response:
        assert response.status == 200
        assert "Deprecation" in response.headers


async def test_all_devices_see_an_upload_grow_also_those_that_come_later(
    server: Server, client: aiohttp.ClientSession, someone: Person, someone_else: Person
) -> None:
    async with server.phone(someone) as here, server.phone(someone_else) as elsewhere:
        upload = await begin(client)
        await send(client, upload, 0, part(0))
        grown = await here.hear("upload.progress", uploadId=upload["uploadId"])
        assert (grown["received"], grown["total"], grown["stage"]) == (CHUNK, len(CONTENT), "uploading")
        async with server.phone(someone) as later:
            seen = await later.hear("upload.progress", uploadId=upload["uploadId"])
            assert seen["received"] == CHUNK
        assert not any(message["method"] == "upload.progress" for message in elsewhere.heard)


async def test_the_socket_looks_after_uploads_but_takes_no_word_for_bytes(
    server: Server, client: aiohttp.ClientSession, someone: Person
) -> None:
    async with server.phone(someone) as phone:
        begun = await phone.ask("upload.init", fileName="b.mp3", fileSize=10, mimeType="audio/mpeg")
        assert (await phone.ask("upload.get", uploadId=begun["uploadId"]))["status"] == "pending"
        await phone.ask("upload.cancel", uploadId=begun["uploadId"])
        assert (await phone.ask("upload.unfinished"))["items"] == []
        for method in ("upload.chunkArrived", "upload.expectChunk"):
            with pytest.raises(Refused):
                await phone.ask(method, uploadId=begun["uploadId"])


async def test_a_beginning_that_is_sent_twice_begins_one_upload(client: aiohttp.ClientSession) -> None:
    given = {
        "json": {"fileName": "a.mp3", "fileSize": 10, "mimeType": ""},
        "headers": {"Idempotency-Key": "k1"},
    }
    first, second = [await ask(client, "POST", "upload/init", **given) for _ in range(2)]
    assert first == second
    assert first[0] == 201
    assert len((await ask(client, "GET", "upload"))[1]["items"]) == 1


async def test_a_body_outlives_its_session_in_vain(server: Server, someone: Person) -> None:
    async with server.client(someone) as client, server.client(someone) as other:
        upload = await begin(client)

        async def body() -> AsyncIterator[bytes]:
            yield part(0)[:1000]
            status, _ = await ask(other, "DELETE", "auth/sessions")
            assert status == 204
            yield part(0)[1000:]

        status, problem = await send(client, upload, 0, body())
        assert (status, problem["code"]) == (401, "sign_in_needed")
        status, state = await ask(other, "GET", f"upload/{upload['uploadId']}")
        assert (status, state["uploadedChunks"]) == (200, [])
        assert (await send(other, upload, 0, part(0)))[0] == 200
