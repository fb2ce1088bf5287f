"""The example clients as a person uses them: a process of its own against a real server."""

import asyncio
import os
import pty
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest

from server.keys import HUB
from server.socket import RESTARTING, TOKEN_EXPIRED
from tests.running import ROOT, Phone, Server
from tests.songs import add_song
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person

SHORT, STEADY = (ROOT / "examples" / name for name in ("remote.py", "steady_remote.py"))
BOTH = pytest.mark.parametrize("client", [SHORT, STEADY], ids=["short", "steady"])
PASSWORD = "a baton and a score"


class Screen:
    """What the client has printed so far, and its keyboard."""

    def __init__(self, process: Process, typing: Callable[[bytes], object]) -> None:
        self.process = process
        self.text = ""
        self._type = typing
        self._seen = 0
        self._more = asyncio.Event()

    def prints(self, data: bytes) -> None:
        self.text += data.decode(errors="replace")
        self._more.set()

    def types(self, line: str) -> None:
        self.press(f"{line}\n")

    def press(self, keys: str) -> None:
        self._type(keys.encode())

    async def shows(self, text: str, within_s: float = 15) -> None:
        """Wait until this stands in what came since the last time."""
        try:
            async with asyncio.timeout(within_s):
                while text not in self.text[self._seen :]:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} is not in {self.text[self._seen :]!r}") from None
        self._seen = self.text.index(text, self._seen) + len(text)


def command(server: Server, client: Path) -> list[str]:
    return [sys.executable, str(client), server.url]


@asynccontextmanager
async def with_token(server: Server, person: Person, client: Path = STEADY) -> AsyncIterator[Screen]:
    """The client with an access token."""
    token = (await server.bearer(person))["Authorization"].removeprefix("Bearer ")
    async with between_pipes(server, client, TUTTI_TOKEN=token) as screen:
        yield screen


@asynccontextmanager
async def between_pipes(server: Server, client: Path = STEADY, **given: str) -> AsyncIterator[Screen]:
    """The client without a terminal."""
    process = await asyncio.create_subprocess_exec(
        *command(server, client), stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=os.environ | given
    )
    assert process.stdin is not None
    assert process.stdout is not None
    screen = Screen(process, process.stdin.write)
    reading = asyncio.create_task(_read(screen, process.stdout))
    try:
        yield screen
    finally:
        await _end(process)
        await reading


@asynccontextmanager
async def in_a_terminal(server: Server, client: Path = STEADY) -> AsyncIterator[Screen]:
    """The client in a terminal of its own."""
    keyboard, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *command(server, client), stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    screen = Screen(process, lambda data: os.write(keyboard, data))
    loop = asyncio.get_running_loop()
    loop.add_reader(keyboard, _take, screen, keyboard)
    try:
        yield screen
    finally:
        await _end(process)
        loop.remove_reader(keyboard)
        os.close(keyboard)


def _take(screen: Screen, keyboard: int) -> None:
    with suppress(OSError):  # the terminal is closed when the client has ended
        screen.prints(os.read(keyboard, 65_536))


async def _read(screen: Screen, stream: asyncio.StreamReader) -> None:
    while data := await stream.read(65_536):
        screen.prints(data)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def a_queue(floor: Floor, phone: Phone, person: Person) -> None:
    """Two songs and somebody's device that sounds them."""
    songs = [str(await add_song(floor, person, title)) for title in ("Träumerei", "Mondnacht")]
    await phone.ask("device.register", name="Kitchen", kind="computer", canPlay=True)
    await phone.ask("queue.add", songIds=songs)


@BOTH
async def test_its_keys_steer_what_all_devices_share(
    server: Server, floor: Floor, someone: Person, client: Path
) -> None:
    async with server.phone(someone) as phone, with_token(server, someone, client) as remote:
        await remote.shows("‖ nothing  100%")
        await a_queue(floor, phone, someone)
        await remote.shows("‖ Träumerei – Clara Schumann  100%")
        for key, line in (
            ("p", "▶ Träumerei – Clara Schumann  100%"),
            ("n", "▶ Mondnacht – Clara Schumann  100%"),
            ("b", "▶ Träumerei – Clara Schumann  100%"),
            ("-", "▶ Träumerei – Clara Schumann  95%"),
            ("-", "▶ Träumerei – Clara Schumann  90%"),
            ("+", "▶ Träumerei – Clara Schumann  95%"),
            ("s", "▶ Träumerei – Clara Schumann  95%"),
            ("p", "‖ Träumerei – Clara Schumann  95%"),
        ):
            remote.types(key)
            await remote.shows(line)
        state = await phone.ask("player.get")
        assert (state["isPlaying"], state["volume"], state["isShuffled"]) == (False, 0.95, True)
        remote.types("q")
        assert await asyncio.wait_for(remote.process.wait(), 10) == 0


@BOTH
async def test_what_others_do_is_seen_at_once(
    server: Server, floor: Floor, someone: Person, client: Path
) -> None:
    async with server.phone(someone) as phone, with_token(server, someone, client) as remote:
        await remote.shows("‖ nothing")
        await a_queue(floor, phone, someone)
        await phone.ask("player.change", volume=0.3)
        await remote.shows("‖ Träumerei – Clara Schumann  30%")


@BOTH
async def test_a_refusal_is_a_sentence_and_other_keys_mean_nothing(
    server: Server, someone: Person, client: Path
) -> None:
    async with with_token(server, someone, client) as remote:
        await remote.shows("‖ nothing")
        remote.types("x")
        remote.types("ÿ")
        remote.types("")
        remote.types("p")
        await remote.shows("queue is empty. Add a song first.\n")
        assert remote.text.count("\n") == 2


async def test_the_short_one_asks_and_ends_with_its_line(server: Server, floor: Floor) -> None:
    await perform(Context(floor), identity.add_user, email="c@example.org", name="C", password=PASSWORD)
    async with in_a_terminal(server, SHORT) as remote:
        await remote.shows("E-mail: ")
        remote.types("c@example.org")
        await remote.shows("Password: ")
        remote.types(PASSWORD)
        await remote.shows("‖ nothing")
        assert PASSWORD not in remote.text
        assert server.app is not None
        for socket in list(server.app[HUB].sockets):
            socket.close(RESTARTING)
        assert await asyncio.wait_for(remote.process.wait(), 10) == 0


async def test_the_last_wish_that_was_not_answered_is_sent_again_once(
    server: Server, floor: Floor, someone: Person
) -> None:
    """A server closes the line before it has answered; under its commandId the wish takes effect once."""
    assert server.app is not None
    async with server.phone(someone) as phone, with_token(server, someone) as remote:
        await remote.shows("‖ nothing")
        await a_queue(floor, phone, someone)
        await remote.shows("‖ Träumerei")
        seen = await phone.ask("player.get")
        (theirs,) = (each for each in server.app[HUB].sockets if each.session_id != own_session(phone))
        theirs.close(RESTARTING)
        remote.press("n")
        await remote.shows("Mondnacht", within_s=20)
        await asyncio.sleep(0.5)
        state = await phone.ask("player.get")
        assert (state["item"]["title"], state["version"]) == ("Mondnacht", seen["version"] + 1)


async def test_it_ends_when_its_sign_in_is_ended(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone, with_token(server, someone) as remote:
        await remote.shows("‖ nothing")
        await phone.ask("session.endOthers")
        await remote.shows("This sign-in does not count (any more).")
        assert await asyncio.wait_for(remote.process.wait(), 10) == 1


async def test_it_renews_a_token_that_has_run_out(
    server: Server, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed in by e-mail and password, it comes back with its refresh token."""
    assert server.app is not None
    clara = await perform(
        Context(floor), identity.add_user, email="clara@example.org", name="Clara", password=PASSWORD
    )
    monkeypatch.setenv("TUTTI_EMAIL", "clara@example.org")
    monkeypatch.setenv("TUTTI_PASSWORD", PASSWORD)
    async with between_pipes(server) as remote:
        await remote.shows("‖ nothing")
        for socket in list(server.app[HUB].sockets):
            socket.close(TOKEN_EXPIRED)
        async with server.phone(clara) as phone:
            await a_queue(floor, phone, clara)
            await remote.shows("‖ Träumerei")
            listed = await phone.ask("session.list")
        assert len(listed["items"]) == 2, "the phone's and its own: it did not sign in anew"


async def test_in_a_terminal_one_is_asked_and_keys_count_at_once(server: Server, floor: Floor) -> None:
    clara = await perform(
        Context(floor), identity.add_user, email="clara@example.org", name="Clara", password=PASSWORD
    )
    async with in_a_terminal(server) as remote:
        await remote.shows("E-mail: ")
        remote.types("clara@example.org")
        await remote.shows("Password: ")
        remote.types(PASSWORD)
        await remote.shows("‖ nothing")
        async with server.phone(clara) as phone:
            await a_queue(floor, phone, clara)
            await remote.shows("‖ Träumerei")
            remote.press("p")
            await remote.shows("▶ Träumerei")
        assert PASSWORD not in remote.text
        remote.press("q")
        assert await asyncio.wait_for(remote.process.wait(), 10) == 0


async def test_a_wrong_password_ends_it(server: Server, floor: Floor) -> None:
    await perform(Context(floor), identity.add_user, email="c@example.org", name="C", password=PASSWORD)
    async with in_a_terminal(server) as remote:
        await remote.shows("E-mail: ")
        remote.types("c@example.org")
        await remote.shows("Password: ")
        remote.types("a guess")
        assert await asyncio.wait_for(remote.process.wait(), 15) == 1


def own_session(phone: Phone) -> UUID:
    hello = next(each for each in phone.heard if each["method"] == "session.hello")
    return UUID(hello["params"]["sessionId"])


@BOTH
def test_it_imports_nothing_but_aiohttp_and_python(client: Path) -> None:
    imported = {
        line.split()[1].partition(".")[0]
        for line in client.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported - {"aiohttp"} <= sys.stdlib_module_names


def test_the_short_one_is_read_in_a_minute() -> None:
    assert len(SHORT.read_text().splitlines()) <= 60
