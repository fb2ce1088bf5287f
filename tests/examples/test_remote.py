"""The example client as a person uses it: a process of its own against a real server."""

import asyncio
import os
import pty
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from server.keys import HUB
from server.socket import RESTARTING
from tests.running import ROOT, Server
from tests.songs import add_song
from tutti import identity
from tutti.command import perform
from tutti.context import Context, Floor, Person

REMOTE = ROOT / "examples" / "remote.py"
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
        self._type(f"{line}\n".encode())

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


def command(server: Server) -> list[str]:
    return [sys.executable, str(REMOTE), server.url]


@asynccontextmanager
async def with_token(server: Server, person: Person) -> AsyncIterator[Screen]:
    """The client with an access token, between pipes."""
    token = (await server.bearer(person))["Authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        *command(server), stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=os.environ | {"TUTTI_TOKEN": token}
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
async def in_a_terminal(server: Server) -> AsyncIterator[Screen]:
    """The client in a terminal of its own."""
    keyboard, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *command(server), stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
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


async def test_it_steers_what_all_devices_share(server: Server, floor: Floor, someone: Person) -> None:
    await add_song(floor, someone, "Träumerei", 180_000)
    await add_song(floor, someone, "Mondnacht", 200_000)
    async with server.phone(someone) as phone, with_token(server, someone) as remote:
        kitchen = await phone.ask("device.register", name="Kitchen", kind="computer")
        await remote.shows("– nothing –")
        remote.types("add traumer")
        await remote.shows("Added Träumerei.")
        remote.types("add mondn")
        await remote.shows("Added Mondnacht.")
        remote.types("play")
        await remote.shows("▶ Träumerei – Clara Schumann  0:00/3:00  100%")
        remote.types("seek 90")
        await remote.shows("▶ Träumerei – Clara Schumann  1:30/3:00")
        remote.types("volume 40")
        await remote.shows("40%")
        remote.types("next")
        await remote.shows("Mondnacht – Clara Schumann  0:00/3:20  40%")
        remote.types("previous")
        await remote.shows("Träumerei")
        remote.types("pause")
        await remote.shows("‖ Träumerei")
        state = await phone.ask("player.get")
        assert (state["isPlaying"], state["volume"], state["queueLength"]) == (False, 0.4, 2)
        remote.types("devices")
        await remote.shows("1 Kitchen")
        remote.types("transfer 1")
        sounding = [{"deviceId": kitchen["deviceId"], "delayMs": 0, "ready": False}]
        await phone.hear("player.state", outputs=sounding)


async def test_what_others_do_is_seen_at_once(server: Server, floor: Floor, someone: Person) -> None:
    song = await add_song(floor, someone, "Widmung", 130_000)
    async with server.phone(someone) as phone, with_token(server, someone) as remote:
        await remote.shows("– nothing –")
        await phone.ask("queue.add", songIds=[str(song)])
        await remote.shows("‖ Widmung – Clara Schumann  0:00/2:10  100%")


async def test_mistakes_are_answered_with_a_sentence(server: Server, someone: Person) -> None:
    async with with_token(server, someone) as remote:
        await remote.shows("– nothing –")
        for typed, answer in (
            ("play", "queue"),
            ("volume loud", "play · pause"),
            ("add nothing like it", "Nothing found."),
            ("dance", "play · pause"),
            ("", "play · pause"),
        ):
            remote.types(typed)
            await remote.shows(answer)
        remote.types("quit")
        assert await asyncio.wait_for(remote.process.wait(), 10) == 0


async def test_it_comes_back_when_the_line_breaks(server: Server, floor: Floor, someone: Person) -> None:
    song = await add_song(floor, someone, "Widmung", 130_000)
    assert server.app is not None
    async with with_token(server, someone) as remote:
        await remote.shows("– nothing –")
        for socket in list(server.app[HUB].sockets):
            socket.close(RESTARTING)
        await remote.shows("– nothing –")
        async with server.phone(someone) as phone:
            await phone.ask("queue.add", songIds=[str(song)])
        await remote.shows("‖ Widmung")


async def test_it_ends_when_its_sign_in_is_ended(server: Server, someone: Person) -> None:
    async with server.phone(someone) as phone, with_token(server, someone) as remote:
        await remote.shows("– nothing –")
        await phone.ask("session.endOthers")
        await remote.shows("This sign-in has ended.")
        assert await asyncio.wait_for(remote.process.wait(), 10) == 1


async def test_in_a_terminal_one_signs_in_and_sees_the_position_run(server: Server, floor: Floor) -> None:
    clara = await perform(
        Context(floor), identity.add_user, email="clara@example.org", name="Clara", password=PASSWORD
    )
    await add_song(floor, clara, "Träumerei", 180_000)
    async with in_a_terminal(server) as remote:
        await remote.shows("E-mail: ")
        remote.types("clara@example.org")
        await remote.shows("Password: ")
        remote.types(PASSWORD)
        await remote.shows("– nothing –")
        async with server.phone(clara) as phone:
            await phone.ask("device.register", name="Kitchen", kind="computer")
            remote.types("add träu")
            await remote.shows("Added Träumerei.")
            remote.types("play")
            await remote.shows("▶ Träumerei – Clara Schumann  0:00/3:00")
            await remote.shows("0:02/3:00")
        assert PASSWORD not in remote.text
        remote.types("quit")
        assert await asyncio.wait_for(remote.process.wait(), 10) == 0


async def test_a_wrong_password_ends_it_with_a_sentence(server: Server, floor: Floor) -> None:
    await perform(Context(floor), identity.add_user, email="c@example.org", name="C", password=PASSWORD)
    async with in_a_terminal(server) as remote:
        await remote.shows("E-mail: ")
        remote.types("c@example.org")
        await remote.shows("Password: ")
        remote.types("a guess")
        assert await asyncio.wait_for(remote.process.wait(), 15) == 1
        await remote.shows(identity.WrongCredentials.sentence)


def test_it_imports_nothing_but_aiohttp_and_python() -> None:
    imported = {
        line.split()[1].partition(".")[0]
        for line in Path(REMOTE).read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported - {"aiohttp"} <= sys.stdlib_module_names
