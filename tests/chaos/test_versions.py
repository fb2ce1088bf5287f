"""Old code beside new over one database, and the migration between them while people listen (F26)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from tests.audio_files import AudioFile
from tests.chaos.device import REPORT
from tests.chaos.history import History, check_versions
from tests.chaos.listener import PASSWORD, SONGS, Listener, join, ready, songs_of, statuses, wishes
from tests.chaos.older import ROOT, House, older_code
from tests.chaos.truth import HEALED_WITHIN_S, converged
from tests.conftest import _once, with_database
from tests.ports import free_port
from tests.running import Process, changed, wait_for_answer
from tests.walks.test_upload import CHUNK
from tutti.embedded import Postgres
from tutti.floor import open_floor
from tutti.schema_version import EXIT_CODE
from tutti.settings import Settings

PEOPLE = ("clara", "robert")


@pytest.fixture
async def own_database(postgres_part: Postgres) -> AsyncIterator[str]:
    """Empty, and dropped at the end."""
    name, admin = f"older_{uuid4().hex[:12]}", with_database(postgres_part.url, "postgres")
    await _once(admin, f'create database "{name}"')
    yield with_database(postgres_part.url, name)
    if not postgres_part.running:
        postgres_part.start()
    await _once(admin, f'drop database if exists "{name}" with (force)')


@pytest.fixture
def own_settings(settings: Settings, own_database: str, tmp_path: Path) -> Settings:
    return changed(
        settings,
        database_url=own_database,
        redis_namespace=f"older-{uuid4().hex[:12]}",
        data_dir=str(tmp_path / "var"),
    )


@pytest.fixture
def house(own_settings: Settings, tmp_path: Path) -> Iterator[House]:
    """Everything as it was before: server, relay and worker of the older code."""
    folder = tmp_path / "older"
    folder.mkdir()
    commit = older_code(folder)
    server = Process("server", changed(own_settings, port=free_port()), code=folder)
    made = House(own_settings, folder, commit, server)
    made.tutti(folder, "migrate")
    for name in PEOPLE:
        made.tutti(folder, "user", f"{name}@example.org", typed=f"{PASSWORD}\n")
    with ExitStack() as stack:
        for process in (
            server,
            *(Process(name, own_settings, code=folder) for name in ("workers.relay", "workers")),
        ):
            stack.callback(process.start().stop)
        wait_for_answer(f"{made.url}/healthz")
        yield made


async def becomes(true: Callable[[], bool]) -> None:
    """Wait for it, not for ever."""
    deadline = monotonic() + HEALED_WITHIN_S
    while not true():
        assert monotonic() < deadline
        await asyncio.sleep(0.01)


async def each_adds(people: list[Listener], more: int, within_s: float = 60) -> None:
    """Until everybody has been answered so often once more."""
    wanted = {each.name: len(each.history.of("ok", "queue.add")) + more for each in people}
    deadline = monotonic() + within_s
    while any(len(each.history.of("ok", "queue.add")) < wanted[each.name] for each in people):
        assert monotonic() < deadline, [each.history.counts() for each in people]
        await asyncio.sleep(0.05)


def well(history: History) -> bool:
    """Every deed was answered, none was refused."""
    return not (history.of("fail") or history.of("unknown"))


async def test_f26_old_code_runs_on_while_the_database_is_migrated_and_beside_the_new(
    house: House, audio_file: AudioFile, measured: Any
) -> None:
    until = asyncio.Event()
    async with AsyncExitStack() as stack:
        people = []
        for number, name in enumerate(PEOPLE):
            person = Listener(name, [])
            await join(stack, house.url, person)
            person.songs = await songs_of(person.clients[0], audio_file, number * SONGS)
            people.append(person)
        listening = [asyncio.create_task(each.listen(each.devices[0], until)) for each in people]
        await each_adds(people, 3)

        began = monotonic()
        await asyncio.to_thread(house.tutti, ROOT, "migrate")
        measured("F26 migrated beside the older code within, s", monotonic() - began)
        newer = Process("server", changed(house.settings, port=free_port())).start()
        stack.callback(newer.stop)
        at_new = f"http://127.0.0.1:{newer.settings.port}"
        await asyncio.to_thread(wait_for_answer, f"{at_new}/healthz")
        for person in people:
            await join(stack, at_new, person)
        await each_adds(people, 3)
        until.set()
        await asyncio.gather(*listening)
        floor = await stack.enter_async_context(open_floor(house.settings))
        those = {each.player_id: each.devices for each in people}
        await converged(floor, those)
        for person in people:
            assert well(person.history), "nobody noticed"
            assert len(person.history.of("ok", "queue.add")) > 5
            assert person.devices[0].opened == 1
            check_versions(person.history)

        await each_server_steers_and_both_hear(people)
        await converged(floor, those)
        await both_servers_read_the_same(people)
        await a_song_sent_to_both_is_found_by_both(people[0], audio_file)
        await who_signs_out_at_one_is_out_at_the_other(people[1])

        house.server.kill(signal.SIGKILL)
        house.server.start()
        await asyncio.to_thread(wait_for_answer, f"{house.url}/healthz")
        back = await join(stack, house.url, people[0])
        assert (await back.do("player.change", volume=0.25)).outcome == "ok"
        await converged(floor, {people[0].player_id: people[0].devices})
        measured("F26 older code", house.commit[:10])


async def each_server_steers_and_both_hear(people: list[Listener]) -> None:
    """Each command once at the old server and once at the new one; the other hears the state it made."""
    for person in people:
        outputs = [
            (await device.ask("device.register", name=device.name, kind="browser", canPlay=True))["deviceId"]
            for device in person.devices
        ]
        for turn in (0, 1):
            here, there = person.devices[turn], person.devices[1 - turn]
            for method, params in wishes(person.songs, outputs[turn]):
                deed = await here.do(method, **params)
                assert deed.outcome == "ok", (here.name, deed)
                if method == "player.play":
                    await here.ask(REPORT, state="playing")
                await becomes(lambda: there.state["version"] >= deed.version)  # noqa: B023  # awaited here
            await here.do("player.transfer", deviceId=outputs[1 - turn])
        assert well(person.history)


async def both_servers_read_the_same(people: list[Listener]) -> None:
    for person in people:
        old, new = [await statuses(client) for client in person.clients]
        for told in (old, new):
            assert {path: status for path, (status, _body) in told.items() if status != 200} == {}
        for path in ("songs", "player/queue", "player/history", "albums", "artists"):
            one, other = (each[path][1]["items"] for each in (old, new))
            assert all(known_to_both(*pair) for pair in zip(one, other, strict=True)), path
            assert one, f"nothing to compare in {path}"


def known_to_both(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """What both versions tell of a thing is the same; either may tell more."""
    shared = one.keys() & other.keys()
    assert {name: one[name] for name in shared} == {name: other[name] for name in shared}
    return bool(shared)


async def a_song_sent_to_both_is_found_by_both(person: Listener, audio_file: AudioFile) -> None:
    """Begun at one, chunks to both in turn, completed at the other, taken in by the older worker."""
    old, new = person.clients
    file = audio_file("wav", 20, {"title": "Nachtlied", "artist": "Clara Schumann"}, hertz=900)
    content = file.read_bytes()
    wish = {"fileName": file.name, "fileSize": len(content), "mimeType": "audio/wav", "chunkSize": CHUNK}
    async with new.post("upload/init", json=wish) as answer:
        assert answer.status == 201, await answer.text()
        begun = await answer.json()
    for index in range(begun["totalChunks"]):
        part = content[index * CHUNK : (index + 1) * CHUNK]
        async with (old, new)[index % 2].post(
            f"upload/chunk/{begun['uploadId']}/{index}", data=part
        ) as answer:
            assert answer.status == 200, await answer.text()
    async with old.post(f"upload/complete/{begun['uploadId']}", json={}) as answer:
        assert answer.status == 202, await answer.text()
    song = await ready(new, begun["uploadId"])
    for client in (old, new):
        async with client.get("search", params={"q": "nachtlied"}) as answer:
            assert song in [item["id"] for item in (await answer.json())["items"]]
        async with client.get(f"songs/{song}/stream", headers={"Range": "bytes=0-99"}) as answer:
            assert answer.status == 206
            assert await answer.read() == content[:100]


async def who_signs_out_at_one_is_out_at_the_other(person: Listener) -> None:
    old, new = person.clients
    async with new.delete("auth/sessions") as answer:
        assert answer.status < 300, await answer.text()
    await becomes(lambda: 4500 in person.devices[0].closed_with)
    async with old.get("player") as answer:
        assert answer.status == 401


async def test_f26_a_server_that_could_not_look_at_the_tables_looks_later(
    own_settings: Settings, postgres_part: Postgres
) -> None:
    """PostgreSQL away keeps no server from starting; tables it cannot work with end it afterwards."""
    server = Process("server", changed(own_settings, port=free_port()))
    os.kill(postgres_part.pid, signal.SIGKILL)
    try:
        server.start()
        await asyncio.to_thread(wait_for_answer, f"http://127.0.0.1:{server.settings.port}/healthz")
        postgres_part.start()
        assert server._process is not None
        assert await asyncio.to_thread(server._process.wait, 30) == EXIT_CODE
    finally:
        server.stop()
