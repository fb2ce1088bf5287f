"""What a socket may ask, and as whom: search by name, and a session that changes while its socket is open."""

from typing import Any
from uuid import UUID

import pytest

from tests.conftest import ContextOf
from tests.running import Phone, Refused, Server, changed, running_server
from tests.songs import add_song
from tutti import library
from tutti.command import perform
from tutti.context import Context, Floor, Person
from tutti.settings import Settings

FLOOD = 60
"""Frames at once: more than the seconds they take can pay for, however slow the machine."""


async def hide(floor: Floor, owner: Person, song_id: UUID) -> None:
    """Nobody but its owner hears of this song."""
    await perform(Context(floor, person=owner), library.change_song, song_id=song_id, visibility="private")


async def titles(phone: Phone, method: str, q: str) -> list[str]:
    found = await phone.ask(method, q=q)
    return [item["title"] for item in found["items"]]


@pytest.mark.parametrize("method", ["search.find", "search.suggestions"])
async def test_search_by_name_is_on_the_socket_and_shows_what_one_may_hear(
    server: Server, floor: Floor, someone: Person, someone_else: Person, method: str
) -> None:
    await add_song(floor, someone, "Mondnacht")
    await hide(floor, someone, await add_song(floor, someone, "Mondscheinsonate"))
    async with server.phone(someone) as phone:
        assert {"Mondnacht", "Mondscheinsonate"} <= set(await titles(phone, method, "mond"))
    async with server.phone(someone_else) as phone:
        seen = await titles(phone, method, "mond")
        assert "Mondnacht" in seen
        assert "Mondscheinsonate" not in seen


@pytest.mark.parametrize("method", ["search.find", "search.suggestions"])
async def test_a_guest_finds_what_his_host_lets_him_hear_and_no_more(
    server: Server, floor: Floor, someone: Person, someone_else: Person, method: str
) -> None:
    await add_song(floor, someone_else, "Mondnacht")
    await hide(floor, someone_else, await add_song(floor, someone_else, "Mondscheinsonate"))
    headers = await as_guest(server, someone)
    async with server.phone(someone, headers) as guest:
        heard = await titles(guest, method, "mond")
        assert "Mondscheinsonate" not in heard
        async with server.client() as stranger, stranger.get("search?q=mond") as answer:
            assert (await answer.json())["items"] == [], "a stranger sees less: the guest's audiences counted"
        assert "Mondnacht" in heard


async def as_guest(server: Server, host: Person) -> dict[str, str]:
    """The header of a guest who has joined the host's player."""
    async with server.client(host) as client:
        async with client.get("player") as answer:
            assert answer.status == 200
        async with client.post("guests", json={"rights": ["see", "add"]}) as answer:
            token = (await answer.json())["token"]
    async with server.client() as client, client.post(f"join/{token}", json={"name": "Felix"}) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['accessToken']}"}


async def test_suggestions_are_counted_by_the_second_and_search_as_reading(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    few = changed(settings, rate_suggestions_per_second=2, rate_reads_per_minute=3)
    async with running_server(few, floor) as server, server.phone(someone) as phone:
        refused = await until_refused(phone, "search.suggestions", most=100)
        assert refused.problem["retryAfter"] == 1
        for _ in range(3):
            await phone.ask("search.find", q="a")
        assert (await until_refused(phone, "search.find", most=1)).problem["status"] == 429


async def until_refused(phone: Phone, method: str, most: int) -> Refused:
    """Ask again and again; answers the refusal."""
    for _ in range(most):
        try:
            await phone.ask(method, q="a")
        except Refused as refused:
            return refused
    pytest.fail(f"{method} is not counted")


async def test_other_public_commands_stay_off_the_socket(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone:
        for method in ("auth.login", "auth.refresh", "guest.join"):
            with pytest.raises(Refused) as caught:
                await phone.ask(method)
            assert caught.value.code == -32601


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks after the sessions: what is refused is refused by the message's own check."""
    monkeypatch.setattr("server.healing.EVERY_S", 60)
    monkeypatch.setattr("server.healing.SOON_S", 60)


async def reread(phone: Phone, song_id: UUID) -> Any:
    """Something that only an administrator, or the song's owner, may ask."""
    return await phone.ask("search.index", entityType="song", entityId=str(song_id))


@pytest.mark.usefixtures("no_poll")
async def test_who_is_no_administrator_any_more_is_none_in_the_next_message(
    server: Server, floor: Floor, admin: Person, someone: Person, context_of: ContextOf
) -> None:
    song_id = await add_song(floor, someone, "Mondnacht")
    async with server.phone(admin) as phone:
        await reread(phone, song_id)
        await phone.ask("song.change", songId=str(song_id), year=1840)
        async with floor.pool.connection() as connection:
            await connection.execute("update users set role = 'member' where id = $1", admin.id)
        for asked in (reread(phone, song_id), phone.ask("song.change", songId=str(song_id), year=1841)):
            with pytest.raises(Refused) as caught:
                await asked
            assert caught.value.problem["status"] == 403
        assert (await phone.ask("me.get"))["role"] == "member"


@pytest.mark.usefixtures("no_poll")
@pytest.mark.parametrize(
    "end",
    [
        "update sessions set ended_at = now(), ended_because = 'ended' where user_id = $1",
        "update sessions set expires_at = now() where user_id = $1",
        "update users set disabled_at = now() where id = $1",
    ],
)
async def test_a_session_that_is_over_carries_out_nothing_more(
    server: Server, floor: Floor, admin: Person, someone: Person, end: str
) -> None:
    song_id = await add_song(floor, someone, "Mondnacht")
    async with server.phone(admin) as phone:
        async with floor.pool.connection() as connection:
            await connection.execute(end, admin.id)
        with pytest.raises(Refused) as caught:
            await reread(phone, song_id)
        assert caught.value.problem["status"] == 401
        assert await phone.close_code() == 4500
    async with floor.pool.connection() as connection:
        assert await connection.fetchval("select count(*) from jobs where name = 'library.reread_song'") == 0


async def test_who_may_not_see_the_player_any_more_is_told_not_to_come_back(
    server: Server, floor: Floor, someone: Person
) -> None:
    headers = await as_guest(server, someone)
    async with server.phone(someone, headers):
        pass
    async with floor.pool.connection() as connection:
        await connection.execute("delete from grants where \"right\" <> 'own'")
    with pytest.raises(ConnectionError, match="4503"):
        async with server.phone(someone, headers):
            pass


@pytest.mark.parametrize(
    "nonsense",
    ["{", "[]", '{"jsonrpc":"2.0","id":1,"method":"nobody.knows"}', '{"jsonrpc":"2.0","method":"?"}'],
)
async def test_a_flood_of_nonsense_is_closed_like_one_of_commands(
    settings: Settings, floor: Floor, someone: Person, nonsense: str
) -> None:
    few = changed(settings, rate_commands_burst=3, rate_commands_per_second=1)
    async with running_server(few, floor) as server, server.phone(someone) as phone:
        for _ in range(FLOOD):
            await phone.ws.send_str(nonsense)
        assert await phone.close_code() == 4003


@pytest.mark.parametrize("method", ["search.find", "me.get", "upload.get", "queue.get"])
async def test_a_flood_of_questions_is_closed_like_one_of_commands(
    settings: Settings, floor: Floor, someone: Person, method: str
) -> None:
    few = changed(settings, rate_commands_burst=3, rate_commands_per_second=1)
    async with running_server(few, floor) as server, server.phone(someone) as phone:
        for number in range(FLOOD):
            await phone.ws.send_json({"jsonrpc": "2.0", "id": f"q{number}", "method": method, "params": {}})
        assert await phone.close_code() == 4003


async def test_questions_take_nothing_of_what_pause_and_play_may_spend(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    few = changed(settings, rate_commands_burst=3, rate_commands_per_second=1)
    async with running_server(few, floor) as server, server.phone(someone) as phone:
        assert (await until_refused(phone, "search.find", most=FLOOD)).problem["status"] == 429
        await phone.ask("player.pause")


@pytest.mark.usefixtures("no_poll")
async def test_who_asks_too_often_is_told_so_before_his_session_is_looked_up(
    settings: Settings, floor: Floor, someone: Person
) -> None:
    few = changed(settings, rate_reads_per_minute=1)
    async with running_server(few, floor) as server, server.phone(someone) as phone:
        await phone.ask("search.find", q="a")
        async with floor.pool.connection() as connection:
            await connection.execute("update sessions set expires_at = now() where user_id = $1", someone.id)
        assert (await until_refused(phone, "search.find", most=1)).problem["status"] == 429
